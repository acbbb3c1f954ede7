"""Checks the shape of a body, and says what is wrong with it in the vendor's words."""

import re
import types
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct, UnsetType

from guerdon.dialects.voucherify.problems import invalid_payload

T = TypeVar("T")

_TYPES = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    dict: "object",
    list: "array",
    tuple: "array",
    types.NoneType: "null",
}
_CONSTRAINTS = (
    ("ge", "cannot be lower than {}"),
    ("gt", "must be greater than {}"),
    ("le", "cannot be greater than {}"),
    ("lt", "must be less than {}"),
    ("pattern", 'must match pattern "{}"'),
)
_LENGTHS = {str: "characters", list: "items", tuple: "items", dict: "properties"}
_PLACE = re.compile(r"(.*?)(?: - at `(?:key in )?\$\S*`)?", re.DOTALL)


class Body(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What bodies of requests are made of: closed, so that nothing is silently ignored."""


def convert(value: object, wanted: type[T]) -> T:
    """Check decoded JSON; a fault names the first property that is wrong."""
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        raise invalid_payload(_explain(value, wanted, "") or _plain(error, "")) from None


def _fits(value: object, wanted: Any) -> msgspec.ValidationError | None:
    try:
        msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        return error
    return None


def _explain(value: object, wanted: Any, place: str) -> str | None:
    """Say what is wrong with a value, or None where nothing more can be said than the decoder
    does. `place` is the path to it, which begins with a dot."""
    if get_origin(wanted) is Annotated:
        base, *notes = get_args(wanted)
        if _fits(value, base) is not None:
            return _explain(value, base, place)
        return _explain_bounds(value, notes, place)
    if get_origin(wanted) in (Union, types.UnionType):
        return _explain_union(value, wanted, place)
    if get_origin(wanted) is Literal:
        allowed = ", ".join(str(each) for each in get_args(wanted))
        return f"{_name(place)} must be equal to one of the allowed values [ {allowed} ]"
    if isinstance(wanted, type) and issubclass(wanted, Struct):
        return _explain_object(value, wanted, place)
    return _explain_plain(value, wanted, place)


def _explain_plain(value: object, wanted: Any, place: str) -> str | None:
    base = get_origin(wanted) or wanted
    if base is list or base is tuple or base is Sequence:
        if not isinstance(value, list):
            return f"{_name(place)} must be array"
        inner = get_args(wanted)[0] if get_args(wanted) else Any
        return _first(value, inner, place)
    if base is dict:
        if not isinstance(value, dict):
            return f"{_name(place)} must be object"
        inner = get_args(wanted)[1] if get_args(wanted) else Any
        for name, each in value.items():
            if _fits(each, inner) is not None:
                return _explain(each, inner, f"{place}.{name}")
        return None
    if base in _TYPES:
        return f"{_name(place)} must be {_TYPES[base]}"
    error = _fits(value, wanted)
    return None if error is None else _plain(error, place)


def _first(values: list[object], inner: Any, place: str) -> str | None:
    for index, each in enumerate(values):
        error = _fits(each, inner)
        if error is not None:
            where = f"{place}[{index}]"
            return _explain(each, inner, where) or _plain(error, where)
    return None


def _explain_union(value: object, wanted: Any, place: str) -> str | None:
    """Leave out null and absence; of several shapes take the one that the value's `type` names."""
    members = [
        each for each in get_args(wanted) if each is not types.NoneType and each is not UnsetType
    ]
    if len(members) == 1:
        return _explain(value, members[0], place)
    tagged = {
        each.__struct_config__.tag: each
        for each in members
        if isinstance(each, type) and issubclass(each, Struct)
    }
    if not tagged or None in tagged or len(tagged) != len(members):
        said = " or ".join(_TYPES.get(get_origin(each) or each, "object") for each in members)
        return f"{_name(place)} must be {said}"
    field = next(iter(tagged.values())).__struct_config__.tag_field
    if not isinstance(value, dict):
        return f"{_name(place)} must be object"
    if field not in value:
        return f"{_name(place)} must have required property '{field}'"
    chosen = tagged.get(value[field]) if isinstance(value[field], str) else None
    if chosen is None:
        allowed = ", ".join(str(tag) for tag in tagged)
        return (
            f"{_name(f'{place}.{field}')} must be equal to one of the allowed values [ {allowed} ]"
        )
    return _explain_object(value, chosen, place)


def _explain_object(value: object, wanted: type[Struct], place: str) -> str | None:
    if not isinstance(value, dict):
        return f"{_name(place)} must be object"
    fields = {field.encode_name: field for field in msgspec.structs.fields(wanted)}
    for name, field in fields.items():
        if field.required and name not in value:
            return f"{_name(place)} must have required property '{name}'"
    config = wanted.__struct_config__
    if config.tag is not None and value.get(config.tag_field) != config.tag:
        if config.tag_field not in value:
            return f"{_name(place)} must have required property '{config.tag_field}'"
        where = _name(f"{place}.{config.tag_field}")
        return f"{where} must be equal to one of the allowed values [ {config.tag} ]"
    if config.forbid_unknown_fields:
        for name in value:
            if name not in fields and name != config.tag_field:
                return f"{_name(place)} must NOT have additional properties ('{name}')"
    for name, field in fields.items():
        if name in value:
            error = _fits(value[name], field.type)
            if error is not None:
                where = f"{place}.{name}"
                return _explain(value[name], field.type, where) or _plain(error, where)
    error = _fits(value, wanted)
    return None if error is None else _plain(error, place)


def _explain_bounds(value: object, notes: list[Any], place: str) -> str | None:
    kind = list if isinstance(value, list) else dict if isinstance(value, dict) else str
    for note in notes:
        if not isinstance(note, Meta) or _fits(value, Annotated[type(value), note]) is None:
            continue
        for attribute, words in _CONSTRAINTS:
            bound = getattr(note, attribute)
            if bound is not None and _fits(value, _one_bound(value, attribute, bound)):
                return f"{_name(place)} {words.format(bound)}"
        if note.min_length is not None and isinstance(value, (str, list, dict)):
            if len(value) < note.min_length:
                few = f"must NOT have fewer than {note.min_length} {_LENGTHS[kind]}"
                return f"{_name(place)} {few}"
            return f"{_name(place)} must NOT have more than {note.max_length} {_LENGTHS[kind]}"
        if note.max_length is not None:
            return f"{_name(place)} must NOT have more than {note.max_length} {_LENGTHS[kind]}"
    return None


def _one_bound(value: object, attribute: str, bound: Any) -> Any:
    return Annotated[type(value), Meta(**{attribute: bound})]


def _name(place: str) -> str:
    return f"Property {place}" if place else "Payload"


def _plain(error: msgspec.ValidationError, place: str) -> str:
    """Say it in the decoder's words: what a type's own check raised, or a form of date."""
    said = _PLACE.fullmatch(str(error))
    assert said is not None, "the pattern takes any text"
    words = said[1].replace("`", "")
    return f"{_name(place)} is invalid: {words[:1].lower()}{words[1:]}"
