"""The discount mutations and queries."""

from typing import Any

from guerdon.sandbox.shopify.discount_rules import refusals_of
from guerdon.sandbox.shopify.discount_shape import discount_node
from guerdon.sandbox.shopify.failures import Fields, user_error
from guerdon.sandbox.shopify.shape import Info, Root, gid, number_of, page
from guerdon.sandbox.shopify.shop import Discount, DiscountKind, RedeemCode, Shop

_PREFIXES: dict[DiscountKind, str] = {
    "basic": "basicCodeDiscount",
    "free_shipping": "freeShippingCodeDiscount",
    "bxgy": "bxgyCodeDiscount",
}
_NODES = ("DiscountCodeNode", "DiscountNode")


def discount_roots(shop: Shop) -> dict[str, Root]:
    """Give the resolvers of the discounts' root fields."""
    roots: dict[str, Root] = {
        "codeDiscountNodeByCode": lambda _, code: _node_or_none(shop, shop.find_by_code(code)),
        "discountNode": lambda _, id: _as_plain_node(shop, _find(shop, id)),  # noqa: A006
        "discountNodes": _searching(shop),
        "discountCodeDeactivate": _ending(shop),
        "discountCodeActivate": _starting(shop),
        "discountCodeDelete": _deleting(shop),
    }
    names: dict[DiscountKind, str] = {
        "basic": "discountCodeBasic",
        "free_shipping": "discountCodeFreeShipping",
        "bxgy": "discountCodeBxgy",
    }
    for kind, name in names.items():
        roots[f"{name}Create"] = _creating(shop, kind)
        roots[f"{name}Update"] = _updating(shop, kind)
    return roots


def _find(shop: Shop, name: str) -> Discount | None:
    number = number_of(name, *_NODES)
    return None if number is None else shop.discounts.get(number)


def _node_or_none(shop: Shop, discount: Discount | None) -> Fields | None:
    return None if discount is None else discount_node(shop, discount)


def _as_plain_node(shop: Shop, discount: Discount | None) -> Fields | None:
    if discount is None:
        return None
    node = discount_node(shop, discount)
    return {
        **node,
        "__typename": "DiscountNode",
        "id": gid("DiscountNode", discount.id),
        "discount": node["codeDiscount"],
    }


def _answer(shop: Shop, discount: Discount) -> Fields:
    return {"codeDiscountNode": discount_node(shop, discount), "userErrors": []}


def _refused(*errors: Fields) -> Fields:
    return {"codeDiscountNode": None, "userErrors": list(errors)}


def _taken(prefix: str) -> Fields:
    message = "Code must be unique. Please try a different code."
    return user_error([prefix, "code"], message, "TAKEN", extraInfo=None)


def _creating(shop: Shop, kind: DiscountKind) -> Root:
    prefix = _PREFIXES[kind]

    def create(_info: Info, **arguments: Fields) -> Fields:
        terms = arguments[prefix]
        errors = refusals_of(shop, kind, prefix, terms)
        if terms.get("code") and shop.find_by_code(terms["code"]) is not None:
            errors.append(_taken(prefix))
        if errors:
            return _refused(*errors)
        now = shop.second()
        discount = Discount(
            id=shop.take_id(),
            kind=kind,
            terms=terms,
            codes=[RedeemCode(id=shop.take_id(), code=terms["code"])],
            customers=_customers(terms, None),
            starts_at=terms["startsAt"],
            ends_at=terms.get("endsAt"),
            created_at=now,
            updated_at=now,
        )
        shop.add_discount(discount)
        return _answer(shop, discount)

    return create


def _updating(shop: Shop, kind: DiscountKind) -> Root:
    prefix = _PREFIXES[kind]

    def update(_info: Info, id: str, **arguments: Fields) -> Fields:  # noqa: A002
        discount = _find(shop, id)
        if discount is None or discount.kind != kind:
            return _refused(user_error(["id"], "Discount does not exist", "INVALID"))
        given = arguments[prefix]
        terms = {**discount.terms, **given}
        if "context" in given:
            terms.pop("customerSelection", None)
        errors = refusals_of(shop, kind, prefix, terms)
        holder = shop.find_by_code(terms.get("code") or "")
        if holder is not None and holder is not discount:
            errors.append(_taken(prefix))
        if errors:
            return _refused(*errors)
        discount.terms = terms
        discount.customers = _customers(given, discount.customers)
        discount.starts_at, discount.ends_at = terms["startsAt"], terms.get("endsAt")
        discount.updated_at = shop.second()
        if "code" in given:
            shop.rename_first_code(discount, terms["code"])
        return _answer(shop, discount)

    return update


def _customers(terms: Fields, before: list[int] | None) -> list[int] | None:
    """Work out whom a discount is for; None is everybody."""
    chosen = terms.get("context") or terms.get("customerSelection")
    if chosen is None:
        return before
    if chosen.get("customers") is None:
        return None
    numbers = list(before or [])
    for name in chosen["customers"].get("add") or []:
        number = number_of(name, "Customer")
        if number is not None and number not in numbers:
            numbers.append(number)
    removed = {number_of(name, "Customer") for name in chosen["customers"].get("remove") or []}
    return [number for number in numbers if number not in removed]


def _ending(shop: Shop) -> Root:
    def deactivate(_info: Info, id: str) -> Fields:  # noqa: A002
        discount = _find(shop, id)
        if discount is None:
            return _refused(user_error(["id"], "Code discount does not exist.", "INVALID"))
        now = shop.second()
        # What is over already stays as it is: saying it twice is no error and no change.
        if discount.status(shop.now()) != "EXPIRED":
            discount.ends_at = now
            discount.updated_at = now
        return _answer(shop, discount)

    return deactivate


def _starting(shop: Shop) -> Root:
    def activate(_info: Info, id: str) -> Fields:  # noqa: A002
        discount = _find(shop, id)
        if discount is None:
            return _refused(user_error(["id"], "Code discount does not exist.", "INVALID"))
        now = shop.second()
        if discount.status(shop.now()) != "ACTIVE":
            discount.starts_at = min(discount.starts_at, now)
            discount.ends_at = None
            discount.updated_at = now
        return _answer(shop, discount)

    return activate


def _deleting(shop: Shop) -> Root:
    def delete(_info: Info, id: str) -> Fields:  # noqa: A002
        discount = _find(shop, id)
        if discount is None:
            error = user_error(["id"], "Code discount does not exist.", "INVALID")
            return {"deletedCodeDiscountId": None, "userErrors": [error]}
        shop.delete_discount(discount)
        return {"deletedCodeDiscountId": gid("DiscountCodeNode", discount.id), "userErrors": []}

    return delete


def _searching(shop: Shop) -> Root:
    def search(_info: Info, query: str | None = None, **paging: Any) -> Fields:
        words = (query or "").casefold().removeprefix("title:").strip("'\" ")
        found = [
            _as_plain_node(shop, discount)
            for discount in shop.discounts.values()
            if words in discount.terms["title"].casefold()
        ]
        return page([node for node in found if node is not None], **paging)

    return search
