"""One request being answered: what all dialects' handlers are given, and what they answer with."""

import hashlib
import re
from abc import ABC, abstractmethod
from typing import ClassVar
from urllib.parse import parse_qsl

import msgspec

from guerdon.domain.catalogue import Catalogue, Reward
from guerdon.domain.command import Command, Outcome
from guerdon.domain.ids import MerchantId, ProgramId
from guerdon.domain.key import Key
from guerdon.domain.redemption import Redemption
from guerdon.engine.submitting import Ledger
from guerdon.http import strict_json
from guerdon.http.asgi import Answer, Header
from guerdon.http.routing import Routable
from guerdon.store.connection import Connection, Pool
from guerdon.store.offers import list_reward_versions
from guerdon.store.snapshot import snapshot

REPLAYED: Header = (b"idempotent-replayed", b"true")
_KEY = re.compile(rb"[\x21-\x7e]{1,255}")
_encode = msgspec.json.Encoder().encode
_canonical = msgspec.json.Encoder(order="deterministic").encode


class BaseCall(ABC):
    """A request that has passed the door: known caller, limits kept, body read, nothing decoded.

    `path` holds the path's free segments, decoded, in order. Each dialect has a kind of its own,
    with its `dialect`, its way to refuse, and what else its handlers need."""

    __slots__ = ("_query", "body", "headers", "key", "ledger", "path", "query_string", "route")

    # Its name, as keys have it.
    dialect: ClassVar[str]

    def __init__(
        self,
        ledger: Ledger,
        key: Key,
        route: Routable,
        path: tuple[str, ...],
        *,
        query_string: bytes = b"",
        headers: list[tuple[bytes, bytes]],
        body: bytes = b"",
    ) -> None:
        self.ledger = ledger
        self.key = key
        self.route = route
        self.path = path
        self.query_string = query_string
        self.headers = headers
        self.body = body
        self._query: dict[str, str] | None = None

    @abstractmethod
    def invalid(self, name: str, why: str) -> Exception:
        """Give what to raise where a part of the request is wrong, in the dialect's own form. The
        name is `body` for a body that is no JSON object, else a parameter's or a header's."""

    @property
    def merchant_id(self) -> MerchantId:
        return self.key.merchant_id

    @property
    def program_id(self) -> ProgramId:
        assert self.key.program_id is not None, "the door lets no key in without a program"
        return self.key.program_id

    @property
    def pool(self) -> Pool:
        return self.ledger.runtime.pool

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters; of one given twice the last counts. A text that could not be
        stored is refused here, so that it never reaches a statement."""
        if self._query is None:
            text = self.query_string.decode("latin-1")
            self._query = dict(parse_qsl(text, keep_blank_values=True))
            for name, value in self._query.items():
                if "\x00" in value or "\x00" in name:
                    raise self.invalid(name.replace("\x00", "?"), "holds a NUL character")
        return self._query

    def value(self) -> strict_json.Value:
        """Decode the body as JSON of any kind, or refuse it."""
        try:
            return strict_json.decode(self.body)
        except strict_json.Malformed as error:
            raise self.invalid("body", str(error)) from None

    def json(self) -> dict[str, strict_json.Value]:
        """Decode the body as a JSON object, or refuse it."""
        value = self.value()
        if not isinstance(value, dict):
            raise self.invalid("body", "must be a JSON object")
        return value

    @property
    def key_space(self) -> str:
        """Whose idempotency keys these are. The program's and not the API key's, so that a retry
        outlives a change of API keys."""
        return f"{self.dialect}:{self.program_id}"

    def idempotency(self) -> tuple[str | None, bytes]:
        """Give the ledger's key for this request and the request's fingerprint, or (None, b"").

        The fingerprint covers method, path, query and the body whatever its spacing."""
        given = [value for name, value in self.headers if name == b"idempotency-key"]
        if not given:
            return None, b""
        if len(given) > 1 or not _KEY.fullmatch(given[0]):
            raise self.invalid(
                "Idempotency-Key", "must be one value of 1 to 255 visible ASCII characters"
            )
        digest = hashlib.sha256(f"{self.route.method} {self.route.path}".encode())
        for segment in self.path:
            digest.update(b"\x00" + segment.encode("utf-8", "surrogatepass"))
        digest.update(b"\x01" + _canonical(self.query))
        digest.update(b"\x02" + (_canonical(self.value()) if self.body.strip() else b""))
        return f"{self.key_space}:{given[0].decode()}", digest.digest()

    async def carry_out(self, command: Command) -> Outcome:
        """Carry out a command under the caller's idempotency key."""
        key, fingerprint = self.idempotency()
        return await self.ledger.submit(self.merchant_id, command, key=key, fingerprint=fingerprint)

    async def catalogue(self, view: Connection) -> Catalogue:
        """Give the merchant's offers as they stand in this snapshot.

        They are read on it: whoever waited for a second connection while holding one would, with
        enough others, wait for ever."""
        return await self.ledger.catalogues.see(view, self.merchant_id)

    async def reward_version(self, redemption: Redemption) -> Reward:
        """Give the reward as it stood when it was redeemed."""
        catalogue = await self.ledger.catalogues.get(self.merchant_id)
        reward = catalogue.rewards.get(redemption.reward_id)
        if reward is not None and reward.version_id == redemption.reward_version_id:
            return reward
        wanted = redemption.reward_version_id
        async with snapshot(self.pool) as view:
            return (await list_reward_versions(view, self.merchant_id, [wanted]))[wanted]


def answer(
    status: int, document: object, *, is_replay: bool = False, headers: tuple[Header, ...] = ()
) -> Answer:
    """Answer with a wire value; a replayed write says so in a header."""
    return Answer(status, _encode(document), (*headers, REPLAYED) if is_replay else headers)
