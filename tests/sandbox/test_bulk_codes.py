from typing import Any

from tests.builders.shopify_calls import ShopifyCalls, refusals

_ADD = """mutation ($id: ID!, $codes: [DiscountRedeemCodeInput!]!) {
  discountRedeemCodeBulkAdd(discountId: $id, codes: $codes) {
    bulkCreation { id done codesCount importedCount } userErrors { field code } } }"""
_ASK = """query ($id: ID!) { discountRedeemCodeBulkCreation(id: $id) {
  done codesCount importedCount failedCount
  codes(first: 250) { nodes { code discountRedeemCode { id } errors { code } } } } }"""
_LOOKUP = "query ($code: String!) { codeDiscountNodeByCode(code: $code) { id } }"
_REMOVE = """mutation ($id: ID!, $ids: [ID!]) {
  discountCodeRedeemCodeBulkDelete(discountId: $id, ids: $ids) {
    job { id done } userErrors { field code } } }"""


async def _add(shopify: ShopifyCalls, discount: str, *codes: str) -> Any:
    given = [{"code": code} for code in codes]
    return await shopify.call(_ADD, {"id": discount, "codes": given})


async def test_codes_arrive_a_moment_later(shopify: ShopifyCalls) -> None:
    discount = await shopify.create_id()
    payload = await _add(shopify, discount, "B1", "B2")
    creation = payload["bulkCreation"]
    assert (creation["done"], creation["codesCount"], creation["importedCount"]) == (False, 2, 0)
    assert await shopify.call(_LOOKUP, {"code": "B1"}) is None
    shopify.clock.advance(seconds=0.2)
    assert await shopify.call(_LOOKUP, {"code": "b1"}) == {"id": discount}
    found = await shopify.call(_ASK, {"id": creation["id"]})
    assert (found["done"], found["importedCount"], found["failedCount"]) == (True, 2, 0)


async def test_taken_code_fails_alone(shopify: ShopifyCalls) -> None:
    discount = await shopify.create_id()
    payload = await _add(shopify, discount, "LOY-1", "B2", "b2")
    shopify.clock.advance(seconds=1)
    found = await shopify.call(_ASK, {"id": payload["bulkCreation"]["id"]})
    assert (found["importedCount"], found["failedCount"]) == (1, 2)
    codes = found["codes"]["nodes"]
    assert [[error["code"] for error in one["errors"]] for one in codes] == [
        ["TAKEN"],
        [],
        ["TAKEN"],
    ]
    assert codes[0]["discountRedeemCode"] is None


async def test_removed_codes_are_free_again(shopify: ShopifyCalls) -> None:
    discount = await shopify.create_id()
    payload = await _add(shopify, discount, "B1", "B2")
    shopify.clock.advance(seconds=1)
    found = await shopify.call(_ASK, {"id": payload["bulkCreation"]["id"]})
    first = found["codes"]["nodes"][0]["discountRedeemCode"]["id"]
    removed = await shopify.call(_REMOVE, {"id": discount, "ids": [first]})
    assert removed["userErrors"] == []
    assert await shopify.call(_LOOKUP, {"code": "B1"}) is None
    assert await shopify.call(_LOOKUP, {"code": "B2"}) == {"id": discount}


async def test_unknown_discount_takes_no_codes(shopify: ShopifyCalls) -> None:
    payload = await _add(shopify, "gid://shopify/DiscountCodeNode/1", "B1")
    assert refusals(payload) == [("discountId", "INVALID")]


async def test_more_than_250_are_too_many(shopify: ShopifyCalls) -> None:
    discount = await shopify.create_id()
    codes = [{"code": f"B{n}"} for n in range(251)]
    (error,) = await shopify.errors(_ADD, {"id": discount, "codes": codes})
    assert error["extensions"]["code"] == "MAX_INPUT_SIZE_EXCEEDED"
    assert (await _add(shopify, discount, *(f"B{n}" for n in range(250))))["userErrors"] == []
