"""Where a merchant's events go, and handing them on to there."""

from collections.abc import Sequence
from typing import get_args

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from guerdon.domain.catalogue import Merchant
from guerdon.domain.event import EventKind
from guerdon.domain.ids import DeliveryId, MerchantId, ProgramId, SubscriptionId
from guerdon.domain.integration import Integration
from guerdon.domain.subscription import Subscription
from guerdon.engine import connections, subscribing
from guerdon.engine.portions import Portion
from guerdon.engine.ports import Connected, Courier, Destination
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal, SealError
from guerdon.engine.submitting import Ledger
from guerdon.store import deliveries, integrations, outbox_cursors, webhook_subscriptions
from guerdon.store.connection import Connection
from guerdon.store.deliveries import Wanted
from guerdon.store.transaction import transaction

WEBHOOK = "webhook"
_KINDS: tuple[EventKind, ...] = get_args(EventKind)

_secrets = msgspec.json.Decoder(dict[str, str])


class Address(Struct, frozen=True, kw_only=True):
    """A destination and who carries letters there."""

    destination: Destination
    courier: Courier
    program_id: ProgramId | None = None


def courier_of(runtime: Runtime, name: str) -> Courier | None:
    """Give who carries letters to a destination, by its name."""
    return runtime.couriers.get(name.partition(":")[0])


async def list_addresses(tx: Connection, runtime: Runtime, merchant: Merchant) -> list[Address]:
    """List where a merchant's events may go: platforms it is connected to, webhooks switched on.

    Without their secrets, which it takes nothing to be wanted."""
    addresses = []
    for integration, _ in await integrations.list_integrations(tx, merchant.id):
        if integration.kind in runtime.couriers and _is_there(integration):
            addresses.append(_platform(runtime, merchant, integration, {}))
    if WEBHOOK in runtime.couriers:
        found = await webhook_subscriptions.list_addressed_subscriptions(tx, merchant.id)
        addresses += [_webhook(runtime, merchant, subscription, None) for subscription, _ in found]
    return addresses


async def find_address(
    tx: Connection, runtime: Runtime, merchant: Merchant, name: str
) -> Address | None:
    """Find a destination with its secrets; None where it is not there, or not any more.

    Raises SealError where the secrets cannot be opened."""
    kind, _, number = name.partition(":")
    if kind == WEBHOOK:
        webhooks = await webhook_subscriptions.list_addressed_subscriptions(
            tx, merchant.id, SubscriptionId(int(number))
        )
        for subscription, sealed in webhooks:
            context = subscribing.context_of(merchant.id, subscription.id)
            secret = _open(runtime.seal, sealed, context).decode()
            return _webhook(runtime, merchant, subscription, secret)
        return None
    for integration, sealed in await integrations.list_integrations(tx, merchant.id):
        if integration.kind == name and _is_there(integration):
            context = connections.context_of(merchant.id, integration.kind)
            secrets = _secrets.decode(_open(runtime.seal, sealed, context))
            return _platform(runtime, merchant, integration, secrets)
    return None


async def hand_on(ledger: Ledger, merchant_id: MerchantId, limit: int) -> Portion:
    """Give each destination that wants them its deliveries of at most so many events past the
    cursor, and move the cursor, in one transaction under the cursor's lock.

    A destination gets the events that are handed on once it is there. Where a rival is handing on,
    there is nothing to do."""
    merchant = (await ledger.catalogues.get(merchant_id)).merchant
    async with transaction(ledger.runtime.pool) as tx:
        cursor = await outbox_cursors.lock_cursor(tx, merchant_id)
        if cursor is None:
            is_new = await outbox_cursors.insert_cursor(tx, merchant_id)
            return Portion(0, has_more=is_new)
        # Asked before the destinations are: an event that can be seen here, and that came after a
        # destination, then finds it there.
        reach = await outbox_cursors.get_reach(tx, merchant_id, cursor.last_event_id, limit)
        wanted = _wanted(await list_addresses(tx, ledger.runtime, merchant))
        if not wanted:
            moved = replace(cursor, last_event_id=reach.newest_id)
            await outbox_cursors.update_cursor(tx, merchant_id, moved)
            return Portion(0, has_more=False)
        count = await deliveries.insert_deliveries(
            tx, merchant_id, cursor, reach.last_event_id, ledger.runtime.now(), wanted
        )
        names = set(cursor.destinations)
        if count:
            names.update(each.destination for each in wanted)
        moved = outbox_cursors.Cursor(
            last_event_id=reach.last_event_id,
            next_delivery_id=DeliveryId(cursor.next_delivery_id + count),
            destinations=tuple(sorted(names)),
        )
        await outbox_cursors.update_cursor(tx, merchant_id, moved)
    return Portion(count, has_more=reach.last_event_id < reach.newest_id)


def _wanted(addresses: Sequence[Address]) -> list[Wanted]:
    return [
        Wanted(address.destination.name, address.program_id, kind)
        for address in addresses
        for kind in _KINDS
        if address.courier.wants(address.destination, kind)
    ]


def _is_there(integration: Integration) -> bool:
    return integration.definition.get(connections.DISCONNECTED) is None


def _platform(
    runtime: Runtime, merchant: Merchant, integration: Integration, secrets: dict[str, str]
) -> Address:
    connected = Connected(
        merchant_id=merchant.id,
        kind=integration.kind,
        definition=integration.definition,
        secrets=secrets,
    )
    return Address(
        destination=Destination(name=integration.kind, merchant=merchant, connected=connected),
        courier=runtime.couriers[integration.kind],
    )


def _webhook(
    runtime: Runtime, merchant: Merchant, subscription: Subscription, secret: str | None
) -> Address:
    return Address(
        destination=Destination(
            name=f"{WEBHOOK}:{subscription.id}",
            merchant=merchant,
            subscription=subscription,
            secret=secret,
        ),
        courier=runtime.couriers[WEBHOOK],
        program_id=subscription.program_id,
    )


def _open(seal: Seal | None, sealed: bytes, context: str) -> bytes:
    if seal is None:
        raise SealError("there is no key to open it with")
    return seal.open(sealed, context)
