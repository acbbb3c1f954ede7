"""Cursors of lists: where a page ended, for which query, and until when one may go on from there.

Nothing is kept for them. Whoever made one up could see no more than the list shows anyway; the
check at their end is there to tell a mistake from an end."""

import hashlib
from datetime import UTC, datetime
from typing import Literal

import msgspec

from guerdon.dialects.voucherify.problems import Fault, refuse
from guerdon.dialects.voucherify.wire import Cursor, stamp

Prefix = Literal[
    "lcrsprg",
    "lcrscdefa",
    "lcrserna",
    "lcrsrewa",
    "lcrsmbr",
    "lcrscppb",
    "lcrspeb",
    "lcrsctx",
    "lcrstrx",
    "lcrsotx",
    "lcrscdef",
    "lcrsern",
    "lcrsrew",
    "lcrsapr",
    "lcrsambr",
    "lcrsacrd",
    "lcrsacd",
    "lcrsaer",
    "lcrsarew",
]
# The last row's values of what the list is ordered by.
Key = tuple[str | int | None, ...]

SECONDS = 15 * 60
_QUERY_BYTES = 8
_CHECK_BYTES = 8
_TIME_BYTES = 5
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Key).decode


def query_hash(*parts: object) -> bytes:
    """Make the mark of a query, by which its cursors know it."""
    return hashlib.blake2b(_encode(parts), digest_size=_QUERY_BYTES).digest()


def write_cursor(prefix: Prefix, query: bytes, last: Key, *, now: datetime) -> Cursor:
    """Make the cursor of the page after the one that ended with `last`."""
    expires_at = int(now.timestamp()) + SECONDS
    told = query + expires_at.to_bytes(_TIME_BYTES, "big") + _encode(last)
    text = f"{prefix}_{(told + _check(prefix, told)).hex()}"
    return Cursor(next=text, expires_at=stamp(datetime.fromtimestamp(expires_at, UTC)))


def read_cursor(prefix: Prefix, query: bytes, text: str, *, now: datetime) -> Key:
    """Give where the page begins; raises the fault that says why a cursor is of no use."""
    whole = bytes.fromhex(text.removeprefix(f"{prefix}_"))
    told, check = whole[:-_CHECK_BYTES], whole[-_CHECK_BYTES:]
    if len(told) <= _QUERY_BYTES + _TIME_BYTES or check != _check(prefix, told):
        raise expired()
    expires_at = int.from_bytes(told[_QUERY_BYTES : _QUERY_BYTES + _TIME_BYTES], "big")
    if expires_at < now.timestamp():
        raise expired()
    if told[:_QUERY_BYTES] != query:
        raise refuse(
            400,
            "cursor_and_query_mismatch",
            "Cursor and query mismatch",
            "The provided cursor does not match the query, either the cursor is invalid or the "
            "query has changed",
        )
    try:
        return _decode(told[_QUERY_BYTES + _TIME_BYTES :])
    except msgspec.DecodeError:
        raise expired() from None


def _check(prefix: str, told: bytes) -> bytes:
    return hashlib.blake2b(prefix.encode() + told, digest_size=_CHECK_BYTES).digest()


def expired() -> Fault:
    """Say that a cursor is of no use, or no longer."""
    return refuse(
        400,
        "invalid_or_expired_cursor",
        "Invalid or expired cursor",
        "The provided cursor is invalid or has expired",
    )
