"""Who calls, and for which sites."""

from guerdon.dialects.loyaltylion.scopes import SCOPES
from guerdon.domain.integration import Integration
from guerdon.engine.runtime import utc_now
from guerdon.store.integrations import put_integration
from tests.builders.lion import ServedLion, basic, error_of


async def test_a_key_learns_who_it_is(served: ServedLion) -> None:
    headers = await served.add_key("read_customers", "write_orders")
    response = await served.client.get("/v2/whoami", headers=headers)
    assert response.status_code == 200
    assert response.json() == {
        "kind": "api_key",
        "account_id": served.shop.id,
        "program_id": served.shop.program.id,
        "scopes": ["read_customers", "write_orders"],
        "integration": None,
    }


async def test_a_token_and_secret_have_every_scope(served: ServedLion) -> None:
    response = await served.client.get("/v2/whoami", headers=basic())
    assert response.status_code == 200
    assert response.json()["kind"] == "token_secret"
    assert response.json()["scopes"] == list(SCOPES)


async def test_a_merchant_has_one_site(served: ServedLion) -> None:
    response = await served.client.get("/v2/sites")
    assert response.status_code == 200
    (site,) = response.json()["sites"]
    assert list(response.json()) == ["sites"]
    merchant = served.shop.merchant
    assert site["created_at"].endswith("Z")
    assert site == {
        "id": served.shop.id,
        "program_id": served.shop.program.id,
        "account_id": served.shop.id,
        "name": merchant.name,
        "url": merchant.storefront_url or "",
        "platform": "custom",
        "currencies": [merchant.currency.lower()],
        "languages": ["en"],
        "created_at": site["created_at"],
        "updated_at": site["created_at"],
    }


async def test_a_shop_at_shopify_says_so(served: ServedLion) -> None:
    at = utc_now()
    definition: dict[str, str | None] = {"shop": "north-shelf.myshopify.com"}
    shopify = Integration(kind="shopify", definition=definition, created_at=at, updated_at=at)
    async with served.pool.acquire() as connection:
        await put_integration(connection, served.shop.id, shopify, b"sealed")
    (site,) = (await served.client.get("/v2/sites")).json()["sites"]
    assert site["platform"] == "shopify"


async def test_a_token_and_secret_is_not_told_of_sites(served: ServedLion) -> None:
    response = await served.client.get("/v2/sites", headers=basic())
    message = "This endpoint is not available to a token and secret; use an API key"
    assert error_of(response) == (403, "forbidden", message)
