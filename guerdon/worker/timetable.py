"""Which engine function runs how often."""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from guerdon.domain.ids import MerchantId
from guerdon.engine import acting, approving, expiring, publishing, receiving, refilling, repairing
from guerdon.engine.portions import Portion
from guerdon.engine.submitting import Ledger


class Chore(Struct, frozen=True, kw_only=True):
    """`act` takes the ledger, a merchant and how much it may do at once."""

    name: str
    act: Callable[[Ledger, MerchantId, int], Awaitable[Portion]]
    interval_seconds: float
    limit: int = 500


# In this order: what goes back by itself is not first declared expired, and what is approved in a
# round counts before anything of it expires.
TIMETABLE = (
    Chore(name="act on the inbox", act=acting.act_on_inbox, interval_seconds=1, limit=100),
    Chore(name="see to redemptions", act=repairing.fulfil_due, interval_seconds=1, limit=20),
    Chore(name="approve earnings", act=approving.approve_due, interval_seconds=10),
    Chore(name="refund unused redemptions", act=expiring.auto_refund_due, interval_seconds=10),
    Chore(name="expire redemptions", act=expiring.expire_redemptions_due, interval_seconds=20),
    Chore(name="expire lots", act=expiring.expire_lots_due, interval_seconds=30),
    Chore(name="refill pools", act=refilling.refill_pools, interval_seconds=15, limit=1),
    Chore(name="publish offers", act=publishing.publish_offers, interval_seconds=15),
    Chore(name="purge the inbox", act=receiving.purge_inbox, interval_seconds=600, limit=1000),
    Chore(name="purge keys", act=expiring.purge_keys, interval_seconds=600, limit=2000),
)
