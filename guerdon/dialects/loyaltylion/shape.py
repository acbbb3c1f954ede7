"""Checks the shape of decoded JSON, and says of every field what is wrong with it."""

import re
from typing import Any, TypeVar

import msgspec

from guerdon.dialects.loyaltylion.errors import Fault, invalid_answer

T = TypeVar("T")

_MISSING = re.compile(r"Object missing required field `([^`]+)`(?: - at `\$(\S*)`)?")
_WRONG = re.compile(r"(.*?)(?: - at `(?:key in )?\$(\S*)`)?", re.DOTALL)
_TYPE = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_TYPES = {
    "str": "string",
    "int": "integer",
    "bool": "boolean",
    "float": "number",
    "date": "date",
    "datetime": "date and time",
    "object": "object",
    "array": "array",
    "null": "null",
}
_BODY = "body"


def convert(value: object, wanted: type[T]) -> T:
    """Check the shape of decoded JSON; a fault names the fields that are wrong."""
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        details = _details(value, wanted) or dict([_say(str(error), "")])
        raise Fault(invalid_answer(details)) from None


def _details(value: object, wanted: Any) -> dict[str, str]:
    """Try an object's fields one by one, so that all that is wrong is said at once."""
    if not isinstance(value, dict) or not _is_struct(wanted):
        return {}
    details: dict[str, str] = {}
    for field in msgspec.structs.fields(wanted):
        if field.encode_name not in value:
            if field.required:
                details[field.encode_name] = "required"
            continue
        given = value[field.encode_name]
        try:
            msgspec.convert(given, field.type)
        except msgspec.ValidationError as error:
            inner = _details(given, field.type)
            if inner:
                details.update({f"{field.encode_name}.{name}": why for name, why in inner.items()})
            else:
                name, why = _say(str(error), field.encode_name)
                details[name] = why
    return details


def _is_struct(wanted: Any) -> bool:
    return isinstance(wanted, type) and issubclass(wanted, msgspec.Struct)


def _say(message: str, place: str) -> tuple[str, str]:
    """Turn the decoder's message into a field's path and what is wrong there."""
    missing = _MISSING.fullmatch(message)
    if missing:
        return _join(_join(place, missing[2] or ""), missing[1]), "required"
    wrong = _WRONG.fullmatch(message)
    assert wrong is not None, "the pattern takes any text"
    path = _join(place, wrong[2] or "") or _BODY
    kind = _TYPE.match(wrong[1])
    if kind is None:
        return path, wrong[1][:1].lower() + wrong[1][1:].replace("`", "")
    expected = [_TYPES.get(word.strip(), word.strip()) for word in kind[1].split("|")]
    received = _TYPES.get(kind[2], kind[2])
    return path, f"expected {' or '.join(expected)}, received {received}"


def _join(place: str, path: str) -> str:
    path = path.lstrip(".")
    if not place or not path:
        return place or path
    return f"{place}{path}" if path.startswith("[") else f"{place}.{path}"
