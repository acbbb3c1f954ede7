from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from guerdon.sandbox.app import SandboxApp
from tests.builders.http import Clock
from tests.builders.sandbox import SHOP
from tests.builders.shopify_calls import NOW, ShopifyCalls


@pytest.fixture
async def client(shopify: ShopifyCalls) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=shopify.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as made:
        yield made


async def test_state_holds_a_discount_in_full(
    shopify: ShopifyCalls, client: httpx.AsyncClient
) -> None:
    made = await shopify.create_id(
        endsAt="2027-01-01T00:00:00Z",
        minimumRequirement={"subtotal": {"greaterThanOrEqualToSubtotal": "40.00"}},
    )
    state = (await client.get("/_control/state")).json()
    assert state["shopify"][SHOP]["discounts"] == [
        {
            "id": made,
            "kind": "basic",
            "code": "LOY-1",
            "codes": ["LOY-1"],
            "title": "A reward",
            "tags": ["loyalty", "redemption-9"],
            "status": "ACTIVE",
            "customers": [7001002003],
            "value": {"amount": "15.0"},
            "minimum_subtotal": "40.0",
            "usage_limit": 1,
            "applies_once_per_customer": True,
            "starts_at": "2026-11-21T09:00:00Z",
            "ends_at": "2027-01-01T00:00:00Z",
            "created_at": "2026-11-21T09:30:00Z",
        }
    ]


async def test_reset_forgets_everything(shopify: ShopifyCalls, client: httpx.AsyncClient) -> None:
    await shopify.create_id()
    await client.post(
        "/_control/faults", json={"faults": [{"service": "shopify", "kind": "never"}]}
    )
    assert (await client.post("/_control/reset")).status_code == 200
    state = (await client.get("/_control/state")).json()
    assert state == {
        "shopify": {},
        "klaviyo": [],
        "omnisend": [],
        "postscript": [],
        "webhooks": {},
        "calls": [],
    }
    assert (await client.get("/_control/faults")).json() == {"faults": []}


async def test_settings_of_a_shop(shopify: ShopifyCalls, client: httpx.AsyncClient) -> None:
    settings = {"currency": "EUR", "scopes": ["read_customers"], "sells_subscriptions": True}
    assert (await client.post(f"/_control/shops/{SHOP}", json=settings)).status_code == 200
    shop = await shopify.call("{ shop { currencyCode features { sellsSubscriptions } } }")
    assert shop == {"currencyCode": "EUR", "features": {"sellsSubscriptions": True}}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"faults": [{"service": "nobody", "kind": "late"}]}),
        ("faults", {"faults": [{"service": "shopify", "kind": "odd"}]}),
        ("faults", {"faults": [{"service": "shopify", "kind": "late", "colour": 1}]}),
        ("faults", []),
        (f"shops/{SHOP}/customers", {"email": "ines@shop.example"}),
        (f"shops/{SHOP}", {"currency": 5}),
    ],
)
async def test_wrong_control_is_refused(client: httpx.AsyncClient, path: str, body: Any) -> None:
    came = await client.post(f"/_control/{path}", json=body)
    assert came.status_code == 400
    assert came.json()["error"]


async def test_unknown_control_is_not_found(client: httpx.AsyncClient) -> None:
    assert (await client.post("/_control/magic")).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null"},
        # A stranger's name that was made to lead here.
        {"Host": "elsewhere.example", "Origin": "http://elsewhere.example"},
    ],
)
async def test_page_of_another_site_changes_nothing(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    for path in ("/_control/faults", "/faults/add", "/reset"):
        sent = {"service": "shopify", "kind": "never"}
        came = await client.post(path, data=sent, headers=headers)
        assert came.status_code == 403
    assert (await client.get("/_control/faults")).json() == {"faults": []}


async def test_own_page_may_post(client: httpx.AsyncClient) -> None:
    headers = {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}
    form = {"service": "klaviyo", "kind": "late", "nth": "2", "seconds": "1.5", "match": ""}
    came = await client.post("/faults/add", data=form, headers=headers)
    assert (came.status_code, came.headers["location"]) == (303, "/")
    (fault,) = (await client.get("/_control/faults")).json()["faults"]
    assert (fault["service"], fault["nth"], fault["seconds"]) == ("klaviyo", 2, 1.5)
    assert fault["match"] is None


async def test_wrong_form_is_refused(client: httpx.AsyncClient) -> None:
    form = {"service": "klaviyo", "kind": "late", "nth": "soon"}
    assert (await client.post("/faults/add", data=form)).status_code == 400


async def test_what_arrived_is_escaped_on_the_page(
    shopify: ShopifyCalls, client: httpx.AsyncClient
) -> None:
    evil = "<script>alert(1)</script>"
    await shopify.create_id(title=evil, tags=[evil])
    await client.post(f"/hooks/{evil.replace('/', '|')}", json={"x": evil})
    await client.post(
        "/_control/faults",
        json={"faults": [{"service": "shopify", "kind": "late", "match": evil}]},
    )
    page = await client.get("/?refresh=5")
    assert "<script" not in page.text
    assert "&lt;script&gt;" in page.text
    assert 'content="5"' in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_ids_begin_where_the_seed_says() -> None:
    clock = Clock(NOW)
    first = [await ShopifyCalls(SandboxApp(clock, seed), clock).create_id() for seed in (0, 0, 1)]
    assert first[0] == first[1] != first[2]
