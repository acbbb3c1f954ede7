"""Decodes JSON from strangers: what is ambiguous or cannot be stored is refused, by name."""

import json
import math
import re

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]

DEPTH_MAX = 32
# Beyond 2^63 no column of ours holds an integer.
INTEGER_MAX = 2**63 - 1

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Malformed(Exception):
    """The text is not JSON that can be taken; the message says why, for the caller to read."""


def decode(body: bytes) -> Value:
    """Decode strict JSON. Refused: other encodings than UTF-8, a name given twice, NaN and
    infinities, integers beyond 64 bits, NUL, lone surrogates, nesting beyond DEPTH_MAX."""
    if body.count(b"[") + body.count(b"{") > DEPTH_MAX and _depth(body) > DEPTH_MAX:
        raise Malformed(f"is nested more than {DEPTH_MAX} levels deep")
    try:
        value: Value = _decoder.decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise Malformed("is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        # Only json's own errors have a position; the hooks' messages speak for themselves.
        reason = "is not valid JSON" if isinstance(error, json.JSONDecodeError) else str(error)
        raise Malformed(reason) from None
    # NUL and surrogates can only be written as escapes.
    if b"\\u" in body:
        _check_text(value)
    return value


def _depth(body: bytes) -> int:
    """Measure nesting outside of strings, without recursion."""
    depth = deepest = 0
    is_text = is_escaped = False
    for byte in body:
        if is_text:
            if is_escaped:
                is_escaped = False
            elif byte == 0x5C:
                is_escaped = True
            elif byte == 0x22:
                is_text = False
        elif byte == 0x22:
            is_text = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _object(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise ValueError(f"names {_shown(name)} twice")
            seen.add(name)
    return made


def _integer(text: str) -> int:
    # 20 characters hold every integer of 64 bits, so a long one costs nothing.
    value = int(text) if len(text) <= 20 else INTEGER_MAX + 1
    if not -INTEGER_MAX <= value <= INTEGER_MAX:
        raise ValueError("holds an integer beyond 64 bits")
    return value


def _fraction(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("holds a number that is too large")
    return value


def _constant(text: str) -> Value:
    raise ValueError(f"holds {text}, which is not JSON")


def _check_text(value: Value) -> None:
    if isinstance(value, str):
        if _UNSTORABLE.search(value):
            raise Malformed("holds a NUL character or half a surrogate pair")
    elif isinstance(value, list):
        for item in value:
            _check_text(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            _check_text(name)
            _check_text(item)


def _shown(name: str) -> str:
    return repr(_UNSTORABLE.sub("\ufffd", name[:60]))


_decoder = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_fraction,
    parse_constant=_constant,
)
