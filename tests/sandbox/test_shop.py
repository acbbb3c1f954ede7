"""The shop's own side: customers, scopes, versions, tokens, webhook subscriptions."""

from typing import Any

import pytest

from guerdon.sandbox.app import SandboxApp
from tests.builders.http import Clock
from tests.builders.sandbox import CLIENT_ID, SHOP
from tests.builders.shopify_calls import CUSTOMER, NOW, ShopifyCalls, refusals

_FIND = """query ($i: CustomerIdentifierInput!) { customerByIdentifier(identifier: $i) {
  id legacyResourceId firstName defaultEmailAddress { emailAddress } } }"""
_SUBSCRIBE = """mutation ($uri: String!) {
  webhookSubscriptionCreate(topic: ORDERS_PAID, webhookSubscription: {uri: $uri}) {
    webhookSubscription { id uri topic } userErrors { field message } } }"""


async def _add_customer(shopify: ShopifyCalls, **fields: Any) -> None:
    came = await shopify.client.post(
        f"http://sandbox.test/_control/shops/{SHOP}/customers",
        json={"id": 7001002003, "email": "ines@shop.example", "first_name": "Ines", **fields},
    )
    assert came.status_code == 200


async def test_customer_is_found_by_what_is_known(shopify: ShopifyCalls) -> None:
    await _add_customer(shopify, phone="+447700900111")
    for identifier in (
        {"id": CUSTOMER},
        {"emailAddress": "Ines@shop.example"},
        {"phoneNumber": "+447700900111"},
    ):
        assert await shopify.call(_FIND, {"i": identifier}) == {
            "id": CUSTOMER,
            "legacyResourceId": "7001002003",
            "firstName": "Ines",
            "defaultEmailAddress": {"emailAddress": "ines@shop.example"},
        }


async def test_unknown_customer_is_null(shopify: ShopifyCalls) -> None:
    await shopify.create_id()
    assert await shopify.call(_FIND, {"i": {"emailAddress": "no@shop.example"}}) is None
    unknown = {"id": "gid://shopify/Customer/5"}
    assert await shopify.call(_FIND, {"i": unknown}) is None


async def test_two_identifiers_are_refused(shopify: ShopifyCalls) -> None:
    both = {"id": CUSTOMER, "emailAddress": "ines@shop.example"}
    (error,) = await shopify.errors(_FIND, {"i": both})
    assert error["extensions"]["code"] == "INVALID_VARIABLE"


async def test_email_is_searched_by_word_unless_it_is_quoted(shopify: ShopifyCalls) -> None:
    await _add_customer(shopify)
    await _add_customer(shopify, id=2, email="ines@shop.example.org")
    ask = "query ($q: String!) { customers(first: 5, query: $q) { nodes { email } } }"
    loose = await shopify.call(ask, {"q": "email:ines@shop.example"})
    assert len(loose["nodes"]) == 2
    exact = await shopify.call(ask, {"q": 'email:"ines@shop.example"'})
    assert exact["nodes"] == [{"email": "ines@shop.example"}]


async def test_tags_are_added_and_removed(shopify: ShopifyCalls) -> None:
    await _add_customer(shopify)
    change = """mutation ($id: ID!, $t: [String!]!) { tags%s(id: $id, tags: $t) {
      node { ... on Customer { tags } } userErrors { message } } }"""
    added = await shopify.call(change % "Add", {"id": CUSTOMER, "t": ["vip", "jade"]})
    assert added["node"]["tags"] == ["jade", "vip"]
    removed = await shopify.call(change % "Remove", {"id": CUSTOMER, "t": ["vip"]})
    assert removed["node"]["tags"] == ["jade"]


async def test_missing_scope_denies_the_field(shopify: ShopifyCalls) -> None:
    settings = shopify.app.world.shop(SHOP).settings
    settings.scopes = tuple(one for one in settings.scopes if one != "write_gift_cards")
    granted = await shopify.call("{ currentAppInstallation { accessScopes { handle } } }")
    assert {"handle": "write_gift_cards"} not in granted["accessScopes"]
    came = await shopify.post(
        "mutation { giftCardCreate(input: {}) { userErrors { code } } }",
    )
    body = came.json()
    assert body["data"] == {"giftCardCreate": None}
    (error,) = body["errors"]
    assert error["path"] == ["giftCardCreate"]
    assert error["extensions"] == {
        "code": "ACCESS_DENIED",
        "requiredAccess": "`write_gift_cards` access scope.",
    }


@pytest.mark.parametrize(
    ("asked", "served"),
    [("2026-10", "2026-10"), ("2026-04", "2026-04"), ("2024-01", "2026-01"), ("unstable", None)],
)
async def test_retired_version_falls_forward(
    shopify: ShopifyCalls, asked: str, served: str | None
) -> None:
    came = await shopify.post("{ shop { name } }", version=asked)
    assert came.headers["X-Shopify-API-Version"] == (served or asked)


@pytest.mark.parametrize("asked", ["2027-01", "2026-11", "newest"])
async def test_version_that_is_not_there(shopify: ShopifyCalls, asked: str) -> None:
    assert (await shopify.post("{ shop { name } }", version=asked)).status_code == 404


@pytest.mark.parametrize("token", ["", "bad-token"])
async def test_bad_token_is_refused(shopify: ShopifyCalls, token: str) -> None:
    shopify.client.headers["X-Shopify-Access-Token"] = token
    came = await shopify.post("{ shop { name } }")
    assert came.status_code == 401
    assert "errors" in came.json()


async def test_strange_shop_is_not_found(shopify: ShopifyCalls) -> None:
    came = await shopify.client.post(
        "http://sandbox.test/shopify/shop.example/admin/api/2026-10/graphql.json", json={}
    )
    assert came.status_code == 404


async def _credentials(shopify: ShopifyCalls, **changes: str) -> Any:
    sent = {
        "grant_type": "client_credentials",
        "client_id": CLIENT_ID,
        "client_secret": "secret",
        **changes,
    }
    return await shopify.client.post("/admin/oauth/access_token", data=sent)


async def test_client_credentials_give_a_token_that_ends() -> None:
    clock = Clock(NOW)
    shopify = ShopifyCalls(SandboxApp(clock, token_seconds=60), clock)
    came = await _credentials(shopify)
    assert came.status_code == 200
    assert came.json()["expires_in"] == 60
    assert "write_discounts" in came.json()["scope"].split(",")
    shopify.client.headers["X-Shopify-Access-Token"] = came.json()["access_token"]
    clock.advance(seconds=59)
    assert (await shopify.post("{ shop { name } }")).status_code == 200
    clock.advance(seconds=1)
    assert (await shopify.post("{ shop { name } }")).status_code == 401


@pytest.mark.parametrize(
    "changes", [{"client_id": "other"}, {"client_secret": "bad"}, {"grant_type": "password"}]
)
async def test_wrong_credentials_give_none(shopify: ShopifyCalls, changes: dict[str, str]) -> None:
    came = await _credentials(shopify, **changes)
    assert came.status_code == 400
    assert "access_token" not in came.json()


async def test_subscription_is_made_once(shopify: ShopifyCalls) -> None:
    address = {"uri": "https://loyalty.example/hook"}
    made = await shopify.call(_SUBSCRIBE, address)
    assert made["userErrors"] == []
    again = await shopify.call(_SUBSCRIBE, address)
    assert again["webhookSubscription"] is None
    (error,) = again["userErrors"]
    assert error["field"] == ["webhookSubscription", "callbackUrl"]
    assert error["message"].endswith("already been taken")
    listed = await shopify.call(
        "{ webhookSubscriptions(first: 5, topics: [ORDERS_PAID]) { nodes { id uri topic } } }"
    )
    assert listed["nodes"] == [made["webhookSubscription"]]
    removed = await shopify.call(
        "mutation ($id: ID!) { webhookSubscriptionDelete(id: $id)"
        " { deletedWebhookSubscriptionId userErrors { message } } }",
        {"id": made["webhookSubscription"]["id"]},
    )
    assert removed["deletedWebhookSubscriptionId"] == made["webhookSubscription"]["id"]
    assert (await shopify.call(_SUBSCRIBE, address))["userErrors"] == []


@pytest.mark.parametrize(
    "address",
    ["http://loyalty.example/hook", "https://north-shelf.myshopify.com/hook", "https://localhost/"],
)
async def test_address_that_shopify_would_not_call(shopify: ShopifyCalls, address: str) -> None:
    payload = await shopify.call(_SUBSCRIBE, {"uri": address})
    assert refusals(payload) == [("webhookSubscription.callbackUrl", None)]


async def test_update_moves_a_subscription(shopify: ShopifyCalls) -> None:
    made = await shopify.call(_SUBSCRIBE, {"uri": "https://loyalty.example/hook"})
    payload = await shopify.call(
        "mutation ($id: ID!) { webhookSubscriptionUpdate(id: $id, webhookSubscription:"
        ' {uri: "https://loyalty.example/other"}) { webhookSubscription { uri }'
        " userErrors { message } } }",
        {"id": made["webhookSubscription"]["id"]},
    )
    assert payload["webhookSubscription"] == {"uri": "https://loyalty.example/other"}
