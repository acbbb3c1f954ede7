from typing import Any

import pytest

from tests.builders.shopify_calls import CUSTOMER, ShopifyCalls, refusals

_SET = """mutation ($m: [MetafieldsSetInput!]!) { metafieldsSet(metafields: $m) {
  metafields { namespace key type value compareDigest }
  userErrors { field code message elementIndex } } }"""
_READ = """query ($id: ID!, $namespace: String, $key: String!) { customer(id: $id) {
  metafield(namespace: $namespace, key: $key) { value jsonValue ownerType } } }"""


def _field(**changes: Any) -> dict[str, Any]:
    given = {
        "ownerId": CUSTOMER,
        "namespace": "mage",
        "key": "loyalty",
        "type": "json",
        "value": '{"points": 5}',
        **changes,
    }
    return {name: value for name, value in given.items() if value is not ...}


async def _set(shopify: ShopifyCalls, *fields: dict[str, Any]) -> Any:
    return await shopify.call(_SET, {"m": list(fields)})


async def test_value_is_set_and_read_back(shopify: ShopifyCalls) -> None:
    payload = await _set(shopify, _field())
    assert payload["userErrors"] == []
    read = await shopify.call(_READ, {"id": CUSTOMER, "namespace": "mage", "key": "loyalty"})
    assert read["metafield"] == {
        "value": '{"points": 5}',
        "jsonValue": {"points": 5},
        "ownerType": "CUSTOMER",
    }


async def test_setting_again_overwrites(shopify: ShopifyCalls) -> None:
    await _set(shopify, _field())
    await _set(shopify, _field(value="{}"))
    (kept,) = shopify.app.world.shop("north-shelf.myshopify.com").metafields.values()
    assert kept.value == "{}"


async def test_one_wrong_field_keeps_all_from_being_set(shopify: ShopifyCalls) -> None:
    payload = await _set(shopify, _field(), _field(key="other", value="{"))
    assert payload["metafields"] is None
    (error,) = payload["userErrors"]
    assert error["field"] == ["metafields", "1", "value"]
    assert (error["code"], error["elementIndex"]) == ("INVALID_VALUE", None)
    assert shopify.app.world.shop("north-shelf.myshopify.com").metafields == {}


async def test_at_most_25_in_a_call(shopify: ShopifyCalls) -> None:
    many = [_field(key=f"key-{n}") for n in range(26)]
    assert refusals(await _set(shopify, *many)) == [("metafields", "LESS_THAN_OR_EQUAL_TO")]
    assert (await _set(shopify, *many[:25]))["userErrors"] == []


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"ownerId": "gid://shopify/Product/1"}, "ownerId", "INVALID_VALUE"),
        ({"namespace": "app--1--loyalty"}, "", "APP_NOT_AUTHORIZED"),
        ({"namespace": "ab"}, "namespace", "TOO_SHORT"),
        ({"key": "k"}, "key", "TOO_SHORT"),
        ({"key": "k" * 65}, "key", "TOO_LONG"),
        ({"type": ...}, "type", "BLANK"),
        ({"type": "poem"}, "type", "INCLUSION"),
        ({"value": ""}, "value", "BLANK"),
        ({"value": f'"{"x" * 131_072}"'}, "value", "TOO_LONG"),
        ({"type": "number_integer", "value": "1.5"}, "value", "INVALID_VALUE"),
        ({"type": "date", "value": "21.11.2026"}, "value", "INVALID_VALUE"),
        ({"type": "boolean", "value": "yes"}, "value", "INVALID_VALUE"),
        ({"type": "url", "value": "nowhere"}, "value", "INVALID_VALUE"),
        ({"type": "single_line_text_field", "value": "a\nb"}, "value", "INVALID_VALUE"),
        ({"type": "money", "value": '{"amount": "1"}'}, "value", "INVALID_VALUE"),
        ({"type": "list.number_integer", "value": '["x"]'}, "value", "INVALID_VALUE"),
        ({"compareDigest": "not-a-digest"}, "compareDigest", "INVALID_COMPARE_DIGEST"),
        ({"compareDigest": "0" * 64}, "", "STALE_OBJECT"),
    ],
)
async def test_wrong_field_is_refused(
    shopify: ShopifyCalls, changes: dict[str, Any], path: str, code: str
) -> None:
    payload = await _set(shopify, _field(**changes))
    expected = ".".join(part for part in ("metafields.0", path) if part)
    assert refusals(payload) == [(expected, code)]


async def test_digest_guards_a_value(shopify: ShopifyCalls) -> None:
    first = await _set(shopify, _field(compareDigest=None))
    assert first["userErrors"] == []
    again = await _set(shopify, _field(compareDigest=None))
    assert refusals(again) == [("metafields.0", "STALE_OBJECT")]
    digest = first["metafields"][0]["compareDigest"]
    assert (await _set(shopify, _field(compareDigest=digest, value="1")))["userErrors"] == []
    stale = await _set(shopify, _field(compareDigest=digest, value="2"))
    assert refusals(stale) == [("metafields.0", "STALE_OBJECT")]


async def test_own_namespace_is_stored_under_the_app_s_id(shopify: ShopifyCalls) -> None:
    payload = await _set(shopify, _field(namespace="$app:loyalty"), _field(namespace=...))
    stored = [one["namespace"] for one in payload["metafields"]]
    assert stored == ["app--31337--loyalty", "app--31337"]
    read = await shopify.call(
        _READ, {"id": CUSTOMER, "namespace": "$app:loyalty", "key": "loyalty"}
    )
    assert read["metafield"]["ownerType"] == "CUSTOMER"


async def test_type_may_be_left_out_once_it_is_defined(shopify: ShopifyCalls) -> None:
    define = """mutation ($d: MetafieldDefinitionInput!) {
      metafieldDefinitionCreate(definition: $d) {
        createdDefinition { name } userErrors { field code } } }"""
    definition = {
        "name": "Loyalty",
        "namespace": "mage",
        "key": "loyalty",
        "ownerType": "CUSTOMER",
        "type": "number_integer",
    }
    payload = await shopify.call(define, {"d": definition})
    assert payload == {"createdDefinition": {"name": "Loyalty"}, "userErrors": []}
    assert (await _set(shopify, _field(type=..., value="12")))["metafields"][0]["type"] == (
        "number_integer"
    )
    again = await shopify.call(define, {"d": definition})
    assert refusals(again) == [("definition.key", "TAKEN")]
    guarded = {**definition, "key": "other", "access": {"admin": "MERCHANT_READ"}}
    refused = await shopify.call(define, {"d": guarded})
    assert refusals(refused) == [("definition.access", "ADMIN_ACCESS_INPUT_NOT_ALLOWED")]


async def test_definition_is_updated_and_found(shopify: ShopifyCalls) -> None:
    update = """mutation ($d: MetafieldDefinitionUpdateInput!) {
      metafieldDefinitionUpdate(definition: $d) {
        updatedDefinition { id name } userErrors { field code } } }"""
    place = {"namespace": "mage", "key": "loyalty", "ownerType": "CUSTOMER"}
    missing = await shopify.call(update, {"d": {**place, "name": "New"}})
    assert refusals(missing) == [("definition", "NOT_FOUND")]
    await shopify.call(
        "mutation ($d: MetafieldDefinitionInput!) { metafieldDefinitionCreate(definition: $d)"
        " { userErrors { code } } }",
        {"d": {**place, "name": "Old", "type": "json"}},
    )
    updated = await shopify.call(update, {"d": {**place, "name": "New"}})
    found = await shopify.call(
        "query ($i: MetafieldDefinitionIdentifierInput!) {"
        " metafieldDefinition(identifier: $i) { id name } }",
        {"i": place},
    )
    assert found == updated["updatedDefinition"]
    assert found["name"] == "New"


async def test_deleting_says_what_was_there(shopify: ShopifyCalls) -> None:
    await _set(shopify, _field())
    delete = """mutation ($m: [MetafieldIdentifierInput!]!) { metafieldsDelete(metafields: $m) {
      deletedMetafields { key } userErrors { message } } }"""
    named = {"ownerId": CUSTOMER, "namespace": "mage", "key": "loyalty"}
    payload = await shopify.call(delete, {"m": [named, {**named, "key": "other"}]})
    assert payload == {"deletedMetafields": [{"key": "loyalty"}, None], "userErrors": []}
