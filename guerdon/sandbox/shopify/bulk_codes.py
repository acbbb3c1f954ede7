"""Codes added to one discount in bulk: asked for now, there a moment later."""

from typing import Any

from guerdon.sandbox.shopify.discount_shape import discount_node, redeem_code
from guerdon.sandbox.shopify.failures import Fields, user_error
from guerdon.sandbox.shopify.shape import Info, Root, gid, number_of, pages
from guerdon.sandbox.shopify.shop import BulkCreation, Discount, Shop


def bulk_code_roots(shop: Shop) -> dict[str, Root]:
    """Give the resolvers of the root fields for codes in bulk."""

    def find(_info: Info, id: str) -> Fields | None:  # noqa: A002
        number = number_of(id, "DiscountRedeemCodeBulkCreation")
        found = shop.bulk_creations.get(number or 0)
        return None if found is None else _node(shop, found)

    def job(_info: Info, id: str) -> Fields:  # noqa: A002
        return {"id": id, "done": True, "query": None}

    return {
        "discountRedeemCodeBulkCreation": find,
        "discountRedeemCodeBulkAdd": _adding(shop),
        "discountCodeRedeemCodeBulkDelete": _deleting(shop),
        "job": job,
    }


def _discount(shop: Shop, name: str) -> Discount | None:
    return shop.discounts.get(number_of(name, "DiscountCodeNode", "DiscountNode") or 0)


def _adding(shop: Shop) -> Root:
    def add(_info: Info, **arguments: Any) -> Fields:
        discount = _discount(shop, arguments["discountId"])
        codes = [given["code"] for given in arguments["codes"]]
        error = None
        if discount is None:
            message = "Code discount does not exist."
            error = user_error(["discountId"], message, "INVALID", extraInfo=None)
        elif not codes:
            error = user_error(["codes"], "Codes can't be blank", "BLANK", extraInfo=None)
        if discount is None or error is not None:
            return {"bulkCreation": None, "userErrors": [error]}
        return {"bulkCreation": _node(shop, shop.start_bulk(discount, codes)), "userErrors": []}

    return add


def _node(shop: Shop, creation: BulkCreation) -> Fields:
    discount = shop.discounts.get(creation.discount_id)
    return {
        "__typename": "DiscountRedeemCodeBulkCreation",
        "id": gid("DiscountRedeemCodeBulkCreation", creation.id),
        "createdAt": creation.created_at,
        "done": creation.is_done,
        "codesCount": len(creation.codes),
        "importedCount": len(creation.made),
        "failedCount": len(creation.failed),
        "discountCode": None if discount is None else discount_node(shop, discount),
        "codes": pages([_code(creation, code) for code in creation.codes]),
    }


def _code(creation: BulkCreation, code: str) -> Fields:
    made, failed = creation.made.get(code), creation.failed.get(code)
    return {
        "code": code,
        "discountRedeemCode": None if made is None else redeem_code(made),
        "errors": [] if failed is None else [failed],
    }


def _deleting(shop: Shop) -> Root:
    def delete(_info: Info, **arguments: Any) -> Fields:
        discount = _discount(shop, arguments["discountId"])
        named: list[str] = arguments.get("ids") or []
        error = None
        if discount is None:
            error = user_error(["discountId"], "Code discount does not exist.", "INVALID")
        elif not named:
            error = user_error(["ids"], "Name the codes by their ids.", "MISSING_ARGUMENT")
        if discount is None or error is not None:
            return {"job": None, "userErrors": [error]}
        wanted = {number_of(name, "DiscountRedeemCode") for name in named}
        shop.remove_codes(discount, {number for number in wanted if number is not None})
        return {"job": {"id": gid("Job", shop.take_id()), "done": True}, "userErrors": []}

    return delete
