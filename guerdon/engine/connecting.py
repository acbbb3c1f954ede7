"""Makes a merchant's managed keys, webhooks and integrations equal to a blueprint.

Only what a program file made is touched: a key made by a command or a webhook made by a call stays
as it is."""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from msgspec.structs import replace

from guerdon.domain.blueprint import (
    Act,
    Blueprint,
    Difference,
    WantedIntegration,
    WantedKey,
    WantedWebhook,
)
from guerdon.domain.ids import KeyId, MerchantId, ProgramId, SubscriptionId
from guerdon.domain.integration import Integration
from guerdon.domain.key import Key
from guerdon.domain.subscription import Subscription
from guerdon.engine.comparing import changes_of
from guerdon.engine.connections import context_of as integration_context_of
from guerdon.engine.keying import HINT_LENGTH, hash_of
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal, SealError
from guerdon.engine.subscribing import context_of, seal_of
from guerdon.store import integrations, keys, sequences, webhook_subscriptions
from guerdon.store.connection import Connection


@dataclass(frozen=True)
class Access:
    """What a program file made before; secrets in plain, or None where they cannot be opened."""

    keys: list[Key] = field(default_factory=list)
    webhooks: list[tuple[Subscription, str | None]] = field(default_factory=list)
    integrations: list[tuple[Integration, dict[str, str] | None]] = field(default_factory=list)


async def load_access(tx: Connection, runtime: Runtime, merchant_id: MerchantId | None) -> Access:
    """Read what a program file made before."""
    if merchant_id is None:
        return Access()
    webhooks = await webhook_subscriptions.list_managed_subscriptions(tx, merchant_id)
    connected = await integrations.list_integrations(tx, merchant_id)
    seal = runtime.seal
    return Access(
        keys=[key for key in await keys.list_keys(tx, merchant_id) if key.is_managed],
        webhooks=[
            (hook, _open(seal, sealed, context_of(merchant_id, hook.id)))
            for hook, sealed in webhooks
        ],
        integrations=[
            (each, _open_secrets(seal, sealed, integration_context_of(merchant_id, each.kind)))
            for each, sealed in connected
        ],
    )


def _open(seal: Seal | None, sealed: bytes, context: str) -> str | None:
    if seal is None:
        return None
    try:
        return seal.open(sealed, context).decode()
    except SealError:
        # Sealed with a key that is gone: the file's own secret is sealed anew.
        return None


def _open_secrets(seal: Seal | None, sealed: bytes, context: str) -> dict[str, str] | None:
    opened = _open(seal, sealed, context)
    if opened is None:
        return None
    secrets: dict[str, str] = json.loads(opened)
    return secrets


@dataclass(frozen=True)
class Step:
    """One thing to do, in words and as the act itself."""

    difference: Difference
    write: Callable[[Connection], Awaitable[object]]


@dataclass(frozen=True, kw_only=True)
class Connecting:
    """Whom the steps are for. `programs` gives each program's id by its slug."""

    runtime: Runtime
    merchant_id: MerchantId
    programs: Mapping[str, ProgramId]
    now: datetime

    def steps(self, access: Access, blueprint: Blueprint) -> list[Step]:
        """List the steps that make access equal to the blueprint; what ends comes first, so that
        a secret it held is free for another."""
        return [
            *self._end_keys(access.keys, blueprint.keys),
            *self._keys(access.keys, blueprint.keys),
            *self._integrations(access.integrations, blueprint.integrations),
            *self._webhooks(access.webhooks, blueprint.webhooks),
        ]

    def _program_id(self, slug: str | None) -> ProgramId | None:
        return None if slug is None else self.programs[slug]

    def _end_keys(self, known: list[Key], wanted: tuple[WantedKey, ...]) -> Iterator[Step]:
        claimed = {key.id for key in _claim(known, wanted).values()}
        for key in known:
            if key.id not in claimed and key.revoked_at is None:
                yield Step(
                    Difference(act="revoke", path=f"keys.{key.name}"),
                    partial(_revoke, self.merchant_id, key.id, self.now),
                )

    def _keys(self, known: list[Key], wanted: tuple[WantedKey, ...]) -> Iterator[Step]:
        claims = _claim(known, wanted)
        for each in wanted:
            before = claims.get(each.name)
            key = self._key_of(each, before)
            path = f"keys.{each.name}"
            if before is None:
                yield Step(Difference(act="add", path=path), partial(_insert_key, key))
            elif key != before:
                act: Act = "change" if before.revoked_at is None else "restore"
                changes = _key_changes(before, key)
                yield Step(
                    Difference(act=act, path=path, changes=changes), partial(_update_key, key)
                )

    def _key_of(self, wanted: WantedKey, before: Key | None) -> Key:
        return Key(
            id=before.id if before else KeyId(0),
            merchant_id=self.merchant_id,
            program_id=self._program_id(wanted.program),
            dialect=wanted.dialect,
            name=wanted.name,
            app_id=wanted.app_id,
            secret_hash=hash_of(wanted.secret),
            secret_hint=wanted.secret[:HINT_LENGTH],
            access=wanted.access,
            scopes=wanted.scopes,
            is_managed=True,
            created_at=before.created_at if before else self.now,
            revoked_at=None,
        )

    def _integrations(
        self,
        known: list[tuple[Integration, dict[str, str] | None]],
        wanted: tuple[WantedIntegration, ...],
    ) -> Iterator[Step]:
        before = {integration.kind: (integration, secrets) for integration, secrets in known}
        for kind in sorted(before.keys() - {each.kind for each in wanted}):
            yield Step(
                Difference(act="remove", path=f"integrations.{kind}"),
                partial(_delete_integration, self.merchant_id, kind),
            )
        for each in wanted:
            old, secrets = before.get(each.kind, (None, None))
            integration = Integration(
                kind=each.kind,
                definition=each.definition,
                created_at=old.created_at if old else self.now,
                updated_at=self.now,
            )
            changes = _definition_changes(old, each)
            if old is not None and secrets != each.secrets:
                changes["secrets"] = ("one", "another")
            if old is None or changes:
                yield Step(
                    Difference(
                        act="change" if old else "add",
                        path=f"integrations.{each.kind}",
                        changes=changes if old else {},
                    ),
                    partial(self._put_integration, integration, each.secrets),
                )

    async def _put_integration(
        self, integration: Integration, secrets: dict[str, str], tx: Connection
    ) -> None:
        context = integration_context_of(self.merchant_id, integration.kind)
        sealed = seal_of(self.runtime).seal(json.dumps(secrets).encode(), context)
        await integrations.put_integration(tx, self.merchant_id, integration, sealed)

    def _webhooks(
        self,
        known: list[tuple[Subscription, str | None]],
        wanted: tuple[WantedWebhook, ...],
    ) -> Iterator[Step]:
        before = {_place(hook): (hook, secret) for hook, secret in known}
        places = {(each.dialect, self._program_id(each.program), each.url) for each in wanted}
        for place, (hook, _) in before.items():
            if place not in places:
                yield Step(
                    Difference(act="remove", path=f"webhooks.{hook.url}"),
                    partial(_delete_webhook, self.merchant_id, hook.id),
                )
        for each in wanted:
            place = (each.dialect, self._program_id(each.program), each.url)
            old, secret = before.get(place, (None, None))
            yield from self._webhook(each, old, secret)

    def _webhook(
        self, wanted: WantedWebhook, old: Subscription | None, secret: str | None
    ) -> Iterator[Step]:
        path = f"webhooks.{wanted.url}"
        hook = Subscription(
            id=old.id if old else SubscriptionId(0),
            dialect=wanted.dialect,
            program_id=self._program_id(wanted.program),
            url=wanted.url,
            events=wanted.events,
            description=wanted.description,
            is_active=wanted.is_active,
            is_managed=True,
            created_at=old.created_at if old else self.now,
            updated_at=old.updated_at if old else self.now,
        )
        if old is None:
            yield Step(
                Difference(act="add", path=path), partial(self._insert_webhook, hook, wanted.secret)
            )
            return
        changes = changes_of(old, hook)
        new_secret = wanted.secret if secret != wanted.secret else None
        if new_secret is not None:
            changes["secret"] = ("one", "another")
        if changes:
            yield Step(
                Difference(act="change", path=path, changes=changes),
                partial(self._update_webhook, replace(hook, updated_at=self.now), new_secret),
            )

    async def _insert_webhook(self, hook: Subscription, secret: str, tx: Connection) -> None:
        hook_id = SubscriptionId(await sequences.take_ids(tx, self.merchant_id, 1))
        sealed = self._seal(hook_id, secret)
        await webhook_subscriptions.insert_subscription(
            tx, self.merchant_id, replace(hook, id=hook_id), sealed
        )

    async def _update_webhook(
        self, hook: Subscription, new_secret: str | None, tx: Connection
    ) -> None:
        await webhook_subscriptions.update_subscription(tx, self.merchant_id, hook)
        if new_secret is not None:
            await webhook_subscriptions.replace_secret(
                tx, self.merchant_id, hook.id, self._seal(hook.id, new_secret), self.now
            )

    def _seal(self, hook_id: SubscriptionId, secret: str) -> bytes:
        return seal_of(self.runtime).seal(secret.encode(), context_of(self.merchant_id, hook_id))


def _claim(known: list[Key], wanted: tuple[WantedKey, ...]) -> dict[str, Key]:
    """Pair wanted keys with those there are: by dialect and name, then by the secret, which is
    how a renamed key is known."""
    by_name = {(key.dialect, key.name): key for key in known}
    claims = {
        each.name: by_name[each.dialect, each.name]
        for each in wanted
        if (each.dialect, each.name) in by_name
    }
    taken = {key.id for key in claims.values()}
    by_hash = {(key.dialect, key.secret_hash): key for key in known if key.id not in taken}
    for each in wanted:
        match = by_hash.get((each.dialect, hash_of(each.secret)))
        if each.name not in claims and match is not None:
            claims[each.name] = match
    return claims


def _key_changes(before: Key, after: Key) -> dict[str, tuple[str, str]]:
    changes = changes_of(before, after)
    for secret in ("secret_hash", "secret_hint", "revoked_at"):
        changes.pop(secret, None)
    if before.secret_hash != after.secret_hash:
        changes["secret"] = ("one", "another")
    if before.program_id != after.program_id:
        changes["program"] = ("one", "another")
    return changes


def _definition_changes(
    old: Integration | None, wanted: WantedIntegration
) -> dict[str, tuple[str, str]]:
    before = old.definition if old else {}
    return {
        name: (str(before.get(name) or "none"), str(wanted.definition.get(name) or "none"))
        for name in before | wanted.definition
        if before.get(name) != wanted.definition.get(name)
    }


def _place(hook: Subscription) -> tuple[str, ProgramId | None, str]:
    return hook.dialect, hook.program_id, hook.url


async def _revoke(merchant_id: MerchantId, key_id: KeyId, now: datetime, tx: Connection) -> None:
    await keys.revoke_key(tx, merchant_id, key_id, now)


async def _insert_key(key: Key, tx: Connection) -> None:
    await keys.insert_key(tx, key)


async def _update_key(key: Key, tx: Connection) -> None:
    await keys.update_key(tx, key)


async def _delete_integration(merchant_id: MerchantId, kind: str, tx: Connection) -> None:
    await integrations.delete_integration(tx, merchant_id, kind)


async def _delete_webhook(merchant_id: MerchantId, hook_id: SubscriptionId, tx: Connection) -> None:
    await webhook_subscriptions.delete_subscription(tx, merchant_id, hook_id)
