"""Which engine function runs how often."""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from guerdon.domain.ids import MerchantId
from guerdon.engine import (
    acting,
    approving,
    booking,
    clearing,
    enlisting,
    equipping,
    expiring,
    publishing,
    queueing,
    receiving,
    refilling,
    repairing,
)
from guerdon.engine.portions import Portion
from guerdon.engine.submitting import Ledger


class Chore(Struct, frozen=True, kw_only=True):
    """`act` takes the ledger, a merchant and how much it may do at once.

    The chores of a `group` are done one after another, groups side by side: what waits for
    somebody else's server does not keep the ledger waiting. `where` finds the merchants that have
    some of it; without, all are visited. `at_once` are visited side by side. One that failed is
    left alone for `rest_seconds_max` at most. What is `is_quiet` is no news when it is done."""

    name: str
    act: Callable[[Ledger, MerchantId, int], Awaitable[Portion]]
    interval_seconds: float
    limit: int = 500
    group: str = "ledger"
    where: Callable[[Ledger], Awaitable[list[MerchantId]]] | None = None
    at_once: int = 1
    rest_seconds_max: float = 300.0
    is_quiet: bool = False


# The ledger's in this order: what goes back by itself is not first declared expired, and what is
# approved in a round counts before anything of it expires.
TIMETABLE = (
    Chore(name="approve earnings", act=approving.approve_due, interval_seconds=10),
    Chore(name="refund unused redemptions", act=expiring.auto_refund_due, interval_seconds=10),
    Chore(name="expire redemptions", act=expiring.expire_redemptions_due, interval_seconds=20),
    Chore(name="expire lots", act=expiring.expire_lots_due, interval_seconds=30),
    # It looks at every wallet, and nobody waits for it.
    Chore(name="expire the inactive", act=expiring.expire_inactive_due, interval_seconds=600),
    Chore(name="open wallets", act=equipping.equip_members, interval_seconds=300),
    Chore(name="finish orders", act=booking.finish_orders, interval_seconds=10, limit=100),
    Chore(
        name="enrol who is listed",
        act=enlisting.enrol_listed,
        interval_seconds=1,
        limit=100,
        group="lists",
    ),
    Chore(
        name="act on the inbox",
        act=acting.act_on_inbox,
        interval_seconds=1,
        limit=100,
        group="inbox",
    ),
    # Somebody polls for each of these.
    Chore(
        name="process queued",
        act=queueing.process_queued,
        interval_seconds=0.04,
        group="queue",
        where=queueing.list_waiting,
        at_once=4,
        rest_seconds_max=5,
        is_quiet=True,
    ),
    Chore(
        name="hand over",
        act=repairing.fulfil_due,
        interval_seconds=0.2,
        limit=20,
        group="handing over",
        where=queueing.list_to_be_handed_over,
        at_once=8,
        rest_seconds_max=5,
    ),
    # Also what nobody left to be done, as where a process has died.
    Chore(
        name="see to redemptions",
        act=repairing.fulfil_due,
        interval_seconds=1,
        limit=20,
        group="redemptions",
    ),
    Chore(
        name="refill pools",
        act=refilling.refill_pools,
        interval_seconds=15,
        limit=1,
        group="platforms",
    ),
    Chore(
        name="publish offers",
        act=publishing.publish_offers,
        interval_seconds=15,
        group="platforms",
    ),
    Chore(
        name="clear destinations",
        act=clearing.clear_destinations,
        interval_seconds=30,
        limit=2000,
        group="upkeep",
    ),
    Chore(
        name="purge deliveries",
        act=clearing.purge_deliveries,
        interval_seconds=60,
        limit=5000,
        group="upkeep",
    ),
    Chore(
        name="purge the inbox",
        act=receiving.purge_inbox,
        interval_seconds=600,
        limit=1000,
        group="upkeep",
    ),
    Chore(
        name="purge lists",
        act=enlisting.purge_actions,
        interval_seconds=600,
        limit=100,
        group="upkeep",
    ),
    Chore(
        name="purge keys",
        act=expiring.purge_keys,
        interval_seconds=600,
        limit=2000,
        group="upkeep",
    ),
)
