"""The schema, with scalars that refuse what Shopify's would refuse, in a call or in our answer."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files
from typing import Any

from graphql import GraphQLError, GraphQLScalarType, GraphQLSchema, build_schema

_DIGITS = re.compile(r"[0-9]{1,20}")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_UNSIGNED_MAX = 2**64 - 1


@cache
def schema() -> GraphQLSchema:
    """Build the schema; one for the whole process, as nothing changes it."""
    text = files("guerdon.sandbox").joinpath("shopify-admin-subset.graphql").read_text("utf-8")
    made = build_schema(text)
    for name, (taken, given) in _SCALARS.items():
        scalar = made.type_map[name]
        assert isinstance(scalar, GraphQLScalarType)
        # Set on the instance, as a schema that is built from text has scalars that take anything.
        setattr(scalar, "coerce_input_value", taken)  # noqa: B010
        setattr(scalar, "coerce_output_value", given)  # noqa: B010
    return made


def _take_decimal(value: Any) -> Decimal:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            number = Decimal("NaN")
        if number.is_finite():
            return number
    raise GraphQLError(f"Decimal cannot represent value: {value!r}")


def _give_decimal(value: Any) -> str:
    if not isinstance(value, Decimal):
        raise GraphQLError(f"Decimal cannot represent value: {value!r}")
    return decimal_text(value)


def decimal_text(value: Decimal) -> str:
    """Write a number as Shopify does: without needless zeros, but with one behind the point."""
    text = format(value.normalize(), "f")
    return text if "." in text else f"{text}.0"


def _take_instant(value: Any) -> datetime:
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise GraphQLError(f"DateTime cannot represent value: {value!r}") from None
    if instant.tzinfo is None:
        raise GraphQLError(f"DateTime without a zone: {value!r}")
    return instant.astimezone(UTC).replace(microsecond=0)


def _give_instant(value: Any) -> str:
    if not isinstance(value, datetime):
        raise GraphQLError(f"DateTime cannot represent value: {value!r}")
    return instant_text(value)


def instant_text(value: datetime) -> str:
    """Write an instant in whole seconds of UTC."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _take_day(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise GraphQLError(f"Date cannot represent value: {value!r}") from None


def _give_day(value: Any) -> str:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise GraphQLError(f"Date cannot represent value: {value!r}")
    return value.isoformat()


def _take_unsigned(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _UNSIGNED_MAX:
        return value
    if isinstance(value, str) and _DIGITS.fullmatch(value) and int(value) <= _UNSIGNED_MAX:
        return int(value)
    raise GraphQLError(f"UnsignedInt64 cannot represent value: {value!r}")


def _give_unsigned(value: Any) -> str:
    return str(_take_unsigned(value))


def _take_address(value: Any) -> str:
    if isinstance(value, str) and _ADDRESS.fullmatch(value):
        return value
    raise GraphQLError(f"URL cannot represent value: {value!r}")


_SCALARS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "Decimal": (_take_decimal, _give_decimal),
    "Money": (_take_decimal, _give_decimal),
    "DateTime": (_take_instant, _give_instant),
    "Date": (_take_day, _give_day),
    "UnsignedInt64": (_take_unsigned, _give_unsigned),
    "URL": (_take_address, _take_address),
}
