from typing import Any

import pytest

from tests.builders.shopify_calls import CUSTOMER, ShopifyCalls, basic_input, refusals

_LOOKUP = "query ($code: String!) { codeDiscountNodeByCode(code: $code) { id } }"
_DEACTIVATE = """mutation ($id: ID!) { discountCodeDeactivate(id: $id) {
  codeDiscountNode { id codeDiscount { ... on DiscountCodeBasic { status endsAt updatedAt } } }
  userErrors { field code message } } }"""
_ACTIVATE = """mutation ($id: ID!) { discountCodeActivate(id: $id) {
  codeDiscountNode { codeDiscount { ... on DiscountCodeBasic { status endsAt } } }
  userErrors { field code } } }"""
_DELETE = """mutation ($id: ID!) { discountCodeDelete(id: $id) {
  deletedCodeDiscountId userErrors { field code } } }"""
_UPDATE = """mutation ($id: ID!, $input: DiscountCodeBasicInput!) {
  discountCodeBasicUpdate(id: $id, basicCodeDiscount: $input) {
    codeDiscountNode { id codeDiscount { ... on DiscountCodeBasic { title endsAt
      codes(first: 2) { nodes { code } } } } } userErrors { field code } } }"""
_SHIPPING = """mutation ($input: DiscountCodeFreeShippingInput!) {
  discountCodeFreeShippingCreate(freeShippingCodeDiscount: $input) {
    codeDiscountNode { codeDiscount { __typename ... on DiscountCodeFreeShipping {
      discountClasses maximumShippingPrice { amount }
      destinationSelection { __typename ... on DiscountCountries { countries } } } } }
    userErrors { field code } } }"""
_BXGY = """mutation ($input: DiscountCodeBxgyInput!) {
  discountCodeBxgyCreate(bxgyCodeDiscount: $input) {
    codeDiscountNode { codeDiscount { __typename ... on DiscountCodeBxgy {
      discountClasses usesPerOrderLimit
      customerBuys { value { ... on DiscountQuantity { quantity } } }
      customerGets { value { ... on DiscountOnQuantity { quantity { quantity }
        effect { ... on DiscountPercentage { percentage } } } } } } } }
    userErrors { field code } } }"""
_PRODUCT = "gid://shopify/Product/11"
_COLLECTION = "gid://shopify/Collection/12"


def _gets(value: Any = None, items: Any = None) -> dict[str, Any]:
    return {"value": value or {"percentage": 0.15}, "items": items or {"all": True}}


async def test_created_discount_is_shown_as_shopify_writes_it(shopify: ShopifyCalls) -> None:
    payload = await shopify.create(endsAt="2027-02-19T09:30:00+01:00")
    assert payload["userErrors"] == []
    discount = payload["codeDiscountNode"]["codeDiscount"]
    (code,) = discount.pop("codes")["nodes"]
    assert code["code"] == "LOY-1"
    assert discount == {
        "__typename": "DiscountCodeBasic",
        "title": "A reward",
        "status": "ACTIVE",
        "startsAt": "2026-11-21T09:00:00Z",
        "endsAt": "2027-02-19T08:30:00Z",
        "usageLimit": 1,
        "discountClasses": ["ORDER"],
        "tags": ["loyalty", "redemption-9"],
        "customerGets": {
            "value": {
                "__typename": "DiscountAmount",
                "amount": {"amount": "15.0", "currencyCode": "GBP"},
            }
        },
        "context": {"__typename": "DiscountCustomers", "customers": [{"id": CUSTOMER}]},
    }


async def test_taken_code_is_refused_with_its_path(shopify: ShopifyCalls) -> None:
    await shopify.create_id()
    payload = await shopify.create(title="Another")
    assert payload["codeDiscountNode"] is None
    (error,) = payload["userErrors"]
    assert error["field"] == ["basicCodeDiscount", "code"]
    assert (error["code"], error["extraInfo"]) == ("TAKEN", None)


async def test_case_makes_no_other_code(shopify: ShopifyCalls) -> None:
    made = await shopify.create_id()
    assert await shopify.call(_LOOKUP, {"code": "loy-1"}) == {"id": made}
    assert refusals(await shopify.create(code="loy-1")) == [("basicCodeDiscount.code", "TAKEN")]


async def test_unknown_code_is_null_without_an_error(shopify: ShopifyCalls) -> None:
    assert await shopify.call(_LOOKUP, {"code": "NONE"}) is None


async def test_deactivating_twice_changes_nothing_more(shopify: ShopifyCalls) -> None:
    made = await shopify.create_id()
    first = await shopify.call(_DEACTIVATE, {"id": made})
    assert first["userErrors"] == []
    assert first["codeDiscountNode"]["codeDiscount"]["status"] == "EXPIRED"
    assert first["codeDiscountNode"]["codeDiscount"]["endsAt"] == "2026-11-21T09:30:00Z"
    shopify.clock.advance(minutes=5)
    assert await shopify.call(_DEACTIVATE, {"id": made}) == first


async def test_deactivated_code_keeps_its_name_until_it_is_deleted(shopify: ShopifyCalls) -> None:
    made = await shopify.create_id()
    await shopify.call(_DEACTIVATE, {"id": made})
    assert await shopify.call(_LOOKUP, {"code": "LOY-1"}) == {"id": made}
    assert refusals(await shopify.create()) == [("basicCodeDiscount.code", "TAKEN")]
    deleted = await shopify.call(_DELETE, {"id": made})
    assert deleted == {"deletedCodeDiscountId": made, "userErrors": []}
    assert await shopify.call(_LOOKUP, {"code": "LOY-1"}) is None
    await shopify.create_id()


async def test_activating_takes_the_end_away(shopify: ShopifyCalls) -> None:
    made = await shopify.create_id()
    await shopify.call(_DEACTIVATE, {"id": made})
    payload = await shopify.call(_ACTIVATE, {"id": made})
    discount = payload["codeDiscountNode"]["codeDiscount"]
    assert discount == {"status": "ACTIVE", "endsAt": None}


@pytest.mark.parametrize("call", [_DEACTIVATE, _ACTIVATE, _DELETE])
async def test_unknown_discount_is_invalid(shopify: ShopifyCalls, call: str) -> None:
    payload = await shopify.call(call, {"id": "gid://shopify/DiscountCodeNode/1"})
    assert refusals(payload) == [("id", "INVALID")]


async def test_status_follows_the_clock(shopify: ShopifyCalls) -> None:
    payload = await shopify.create(startsAt="2026-11-22T00:00:00Z", endsAt="2026-11-23T00:00:00Z")
    assert payload["codeDiscountNode"]["codeDiscount"]["status"] == "SCHEDULED"
    ask = '{ codeDiscountNodeByCode(code: "LOY-1") { codeDiscount {'
    ask += " ... on DiscountCodeBasic { status } } } }"
    shopify.clock.advance(days=1)
    assert await shopify.call(ask) == {"codeDiscount": {"status": "ACTIVE"}}
    shopify.clock.advance(days=1)
    assert await shopify.call(ask) == {"codeDiscount": {"status": "EXPIRED"}}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"title": None}, [("title", "BLANK")]),
        ({"title": "t" * 256}, [("title", "TOO_LONG")]),
        ({"code": None}, [("code", "BLANK")]),
        ({"code": " "}, [("code", "BLANK")]),
        ({"code": ""}, [("code", "TOO_SHORT")]),
        ({"code": "C" * 256}, [("code", "TOO_LONG")]),
        ({"code": "A\nB"}, [("code", "INVALID")]),
        ({"startsAt": None}, [("startsAt", "BLANK")]),
        ({"endsAt": "2026-11-21T09:00:00Z"}, [("endsAt", "INVALID")]),
        ({"context": None}, [("context", "BLANK")]),
        ({"customerSelection": {"all": True}}, [("context", "INVALID")]),
        ({"usageLimit": 0}, [("usageLimit", "GREATER_THAN")]),
        ({"tags": list("abcdef")}, [("tags", "TOO_MANY_TAGS")]),
        ({"tags": ["t" * 256]}, [("tags", "INVALID_TAG_LENGTH")]),
        ({"customerGets": None}, [("customerGets", "BLANK")]),
        (
            {"customerGets": _gets({"percentage": 15.0})},
            [("customerGets.value.percentage", "VALUE_OUTSIDE_RANGE")],
        ),
        (
            {"customerGets": _gets({"discountAmount": {"amount": "0"}})},
            [("customerGets.value.discountAmount.amount", "GREATER_THAN")],
        ),
        (
            {"customerGets": _gets({"discountOnQuantity": {"quantity": "1"}})},
            [("customerGets.value.discountOnQuantity", "INVALID")],
        ),
        (
            {
                "customerGets": _gets(
                    items={
                        "products": {"productsToAdd": [_PRODUCT]},
                        "collections": {"add": [_COLLECTION]},
                    }
                )
            },
            [("customerGets.items.collections.add", "CONFLICT")],
        ),
        (
            {
                "minimumRequirement": {
                    "subtotal": {"greaterThanOrEqualToSubtotal": "40"},
                    "quantity": {"greaterThanOrEqualToQuantity": "2"},
                }
            },
            [
                ("minimumRequirement.subtotal.greaterThanOrEqualToSubtotal", "CONFLICT"),
                ("minimumRequirement.quantity.greaterThanOrEqualToQuantity", "CONFLICT"),
            ],
        ),
        ({"recurringCycleLimit": 3}, [("recurringCycleLimit", "INVALID")]),
        (
            {"customerGets": {**_gets(), "appliesOnSubscription": True}},
            [("customerGets.appliesOnSubscription", "INVALID")],
        ),
    ],
)
async def test_wrong_terms_are_refused_and_nothing_is_made(
    shopify: ShopifyCalls, changes: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    payload = await shopify.create(**changes)
    assert payload["codeDiscountNode"] is None
    assert refusals(payload) == [(f"basicCodeDiscount.{path}", code) for path, code in expected]
    assert await shopify.call(_LOOKUP, {"code": changes.get("code") or "LOY-1"}) is None


async def test_two_values_end_the_call(shopify: ShopifyCalls) -> None:
    both = {"percentage": 0.1, "discountAmount": {"amount": "5"}}
    came = await shopify.post(
        "mutation ($input: DiscountCodeBasicInput!) {"
        " discountCodeBasicCreate(basicCodeDiscount: $input) { userErrors { code } } }",
        {"input": basic_input(customerGets=_gets(both))},
    )
    body = came.json()
    assert body["data"] == {"discountCodeBasicCreate": None}
    assert body["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert body["errors"][0]["path"] == ["discountCodeBasicCreate"]


async def test_subscriptions_are_taken_by_a_shop_that_sells_them(shopify: ShopifyCalls) -> None:
    shopify.app.world.shop("north-shelf.myshopify.com").settings.sells_subscriptions = True
    gets = {**_gets(), "appliesOnSubscription": True, "appliesOnOneTimePurchase": True}
    await shopify.create_id(customerGets=gets, recurringCycleLimit=3)


async def test_products_and_collections_make_it_a_product_discount(shopify: ShopifyCalls) -> None:
    for place, items in enumerate(
        ({"products": {"productsToAdd": [_PRODUCT]}}, {"collections": {"add": [_COLLECTION]}})
    ):
        payload = await shopify.create(code=f"P{place}", customerGets=_gets(items=items))
        assert payload["codeDiscountNode"]["codeDiscount"]["discountClasses"] == ["PRODUCT"]


async def test_free_shipping(shopify: ShopifyCalls) -> None:
    given = basic_input(
        customerGets=None,
        maximumShippingPrice="7.50",
        destination={"countries": {"add": ["GB", "IE"]}},
    )
    payload = await shopify.call(_SHIPPING, {"input": given})
    assert payload["codeDiscountNode"]["codeDiscount"] == {
        "__typename": "DiscountCodeFreeShipping",
        "discountClasses": ["SHIPPING"],
        "maximumShippingPrice": {"amount": "7.5"},
        "destinationSelection": {"__typename": "DiscountCountries", "countries": ["GB", "IE"]},
    }
    again = await shopify.call(_SHIPPING, {"input": given})
    assert refusals(again) == [("freeShippingCodeDiscount.code", "TAKEN")]


async def test_free_shipping_does_not_combine_with_its_own_kind(shopify: ShopifyCalls) -> None:
    given = basic_input(customerGets=None, combinesWith={"shippingDiscounts": True})
    payload = await shopify.call(_SHIPPING, {"input": given})
    assert refusals(payload) == [
        ("freeShippingCodeDiscount.combinesWith", "INVALID_COMBINES_WITH_FOR_DISCOUNT_CLASS")
    ]


def _bxgy(**changes: Any) -> dict[str, Any]:
    items = {"products": {"productsToAdd": [_PRODUCT]}}
    on_quantity = {"quantity": "1", "effect": {"percentage": 1.0}}
    return basic_input(
        customerBuys={"items": items, "value": {"quantity": "2"}},
        customerGets={"items": items, "value": {"discountOnQuantity": on_quantity}},
        usesPerOrderLimit=1,
        **changes,
    )


async def test_buy_some_get_some(shopify: ShopifyCalls) -> None:
    payload = await shopify.call(_BXGY, {"input": _bxgy()})
    assert payload["codeDiscountNode"]["codeDiscount"] == {
        "__typename": "DiscountCodeBxgy",
        "discountClasses": ["PRODUCT"],
        "usesPerOrderLimit": 1,
        "customerBuys": {"value": {"quantity": "2"}},
        "customerGets": {"value": {"quantity": {"quantity": "1"}, "effect": {"percentage": 1.0}}},
    }
    again = await shopify.call(_BXGY, {"input": _bxgy()})
    assert refusals(again) == [("bxgyCodeDiscount.code", "TAKEN")]


async def test_buy_some_get_some_is_never_of_everything(shopify: ShopifyCalls) -> None:
    given = _bxgy()
    given["customerGets"]["items"] = {"all": True}
    payload = await shopify.call(_BXGY, {"input": given})
    assert refusals(payload) == [("bxgyCodeDiscount.customerGets.items.all", "INVALID")]


async def test_update_changes_what_is_given_and_moves_the_code(shopify: ShopifyCalls) -> None:
    made = await shopify.create_id()
    change = {"title": "New", "code": "LOY-2", "endsAt": "2026-12-01T00:00:00Z"}
    payload = await shopify.call(_UPDATE, {"id": made, "input": change})
    assert payload["userErrors"] == []
    assert payload["codeDiscountNode"]["codeDiscount"] == {
        "title": "New",
        "endsAt": "2026-12-01T00:00:00Z",
        "codes": {"nodes": [{"code": "LOY-2"}]},
    }
    assert await shopify.call(_LOOKUP, {"code": "LOY-1"}) is None
    assert await shopify.call(_LOOKUP, {"code": "LOY-2"}) == {"id": made}


async def test_update_to_a_code_of_another_is_refused(shopify: ShopifyCalls) -> None:
    await shopify.create_id(code="LOY-2")
    made = await shopify.create_id()
    payload = await shopify.call(_UPDATE, {"id": made, "input": {"code": "loy-2"}})
    assert refusals(payload) == [("basicCodeDiscount.code", "TAKEN")]


async def test_strict_shop_refuses_customers_it_does_not_know(shopify: ShopifyCalls) -> None:
    shopify.app.world.shop("north-shelf.myshopify.com")._strict_customers = True
    payload = await shopify.create()
    assert refusals(payload) == [("basicCodeDiscount.context.customers.add", "INVALID")]
