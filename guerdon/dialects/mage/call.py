"""One request being answered: what every handler is given, and what it answers with."""

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct, field

from guerdon.dialects.mage.errors import Fault, Named, refusal_answer
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
_KEY = re.compile(rb"[\x21-\x7e]{1,255}")
_encode = msgspec.json.Encoder().encode
_canonical = msgspec.json.Encoder(order="deterministic").encode


class Route(Struct, frozen=True, kw_only=True):
    """A line of the table at the foot of app.py: who answers, and what the OpenAPI document says.

    `answers` maps each success status to its body's type; `refuses` lists the error statuses that
    are this operation's own; `query` names parameters of parameters.py."""

    method: str
    path: str
    handler: "Callable[[Call], Awaitable[Answer]]"
    summary: str
    answers: Mapping[int, Any]
    body: Any = None
    refuses: tuple[int, ...] = ()
    query: tuple[Any, ...] = field(default_factory=tuple)
    notes: str = ""

    @property
    def is_write(self) -> bool:
        return self.method != "GET"


class Call:
    """A request that has passed the door: known caller, limits kept, body read, nothing decoded.

    `path` holds the path's free segments, decoded, in order."""

    __slots__ = ("_query", "body", "headers", "key", "ledger", "path", "query_string", "route")

    def __init__(
        self,
        ledger: Ledger,
        key: Key,
        route: Route,
        path: tuple[str, ...],
        *,
        query_string: bytes,
        headers: list[tuple[bytes, bytes]],
        body: bytes,
    ) -> None:
        self.ledger = ledger
        self.key = key
        self.route = route
        self.path = path
        self.query_string = query_string
        self.headers = headers
        self.body = body
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
                    raise Fault(400, f"{name.replace(chr(0), '?')} holds a NUL character")
        return self._query

    def json(self) -> dict[str, strict_json.Value]:
        """Decode the body as a JSON object, or refuse it."""
        try:
            value = strict_json.decode(self.body)
        except strict_json.Malformed as error:
            raise Fault(400, f"Invalid JSON body: it {error}") from None
        if not isinstance(value, dict):
            raise Fault(400, "Invalid JSON body: it must be an object")
        return value

    def decode(self, wanted: type[T]) -> T:
        """Decode the body as a wire type, or refuse it, naming the field that is wrong."""
        return convert(self.json(), wanted)

    def idempotency(self) -> tuple[str | None, bytes]:
        """Give the ledger's key for this request and the request's fingerprint, or (None, b"").

        The key is the program's, not the API key's, so that a retry outlives a change of API
        keys. The fingerprint covers method, path and the body whatever its spacing."""
        given = [value for name, value in self.headers if name == b"idempotency-key"]
        if not given:
            return None, b""
        if len(given) > 1 or not _KEY.fullmatch(given[0]):
            raise Fault(
                400, "Idempotency-Key must be one value of 1 to 255 visible ASCII characters"
            )
        digest = hashlib.sha256(f"{self.route.method} {self.route.path}".encode())
        for segment in self.path:
            digest.update(b"\x00" + segment.encode("utf-8", "surrogatepass"))
        digest.update(b"\x01" + (_canonical(self.json()) if self.body.strip() else b""))
        return f"mage:{self.program_id}:{given[0].decode()}", digest.digest()

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


def answer(status: int, document: Struct, *, is_replay: bool = False) -> Answer:
    """Answer with a wire value; a replayed write says so in a header."""
    return Answer(status, _encode(document), (REPLAYED,) if is_replay else ())


def convert(value: object, wanted: type[T]) -> T:
    """Check the shape of decoded JSON; a fault names the first field that is wrong."""
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        raise Fault(400, _say(str(error))) from None


_MISSING = re.compile(r"Object missing required field `([^`]+)`(?: - at `\$(\S*)`)?")
_WRONG = re.compile(r"(.*?)(?: - at `(?:key in )?\$(\S*)`)?", re.DOTALL)
_TYPE = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_TYPES = {
    "str": "a string",
    "int": "an integer",
    "bool": "a boolean",
    "float": "a number",
    "object": "an object",
    "array": "an array",
    "null": "null",
}


def _say(message: str) -> str:
    """Turn the decoder's message into the vendor's manner: the field's name first."""
    missing = _MISSING.fullmatch(message)
    if missing:
        place = (missing[2] or "").lstrip(".")
        return f"{place}.{missing[1]} is required" if place else f"{missing[1]} is required"
    wrong = _WRONG.fullmatch(message)
    if wrong is None:
        return message
    place = (wrong[2] or "").lstrip(".") or "The body"
    kind = _TYPE.match(wrong[1])
    if kind is None:
        return f"{place} is invalid: {wrong[1]}"
    words = [_TYPES.get(word.strip(), word.strip()) for word in kind[1].split("|")]
    return f"{place} must be {' or '.join(words)}"


def required_text(value: str | None, name: str) -> str:
    """Take a text that may not be blank."""
    if value is None or not value.strip():
        raise Fault(400, f"{name} is required")
    return value
