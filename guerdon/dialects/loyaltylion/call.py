"""One request being answered: what every handler is given, and what it answers with."""

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct, field

from guerdon.dialects.loyaltylion.errors import Named, invalid, refusal_answer
from guerdon.dialects.loyaltylion.scopes import Scope
from guerdon.dialects.loyaltylion.shape import convert
from guerdon.domain.catalogue import Catalogue, Reward
from guerdon.domain.command import Command, Done, Refused
from guerdon.domain.ids import MerchantId, ProgramId
from guerdon.domain.key import Key
from guerdon.domain.redemption import Redemption
from guerdon.engine.submitting import Ledger
from guerdon.http import strict_json
from guerdon.http.asgi import Answer, Header
from guerdon.store.connection import Connection, Pool
from guerdon.store.offers import list_reward_versions
from guerdon.store.snapshot import snapshot

T = TypeVar("T")

REPLAYED: Header = (b"idempotent-replayed", b"true")
ID_MAX = 2**53 - 1
_KEY = re.compile(rb"[\x21-\x7e]{1,255}")
_NUMBER = re.compile(r"[0-9]{1,16}")
_FREE = re.compile(r"{(\w+)}")
_encode = msgspec.json.Encoder().encode
_canonical = msgspec.json.Encoder(order="deterministic").encode


class Route(Struct, frozen=True, kw_only=True):
    """A line of the table in routes.py: who answers, and what the OpenAPI document says.

    `scope` is what the key must be allowed; None asks for nothing but a key. `is_for_pairs`: a
    token and secret may call it too. `answers` maps each success status to its body's type;
    `refuses` lists the error statuses that are this operation's own."""

    method: str
    path: str
    handler: "Callable[[Call], Awaitable[Answer]]"
    summary: str
    scope: Scope | None
    answers: Mapping[int, Any]
    is_for_pairs: bool = True
    body: Any = None
    refuses: tuple[int, ...] = ()
    query: tuple[Any, ...] = field(default_factory=tuple)

    @property
    def is_write(self) -> bool:
        return self.method != "GET"

    @property
    def notes(self) -> str:
        """Say in the OpenAPI document who may call."""
        needed = f"Needs the scope `{self.scope}`." if self.scope else "Needs no scope."
        return needed if self.is_for_pairs else f"{needed} Not for a token and secret."


class Call:
    """A request that has passed the door: known caller, limits kept, body read, nothing decoded.

    `path` holds the path's free segments, decoded, in order. `base_url` is where the dialect is
    mounted, as the caller sees it, without a slash at the end. `is_strict`: only those keys are
    shown that the vendor's first document has."""

    __slots__ = (
        "_query",
        "base_url",
        "body",
        "headers",
        "is_strict",
        "key",
        "ledger",
        "path",
        "query_string",
        "raw_path",
        "route",
    )

    def __init__(
        self,
        ledger: Ledger,
        key: Key,
        route: Route,
        path: tuple[str, ...],
        *,
        base_url: str = "",
        raw_path: bytes = b"",
        query_string: bytes = b"",
        headers: list[tuple[bytes, bytes]],
        body: bytes = b"",
        is_strict: bool = False,
    ) -> None:
        self.ledger = ledger
        self.key = key
        self.route = route
        self.path = path
        self.base_url = base_url
        self.raw_path = raw_path
        self.query_string = query_string
        self.headers = headers
        self.body = body
        self.is_strict = is_strict
        self._query: dict[str, str] | None = None

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
                    raise invalid(name.replace("\x00", "?"), "holds a NUL character")
        return self._query

    def number(self, position: int) -> int:
        """Give the free segment at this position as an id of ours, or refuse it."""
        text = self.path[position]
        if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= ID_MAX:
            name = _FREE.findall(self.route.path)[position]
            raise invalid(name, "expected integer from 1 up")
        return int(text)

    def json(self) -> dict[str, strict_json.Value]:
        """Decode the body as a JSON object, or refuse it."""
        try:
            value = strict_json.decode(self.body)
        except strict_json.Malformed as error:
            raise invalid("body", str(error)) from None
        if not isinstance(value, dict):
            raise invalid("body", "must be a JSON object")
        return value

    def decode(self, wanted: type[T]) -> T:
        """Decode the body as a wire type, or refuse it, naming the fields that are wrong."""
        return convert(self.json(), wanted)

    def idempotency(self) -> tuple[str | None, bytes]:
        """Give the ledger's key for this request and the request's fingerprint, or (None, b"").

        The key is the program's, not the API key's, so that a retry outlives a change of API
        keys. The fingerprint covers method, path, query and the body whatever its spacing."""
        given = [value for name, value in self.headers if name == b"idempotency-key"]
        if not given:
            return None, b""
        if len(given) > 1 or not _KEY.fullmatch(given[0]):
            raise invalid("Idempotency-Key", "must be one value of 1 to 255 visible characters")
        digest = hashlib.sha256(f"{self.route.method} {self.route.path}".encode())
        for segment in self.path:
            digest.update(b"\x00" + segment.encode("utf-8", "surrogatepass"))
        digest.update(b"\x01" + _canonical(self.query))
        digest.update(b"\x02" + (_canonical(self.json()) if self.body.strip() else b""))
        return f"loyaltylion:{self.program_id}:{given[0].decode()}", digest.digest()

    async def submit(self, command: Command, named: Named) -> "Done | Answer":
        """Carry out a command under the caller's idempotency key. Refused, it gives the answer."""
        key, fingerprint = self.idempotency()
        outcome = await self.ledger.submit(
            self.merchant_id, command, key=key, fingerprint=fingerprint
        )
        if isinstance(outcome, Refused):
            return refusal_answer(outcome.refusals, named)
        return outcome

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


def empty_answer(status: int, *, is_replay: bool = False) -> Answer:
    """Answer without anything to tell: nothing for a 204, else an empty string of JSON."""
    headers = (REPLAYED,) if is_replay else ()
    return Answer(status, b"" if status == 204 else b'""', headers)


def integer_of(call: Call, name: str, *, low: int, high: int) -> int | None:
    """Read a whole number of the query; another text is refused, its absence is None."""
    text = call.query.get(name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text) or not low <= int(text) <= high:
        raise invalid(name, f"expected integer from {low} to {high}")
    return int(text)


def choice_of(value: str | None, name: str, *choices: str) -> str | None:
    """Check a word of the query; another one is refused."""
    if value is not None and value not in choices:
        raise invalid(name, f"must be one of {', '.join(choices)}")
    return value


def moment_of(value: str | None, name: str) -> datetime | None:
    """Read an ISO 8601 instant; without an offset it is UTC, and a date alone is its midnight."""
    if value is None:
        return None
    # In a query written by hand a plus is a space.
    text = value.strip().replace(" ", "+") if "T" in value else value.strip()
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise invalid(name, "expected ISO 8601 date and time") from None
