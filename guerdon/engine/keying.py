"""Keys: made, listed, revoked; kept at hand for a few seconds, so that a call costs no query."""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from guerdon.domain.errors import Conflict, Invalid, Unavailable
from guerdon.domain.ids import KeyId, MerchantId, ProgramId
from guerdon.domain.key import Access, Key
from guerdon.engine.runtime import Runtime
from guerdon.store import keys
from guerdon.store.connection import Connection, Pool
from guerdon.store.faults import DRIVER_ERRORS, constraint_of
from guerdon.store.snapshot import snapshot
from guerdon.store.transaction import transaction

SECRET_LENGTH_MIN = 24
DIALECTS = ("mage", "loyaltylion", "voucherify")
_ONE_PROGRAM = ("mage", "loyaltylion")
_PREFIXES = {"mage": "mk_live_", "voucherify": "vf_live_"}
_SECRET_BYTES = 32
HINT_LENGTH = 12

KEPT_SECONDS = 3.0
_UNKNOWN_MAX = 4096
_KNOWN_MAX = 65_536
_LOOKUPS_AT_ONCE = 4

_T = TypeVar("_T")


class CreatedKey(Struct, frozen=True):
    """The only time that a secret is seen."""

    id: KeyId
    secret: str


async def create_key(
    runtime: Runtime,
    *,
    merchant_id: MerchantId,
    program_id: ProgramId | None,
    dialect: str,
    name: str,
    access: Access = "full",
    scopes: tuple[str, ...] = (),
    secret: str | None = None,
    app_id: str | None = None,
    is_managed: bool = False,
) -> CreatedKey:
    """Make a key. Without a `secret` one of 128 random bits or more is made; only its hash is kept.

    Raises Invalid for a secret too short to stay one, Conflict where it is in use already."""
    if dialect not in DIALECTS:
        raise Invalid(f"there is no dialect {dialect!r}; there are {', '.join(DIALECTS)}")
    if dialect in _ONE_PROGRAM and program_id is None:
        raise Invalid(f"a key of the dialect {dialect!r} belongs to one program")
    if secret is None:
        secret = _make_secret(dialect, app_id)
    elif len(secret) < SECRET_LENGTH_MIN or secret != secret.strip() or not secret.isascii():
        raise Invalid(
            f"a secret has at least {SECRET_LENGTH_MIN} ASCII characters and no spaces around it"
        )
    key = Key(
        id=KeyId(0),
        merchant_id=merchant_id,
        program_id=program_id,
        dialect=dialect,
        name=name,
        app_id=app_id,
        secret_hash=hash_of(secret),
        secret_hint=secret[:HINT_LENGTH],
        access=access,
        scopes=scopes,
        is_managed=is_managed,
        created_at=runtime.now(),
        revoked_at=None,
    )
    try:
        async with transaction(runtime.pool) as tx:
            return CreatedKey(await keys.insert_key(tx, key), secret)
    except DRIVER_ERRORS as error:
        if constraint_of(error) in ("keys_secret_hash_unique", "keys_app_id_unique"):
            raise Conflict("this secret or app id is in use already") from error
        raise


def _make_secret(dialect: str, app_id: str | None) -> str:
    """Make a secret in the form that clients of the dialect expect."""
    if dialect == "loyaltylion":
        return secrets.token_hex(_SECRET_BYTES) if app_id else f"pat_{secrets.token_hex(16)}"
    return _PREFIXES[dialect] + secrets.token_urlsafe(_SECRET_BYTES)


async def list_keys(runtime: Runtime, merchant_id: MerchantId) -> list[Key]:
    """List a merchant's keys, revoked ones too, oldest first."""
    async with snapshot(runtime.pool) as view:
        return await keys.list_keys(view, merchant_id)


async def revoke_key(runtime: Runtime, merchant_id: MerchantId, key_id: KeyId) -> bool:
    """End a key; say whether there was one. Web processes follow within KEPT_SECONDS."""
    async with transaction(runtime.pool) as tx:
        return await keys.revoke_key(tx, merchant_id, key_id, runtime.now())


def hash_of(secret: str) -> bytes:
    """Hash a secret. It has 128 random bits or more, or 24 characters of a shop's choosing that are
    kept like a password elsewhere, so no slow hash is needed, nor affordable on every call."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


class Keyring:
    """Keys by the hash of their secret, kept for `kept_seconds`; so a revoked key works no longer
    than that. Unknown secrets are remembered too, but only so many, the latest ones."""

    def __init__(
        self,
        pool: Pool,
        *,
        kept_seconds: float = KEPT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._kept_seconds = kept_seconds
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, Key]] = OrderedDict()
        self._unknown: OrderedDict[bytes, float] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[Key | None]] = {}
        self._turns = asyncio.Semaphore(_LOOKUPS_AT_ONCE)

    def recall(self, secret: str) -> Key | None:
        """Give the key if it was looked up lately; None means it has to be looked up."""
        found = self._known.get(hash_of(secret))
        if found is None or found[0] < self._clock():
            return None
        return found[1]

    async def find(self, secret: str) -> Key | None:
        """Find the live key of a secret, or None where there is none or it was revoked.

        Raises Unavailable where the database is out of reach."""
        secret_hash = hash_of(secret)
        found = self._known.get(secret_hash)
        now = self._clock()
        if found is not None and found[0] >= now:
            return found[1]
        if self._unknown.get(secret_hash, 0.0) > now:
            return None
        task = self._asking.get(secret_hash)
        if task is None:
            task = asyncio.create_task(self._look_up(secret, secret_hash))
            self._asking[secret_hash] = task
            task.add_done_callback(lambda done: self._forget(secret_hash, done))
        # One caller who goes away does not take the answer from the others.
        return await asyncio.shield(task)

    def _forget(self, secret_hash: bytes, done: "asyncio.Task[Key | None]") -> None:
        self._asking.pop(secret_hash, None)
        if not done.cancelled():
            done.exception()  # Seen, also where every caller has gone.

    async def _look_up(self, secret: str, secret_hash: bytes) -> Key | None:
        try:
            async with self._turns, snapshot(self._pool) as view:
                key = await self.fetch(view, secret)
        except DRIVER_ERRORS as error:
            raise Unavailable("keys cannot be looked up just now") from error
        until = self._clock() + self._kept_seconds
        if key is None:
            self._known.pop(secret_hash, None)
            _keep(self._unknown, secret_hash, until, _UNKNOWN_MAX)
            return None
        self._unknown.pop(secret_hash, None)
        _keep(self._known, secret_hash, (until, key), _KNOWN_MAX)
        return key

    async def fetch(self, view: Connection, secret: str) -> Key | None:
        """Look a secret up; None where it is nobody's, or its key was revoked."""
        secret_hash = hash_of(secret)
        key = await keys.find_key_by_hash(view, secret_hash)
        if (
            key is None
            or key.revoked_at is not None
            or not hmac.compare_digest(key.secret_hash, secret_hash)
        ):
            return None
        return key


def _keep(kept: OrderedDict[bytes, _T], secret_hash: bytes, value: _T, size_max: int) -> None:
    kept[secret_hash] = value
    kept.move_to_end(secret_hash)
    if len(kept) > size_max:
        kept.popitem(last=False)
