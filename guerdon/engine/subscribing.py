"""Webhook subscriptions: made, changed, removed, and given new secrets."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from guerdon.domain.command import Refused
from guerdon.domain.errors import Conflict, Invalid, NotFound, Unavailable
from guerdon.domain.ids import MerchantId, ProgramId, SubscriptionId
from guerdon.domain.subscription import Subscription
from guerdon.engine.repeating import once
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal
from guerdon.engine.signing import make_secret, shared_context_of, shared_secret
from guerdon.store import signing_secrets
from guerdon.store import webhook_subscriptions as store
from guerdon.store.connection import Connection
from guerdon.store.sequences import take_ids

SUBSCRIPTIONS_MAX = 100
SHARED_LENGTH_MIN = 16
# More than there ever are.
_ALL = 10_000
_encode = msgspec.msgpack.Encoder().encode


class Scope(Struct, frozen=True, kw_only=True):
    """Whose subscriptions an act is about: a caller sees those of its dialect and program only."""

    merchant_id: MerchantId
    dialect: str
    program_id: ProgramId | None


class Repeat(Struct, frozen=True):
    """The caller's idempotency key and what was asked under it."""

    key: str | None = None
    fingerprint: bytes = b""


class Subscribed(Struct, frozen=True):
    """`secret` is given where the act made it, and never again. `is_replay` as everywhere."""

    subscription: Subscription
    secret: str | None = None
    is_replay: bool = False


class Unsubscribed(Struct, frozen=True):
    id: SubscriptionId
    is_replay: bool = False


class Changes(Struct, frozen=True, kw_only=True):
    """What is UNSET stays; a description of None clears."""

    url: str | UnsetType = UNSET
    events: tuple[str, ...] | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET
    description: str | None | UnsetType = UNSET


Act = Callable[[Connection, datetime], Awaitable["_A"]]
_subscribed = msgspec.msgpack.Decoder(Subscribed)
_unsubscribed = msgspec.msgpack.Decoder(Unsubscribed)
_A = TypeVar("_A", Subscribed, Unsubscribed)


async def subscribe(
    runtime: Runtime,
    scope: Scope,
    *,
    url: str,
    events: tuple[str, ...],
    description: str | None,
    repeat: Repeat,
    shares_secret: bool = False,
) -> Subscribed | Refused:
    """Add a subscription with a secret of 64 hex digits, or with the one that all of the program's
    share. `url` and `events` are checked already.

    Raises Conflict where there are as many as there may be, Unavailable without a seal."""
    seal = seal_of(runtime)

    async def act(tx: Connection, now: datetime) -> Subscribed:
        # Taken first: it makes rivals wait, so that the count below is exact.
        subscription_id = SubscriptionId(await take_ids(tx, scope.merchant_id, 1))
        count = await store.count_subscriptions(
            tx, scope.merchant_id, scope.dialect, scope.program_id
        )
        if count >= SUBSCRIPTIONS_MAX:
            raise Conflict(f"there are {SUBSCRIPTIONS_MAX} webhook subscriptions already")
        subscription = Subscription(
            id=subscription_id,
            dialect=scope.dialect,
            program_id=scope.program_id,
            url=url,
            events=events,
            description=description,
            is_active=True,
            is_managed=False,
            created_at=now,
            updated_at=now,
        )
        if shares_secret:
            assert scope.program_id is not None, "a secret is shared within a program"
            secret = await shared_secret(
                tx, seal, scope.merchant_id, scope.program_id, scope.dialect, now
            )
        else:
            secret = make_secret()
        sealed = seal.seal(secret.encode(), context_of(scope.merchant_id, subscription_id))
        await store.insert_subscription(tx, scope.merchant_id, subscription, sealed)
        return Subscribed(subscription, secret)

    return await _once(runtime, seal, scope, act, repeat, _subscribed)


async def change_subscription(
    runtime: Runtime,
    scope: Scope,
    subscription_id: SubscriptionId,
    changes: Changes,
    *,
    repeat: Repeat,
) -> Subscribed | Refused:
    """Change a subscription; its secret stays and is not shown. Locks it.

    Raises NotFound. A change that changes nothing leaves `updated_at` as it was."""

    async def act(tx: Connection, now: datetime) -> Subscribed:
        known = await _lock(tx, scope, subscription_id)
        given = {
            name: getattr(changes, name)
            for name in changes.__struct_fields__
            if getattr(changes, name) is not UNSET
        }
        changed = replace(known, **given)
        if changed != known:
            changed = replace(changed, updated_at=now)
            await store.update_subscription(tx, scope.merchant_id, changed)
        return Subscribed(changed)

    return await _once(runtime, seal_of(runtime), scope, act, repeat, _subscribed)


async def unsubscribe(
    runtime: Runtime, scope: Scope, subscription_id: SubscriptionId, *, repeat: Repeat
) -> Unsubscribed | Refused:
    """Remove a subscription for good, its secret with it. Raises NotFound."""

    async def act(tx: Connection, now: datetime) -> Unsubscribed:  # noqa: ARG001 -- an act's shape
        await _lock(tx, scope, subscription_id)
        await store.delete_subscription(tx, scope.merchant_id, subscription_id)
        return Unsubscribed(subscription_id)

    return await _once(runtime, seal_of(runtime), scope, act, repeat, _unsubscribed)


async def rotate_secret(
    runtime: Runtime, scope: Scope, subscription_id: SubscriptionId, *, repeat: Repeat
) -> Subscribed | Refused:
    """Give a subscription a new secret, which is shown; the old one signs nothing from now on.

    Raises NotFound."""
    seal = seal_of(runtime)

    async def act(tx: Connection, now: datetime) -> Subscribed:
        known = await _lock(tx, scope, subscription_id)
        secret = make_secret()
        sealed = seal.seal(secret.encode(), context_of(scope.merchant_id, subscription_id))
        await store.replace_secret(tx, scope.merchant_id, subscription_id, sealed, now)
        return Subscribed(replace(known, updated_at=now), secret)

    return await _once(runtime, seal, scope, act, repeat, _subscribed)


async def tell_shared_secret(
    runtime: Runtime,
    scope: Scope,
    secret: str | None = None,
) -> str:
    """Give the secret that a program's webhooks share, or put this one in its place: all of the
    scope's subscriptions but the program file's sign with it from then on.

    Raises Invalid for a secret too short to stay one, Unavailable without a seal."""
    seal = seal_of(runtime)
    assert scope.program_id is not None, "a secret is shared within a program"
    if secret is not None and (len(secret) < SHARED_LENGTH_MIN or not secret.isascii()):
        raise Invalid(f"a secret has at least {SHARED_LENGTH_MIN} ASCII characters")
    known = (scope.merchant_id, scope.program_id, scope.dialect)

    async def act(tx: Connection, now: datetime) -> bytes:
        if secret is None:
            shared = await shared_secret(tx, seal, *known, now)
            return seal.seal(shared.encode(), shared_context_of(*known))
        sealed = seal.seal(secret.encode(), shared_context_of(*known))
        await signing_secrets.put_signing_secret(tx, *known, sealed, now)
        every = await store.list_subscriptions(tx, *_seen(scope), offset=0, limit=_ALL)
        for each in every:
            if not each.is_managed:
                own = seal.seal(secret.encode(), context_of(scope.merchant_id, each.id))
                await store.replace_secret(tx, scope.merchant_id, each.id, own, now)
        return sealed

    outcome = await once(runtime, scope.merchant_id, act)
    assert not isinstance(outcome, Refused), "without a key nothing contradicts"
    return seal.open(outcome.stored, shared_context_of(*known)).decode()


def _seen(scope: Scope) -> tuple[MerchantId, str, ProgramId | None]:
    return scope.merchant_id, scope.dialect, scope.program_id


async def _lock(tx: Connection, scope: Scope, subscription_id: SubscriptionId) -> Subscription:
    found = await store.lock_subscription(
        tx, scope.merchant_id, subscription_id, scope.dialect, scope.program_id
    )
    if found is None:
        raise NotFound(f"there is no webhook subscription {subscription_id}")
    return found


async def _once(
    runtime: Runtime,
    seal: Seal,
    scope: Scope,
    act: "Act[_A]",
    repeat: Repeat,
    decoder: "msgspec.msgpack.Decoder[_A]",
) -> _A | Refused:
    """Carry an act out once. Its answer may hold a secret, so it is kept sealed."""
    context = f"idempotency_records/{scope.merchant_id}"

    async def answer(tx: Connection, now: datetime) -> bytes:
        return seal.seal(_encode(await act(tx, now)), context)

    outcome = await once(
        runtime, scope.merchant_id, answer, key=repeat.key, fingerprint=repeat.fingerprint
    )
    if isinstance(outcome, Refused):
        return outcome
    result = decoder.decode(seal.open(outcome.stored, context))
    return replace(result, is_replay=outcome.is_replay)


def seal_of(runtime: Runtime) -> Seal:
    """Give the seal that secrets are kept under. Raises Unavailable where none was configured."""
    if runtime.seal is None:
        raise Unavailable("secrets cannot be kept: no sealing key is configured")
    return runtime.seal


def context_of(merchant_id: MerchantId, subscription_id: SubscriptionId) -> str:
    """Name the place that a subscription's sealed secret belongs to."""
    return f"webhook_subscriptions/{merchant_id}/{subscription_id}"
