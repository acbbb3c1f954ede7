"""Trying a webhook: one call of what never happened, to see whether the receiver takes it."""

from msgspec import Struct
from msgspec.structs import replace

from guerdon.domain.delivery import Skipped, Verdict
from guerdon.domain.errors import Invalid, NotFound
from guerdon.domain.ids import MerchantId, SubscriptionId
from guerdon.engine.addressing import find_address
from guerdon.engine.runtime import Runtime
from guerdon.engine.sampling import sample_letters
from guerdon.store import catalogues
from guerdon.store.snapshot import snapshot


class Tried(Struct, frozen=True):
    """What was sent, and what the courier said of it."""

    event: str
    url: str
    verdict: Verdict


async def try_webhook(
    runtime: Runtime,
    merchant_id: MerchantId,
    subscription_id: SubscriptionId,
    event: str | None = None,
) -> Tried:
    """Send a subscription one made-up event: the one named, or the first it is subscribed to.

    Nothing is stored, and a failure counts for nothing. Raises NotFound for a subscription that is
    not there or is switched off, Invalid for an event that it is not subscribed to, SealError where
    its secret cannot be opened."""
    async with snapshot(runtime.pool) as view:
        merchant = await catalogues.find_merchant(view, merchant_id)
        if merchant is None:
            raise NotFound(f"there is no merchant {merchant_id}")
        catalogue = await catalogues.list_offers(view, merchant)
        address = await find_address(view, runtime, merchant, f"webhook:{subscription_id}")
    if address is None or address.destination.subscription is None:
        raise NotFound(f"no webhook {subscription_id} is switched on")
    subscription = address.destination.subscription
    chosen = subscription.events[0] if event is None else event
    if chosen not in subscription.events:
        known = ", ".join(subscription.events)
        raise Invalid(f"the webhook is not subscribed to {chosen!r}, only to {known}")
    # With this one event alone, so that no other is told.
    narrowed = replace(subscription, events=(chosen,))
    destination = replace(address.destination, subscription=narrowed)
    verdict: Verdict = Skipped("nothing to say of it in this form")
    for letter in sample_letters(catalogue, narrowed, runtime.now()):
        if not address.courier.wants(destination, letter.event.kind):
            continue
        (told,) = await address.courier.carry(destination, [letter])
        assert told is not None, "the first letter of a member is tried"
        verdict = told
        if not isinstance(verdict, Skipped):
            break
    return Tried(chosen, subscription.url, verdict)
