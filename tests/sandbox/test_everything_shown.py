"""Asks the sandbox for every field its schema has, as deep as that leads, and wants no failure."""

from typing import Any

import pytest
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    validate_schema,
)
from graphql.type import is_leaf_type, is_required_argument

from guerdon.sandbox.shopify import executing
from guerdon.sandbox.shopify.schema import schema
from tests.builders.sandbox import SHOP
from tests.builders.shopify_calls import CUSTOMER, ShopifyCalls, basic_input

_DEPTH_MAX = 6
_ITEMS = {"products": {"productsToAdd": ["gid://shopify/Product/11"]}}


def _selection(kind: Any, depth: int) -> str:
    """Write a selection of everything below a type."""
    if isinstance(kind, GraphQLUnionType | GraphQLInterfaceType):
        branches = [
            f"... on {branch.name} {{ __typename {_fields(branch, depth, str(at))} }}"
            for at, branch in enumerate(schema().get_possible_types(kind))
        ]
        return "__typename " + " ".join(branches)
    return f"__typename {_fields(kind, depth)}"


def _fields(kind: GraphQLObjectType, depth: int, branch: str | None = None) -> str:
    chosen = []
    for name, field in kind.fields.items():
        inner = get_named_type(field.type)
        is_paged = "first" in field.args
        if any(is_required_argument(arg) for arg in field.args.values()):
            continue
        # Branches of a union may show one name with two types, so that each needs its own.
        shown = name if branch is None else f"b{branch}_{name}: {name}"
        shown += "(first: 3)" if is_paged else ""
        if is_leaf_type(inner):
            chosen.append(shown)
        elif depth < _DEPTH_MAX and not _is_back(inner):
            chosen.append(f"{shown} {{ {_selection(inner, depth + 1)} }}")
    return " ".join(chosen)


def _is_back(kind: Any) -> bool:
    # These lead round in a circle, or to what the sandbox does not keep.
    return kind.name in {
        "QueryRoot",
        "OrderConnection",
        "Order",
        "HasStoreCreditAccounts",
        "Market",
    }


def _arguments(field: GraphQLField, given: dict[str, str]) -> str:
    parts = [f'{name}: "{value}"' for name, value in given.items()]
    if "first" in field.args:
        parts.append("first: 3")
    return f"({', '.join(parts)})" if parts else ""


@pytest.fixture
async def full(shopify: ShopifyCalls, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A shop that has one of everything; its ids by kind."""
    monkeypatch.setattr(executing, "COST_MAX", 10**9)
    shopify.app.world.shop(SHOP).settings.sells_subscriptions = True
    await shopify.client.post(
        f"http://sandbox.test/_control/shops/{SHOP}/customers",
        json={"id": 7001002003, "email": "ines@shop.example", "phone": "+447700900111"},
    )
    made = {"discount": await shopify.create_id()}
    await _make_discounts(shopify)
    made |= await _make_money(shopify)
    await _make_metafield(shopify)
    hook = await shopify.call(
        "mutation { webhookSubscriptionCreate(topic: ORDERS_PAID, webhookSubscription:"
        ' {uri: "https://loyalty.example/hook"}) { webhookSubscription { id } } }'
    )
    made["hook"] = hook["webhookSubscription"]["id"]
    bulk = await shopify.call(
        "mutation ($id: ID!) { discountRedeemCodeBulkAdd(discountId: $id,"
        ' codes: [{code: "B1"}, {code: "LOY-1"}]) { bulkCreation { id } } }',
        {"id": made["discount"]},
    )
    made["bulk"] = bulk["bulkCreation"]["id"]
    shopify.clock.advance(seconds=1)
    return made


async def _make_discounts(shopify: ShopifyCalls) -> None:
    """Make one of each variety that shows a type of its own."""
    collections = {"collections": {"add": ["gid://shopify/Collection/1"]}}
    await shopify.create_id(
        code="V0",
        context={"all": "ALL"},
        customerGets={"value": {"percentage": 0.1}, "items": collections},
        minimumRequirement={"quantity": {"greaterThanOrEqualToQuantity": "2"}},
    )
    await shopify.create_id(
        code="V1",
        context={"customerSegments": {"add": ["gid://shopify/Segment/1"]}},
        minimumRequirement={"subtotal": {"greaterThanOrEqualToSubtotal": "40"}},
    )
    on_quantity = {"quantity": "1", "effect": {"percentage": 1.0}}
    payload = await shopify.call(
        "mutation ($i: DiscountCodeBxgyInput!) {"
        " discountCodeBxgyCreate(bxgyCodeDiscount: $i) { userErrors { field } } }",
        {
            "i": basic_input(
                code="BXGY",
                customerBuys={"items": _ITEMS, "value": {"amount": "20"}},
                customerGets={"items": _ITEMS, "value": {"discountOnQuantity": on_quantity}},
            )
        },
    )
    assert payload["userErrors"] == []
    payload = await shopify.call(
        "mutation ($i: DiscountCodeFreeShippingInput!) {"
        " discountCodeFreeShippingCreate(freeShippingCodeDiscount: $i) { userErrors { field } } }",
        {"i": basic_input(code="FREE", customerGets=None, maximumShippingPrice="5")},
    )
    assert payload["userErrors"] == []


async def _make_money(shopify: ShopifyCalls) -> dict[str, str]:
    given = {
        "initialAmount": {"amount": "10", "currencyCode": "GBP"},
        "customerId": CUSTOMER,
        "expiresOn": "2027-11-21",
    }
    card = await shopify.call(
        "mutation ($i: GiftCardCreateInput!) { giftCardCreate(input: $i) { giftCard { id } } }",
        {"i": given},
    )
    credit = await shopify.call(
        "mutation ($i: StoreCreditAccountCreditInput!) { storeCreditAccountCredit("
        f'id: "{CUSTOMER}", creditInput: $i) {{ storeCreditAccountTransaction '
        "{ account { id } } } }",
        {"i": {"creditAmount": {"amount": "5", "currencyCode": "GBP"}}},
    )
    return {
        "card": card["giftCard"]["id"],
        "account": credit["storeCreditAccountTransaction"]["account"]["id"],
    }


async def _make_metafield(shopify: ShopifyCalls) -> None:
    place = {"namespace": "mage", "key": "points"}
    definition = {**place, "name": "Points", "ownerType": "CUSTOMER", "type": "number_integer"}
    await shopify.call(
        "mutation ($d: MetafieldDefinitionInput!) { metafieldDefinitionCreate(definition: $d)"
        " { createdDefinition { id } } }",
        {"d": definition},
    )
    payload = await shopify.call(
        "mutation ($m: [MetafieldsSetInput!]!) { metafieldsSet(metafields: $m)"
        " { userErrors { code } } }",
        {"m": [{**place, "ownerId": CUSTOMER, "value": "1"}]},
    )
    assert payload["userErrors"] == []


def test_schema_is_valid() -> None:
    assert validate_schema(schema()) == []


async def test_every_field_can_be_asked_for(shopify: ShopifyCalls, full: dict[str, str]) -> None:
    given = {
        "codeDiscountNodeByCode": {"code": "LOY-1"},
        "customer": {"id": CUSTOMER},
        "discountNode": {"id": full["discount"]},
        "discountRedeemCodeBulkCreation": {"id": full["bulk"]},
        "giftCard": {"id": full["card"]},
        "storeCreditAccount": {"id": full["account"]},
        "webhookSubscription": {"id": full["hook"]},
        "job": {"id": "gid://shopify/Job/1"},
    }
    query = schema().query_type
    assert query is not None
    without = "customers discountNodes giftCards webhookSubscriptions shop currentAppInstallation"
    without += " publicApiVersions giftCardConfiguration storeCreditConfiguration"
    for name in [*given, *without.split()]:
        field = query.fields[name]
        selection = _selection(get_named_type(field.type), 1)
        document = f"{{ {name}{_arguments(field, given.get(name, {}))} {{ {selection} }} }}"
        came = await shopify.post(document)
        body = came.json()
        assert "errors" not in body, (name, body["errors"][:3])
        assert body["data"][name] is not None, name
    for code in ("V0", "V1", "BXGY", "FREE"):
        selection = _selection(schema().type_map["DiscountCodeNode"], 1)
        await shopify.call(f'{{ codeDiscountNodeByCode(code: "{code}") {{ {selection} }} }}')


async def test_every_root_field_is_there_or_known_to_be_absent(shopify: ShopifyCalls) -> None:
    from guerdon.sandbox.shopify.executing import _roots

    query, mutation = schema().query_type, schema().mutation_type
    assert query is not None
    assert mutation is not None
    played = set(_roots(shopify.app.world.shop(SHOP)))
    assert {*query.fields, *mutation.fields} - played == set()
    assert played - {*query.fields, *mutation.fields} == set()
