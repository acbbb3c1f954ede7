"""The metafield mutations: a call sets all of its fields or none."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from guerdon.sandbox.shopify.failures import Fields, user_error
from guerdon.sandbox.shopify.metafield_shape import (
    OWNER_TYPES,
    digest,
    metafield_node,
    resolved,
)
from guerdon.sandbox.shopify.shape import Info, Root, parse_gid
from guerdon.sandbox.shopify.shop import Metafield, Shop

_CALL_MAX = 25
_BYTES_MAX = {"json": 128 * 1024, "url": 2048, "id": 2048}
_BYTES_MAX_OTHERS = 64 * 1024
_DIGEST = re.compile(r"[0-9a-f]{64}")


def metafield_roots(shop: Shop) -> dict[str, Root]:
    """Give the resolvers of the metafields' root fields."""
    return {
        "metafieldsSet": _setting(shop),
        "metafieldsDelete": _deleting(shop),
    }


def _setting(shop: Shop) -> Root:
    def set_all(_info: Info, metafields: list[Fields]) -> Fields:
        if len(metafields) > _CALL_MAX:
            message = f"Exceeded the maximum metafields input limit of {_CALL_MAX}."
            error = user_error(["metafields"], message, "LESS_THAN_OR_EQUAL_TO")
            return {"metafields": None, "userErrors": [error]}
        errors = [
            user_error(["metafields", str(index), *path], message, code, elementIndex=None)
            for index, given in enumerate(metafields)
            for path, message, code in _refusals(shop, given)
        ]
        if errors:
            return {"metafields": None, "userErrors": errors}
        stored = [_store(shop, given) for given in metafields]
        return {"metafields": [metafield_node(shop, one) for one in stored], "userErrors": []}

    return set_all


def _place(shop: Shop, given: Fields) -> tuple[str, str, str]:
    return given["ownerId"], resolved(shop, given.get("namespace")), given["key"]


def _type(shop: Shop, given: Fields) -> str | None:
    """Find the type of a value: as told, as defined, or as it was before."""
    owner, namespace, key = _place(shop, given)
    definition = shop.definitions.get((OWNER_TYPES.get(parse_gid(owner)[0], ""), namespace, key))
    before = shop.metafields.get((owner, namespace, key))
    told: str | None = given.get("type")
    if told is None and definition is not None:
        return definition.type
    return before.type if told is None and before is not None else told


def _refusals(shop: Shop, given: Fields) -> Iterator[tuple[list[str], str, str]]:
    owner, namespace, key = _place(shop, given)
    if not _owner_exists(shop, owner):
        yield ["ownerId"], "Owner does not exist.", "INVALID_VALUE"
        return
    if namespace.startswith("app--") and not namespace.startswith(f"app--{shop.app_id}"):
        message = "Access to this namespace and key on Metafields for this resource is not allowed."
        yield [], message, "APP_NOT_AUTHORIZED"
    for name, text, least, most in (("namespace", namespace, 3, 255), ("key", key, 2, 64)):
        if len(text) < least:
            yield [name], f"{name.title()} is too short (minimum is {least})", "TOO_SHORT"
        elif len(text) > most:
            yield [name], f"{name.title()} is too long (maximum is {most})", "TOO_LONG"
    kind = _type(shop, given)
    if kind is None:
        yield ["type"], "Type can't be blank", "BLANK"
    elif not is_known_type(kind):
        yield ["type"], f"Type '{kind}' is not known", "INCLUSION"
    else:
        yield from _value_refusals(kind, given["value"])
    yield from _digest_refusals(shop, given)


def _owner_exists(shop: Shop, owner: str) -> bool:
    kind, number = parse_gid(owner)
    if kind == "Customer":
        return shop.customer_to_use(number) is not None
    if kind == "DiscountCodeNode":
        return number in shop.discounts
    return kind in ("Shop", "AppInstallation")


def _digest_refusals(shop: Shop, given: Fields) -> Iterator[tuple[list[str], str, str]]:
    if "compareDigest" not in given:
        return
    told = given["compareDigest"]
    stored = shop.metafields.get(_place(shop, given))
    if told is not None and _DIGEST.fullmatch(told) is None:
        yield ["compareDigest"], "The compareDigest is not valid.", "INVALID_COMPARE_DIGEST"
    elif told != (None if stored is None else digest(stored)):
        message = "The resource has been updated since it was loaded. Try again with an updated"
        yield [], f"{message} `compareDigest` value.", "STALE_OBJECT"


def _value_refusals(kind: str, value: str) -> Iterator[tuple[list[str], str, str]]:
    if not value:
        yield ["value"], "Value can't be blank", "BLANK"
        return
    bytes_max = _BYTES_MAX.get(kind, _BYTES_MAX_OTHERS)
    if len(value.encode()) > bytes_max:
        yield ["value"], f"Value is longer than {bytes_max} bytes", "TOO_LONG"
        return
    single = kind.removeprefix("list.")
    try:
        if single == kind:
            _CHECKS[kind](value)
        else:
            _check_list(single, value)
    except (ValueError, TypeError, InvalidOperation, KeyError):
        yield ["value"], f"Value is not a valid {kind}", "INVALID_VALUE"


def _check_list(single: str, value: str) -> None:
    items = json.loads(value)
    if not isinstance(items, list) or len(items) > 128:
        raise ValueError
    for item in items:
        _CHECKS[single](item if isinstance(item, str) else json.dumps(item))


def _check_text(value: str) -> None:
    if "\n" in value:
        raise ValueError


def _check_boolean(value: str) -> None:
    if value not in ("true", "false"):
        raise ValueError


def _check_integer(value: str) -> None:
    if re.fullmatch(r"-?\d{1,19}", value) is None or abs(int(value)) > 2**63 - 1:
        raise ValueError


def _check_decimal(value: str) -> None:
    if not Decimal(value).is_finite():
        raise ValueError


def _check_address(value: str) -> None:
    if re.fullmatch(r"(https?|mailto|sms|tel):\S+", value) is None:
        raise ValueError


def _check_money(value: str) -> None:
    money = json.loads(value)
    _check_decimal(money["amount"])
    if re.fullmatch("[A-Z]{3}", money["currency_code"]) is None:
        raise ValueError


# By the name of the type.
_CHECKS: dict[str, Callable[[str], object]] = {
    "single_line_text_field": _check_text,
    "multi_line_text_field": str,
    "number_integer": _check_integer,
    "number_decimal": _check_decimal,
    "boolean": _check_boolean,
    "date": date.fromisoformat,
    "date_time": datetime.fromisoformat,
    "url": _check_address,
    "json": json.loads,
    "id": str,
    "money": _check_money,
}


def is_known_type(name: str) -> bool:
    """Say whether there are metafields, or lists of them, of a type."""
    return name.removeprefix("list.") in _CHECKS


def _store(shop: Shop, given: Fields) -> Metafield:
    place = _place(shop, given)
    kind = _type(shop, given)
    assert kind is not None, "a value without a type was refused"
    now = shop.second()
    stored = shop.metafields.get(place)
    if stored is None:
        owner, namespace, key = place
        stored = Metafield(
            id=shop.take_id(),
            owner=owner,
            namespace=namespace,
            key=key,
            type=kind,
            value=given["value"],
            created_at=now,
            updated_at=now,
        )
        shop.metafields[place] = stored
    else:
        stored.type, stored.value, stored.updated_at = kind, given["value"], now
    return stored


def _deleting(shop: Shop) -> Root:
    def delete(_info: Info, metafields: list[Fields]) -> Fields:
        deleted: list[Fields | None] = []
        for given in metafields:
            found = shop.metafields.pop(_place(shop, given), None)
            deleted.append(
                None
                if found is None
                else {"ownerId": found.owner, "namespace": found.namespace, "key": found.key}
            )
        return {"deletedMetafields": deleted, "userErrors": []}

    return delete
