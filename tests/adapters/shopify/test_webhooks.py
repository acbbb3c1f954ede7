"""The door for Shopify's webhooks: only what the merchant's own shop signed comes in, and once."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest

from guerdon.engine.receiving import hook_path
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal
from guerdon.engine.submitting import Ledger
from guerdon.web import create_app
from tests.builders.integration import SHOP_DOMAIN, connect_platform
from tests.builders.orders import make_order
from tests.builders.shop import make_shop, save_shop

SEAL = Seal(b"a sealing key of thirty-two bytes or more")
SECRET = "shpss_what_the_app_is_known_by"


def signed(body: bytes, secret: str = SECRET, /, **changes: str | None) -> dict[str, str]:
    """Give the headers that Shopify sends; one changed to None is left out."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    headers = {
        "X-Shopify-Topic": "orders/paid",
        "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
        "X-Shopify-Shop-Domain": SHOP_DOMAIN,
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Webhook-Id": "w-1",
        "X-Shopify-Event-Id": "e-1",
        "X-Shopify-Triggered-At": "2026-03-01T10:00:00.123456789Z",
    }
    named = {f"X-Shopify-{name.replace('_', '-')}": value for name, value in changes.items()}
    return {name: value for name, value in (headers | named).items() if value is not None}


class Door:
    def __init__(self, pool: asyncpg.Pool, client: httpx.AsyncClient, path: str) -> None:
        self.pool = pool
        self.client = client
        self.path = path

    async def post(self, body: bytes, headers: dict[str, str], path: str | None = None) -> int:
        answer = await self.client.post(path or self.path, content=body, headers=headers)
        return answer.status_code

    async def kept(self) -> list[Any]:
        rows: list[Any] = await self.pool.fetch("SELECT topic, body FROM inbox_events ORDER BY id")
        return [(row["topic"], row["body"]) for row in rows]


@pytest.fixture
async def door(pool: asyncpg.Pool) -> AsyncIterator[Door]:
    shop = await save_shop(pool, make_shop())
    runtime = Runtime(pool=pool, seal=SEAL, now=lambda: datetime(2026, 3, 1, tzinfo=UTC))
    await connect_platform(runtime, shop.id, secrets={"webhook_secret": SECRET})
    transport = httpx.ASGITransport(app=create_app(Ledger(runtime)))
    async with httpx.AsyncClient(transport=transport, base_url="http://guerdon.test") as client:
        yield Door(pool, client, hook_path(SEAL, "shopify", shop.merchant.slug))


BODY = json.dumps(make_order()).encode()


async def test_signed_message_is_kept_as_it_came(door: Door) -> None:
    body = b'{ "id" :7001,\n "note": "\xc3\xa9" }'
    assert await door.post(body, signed(body)) == 200
    assert await door.kept() == [("orders/paid", body)]
    (event,) = await door.pool.fetch("SELECT triggered_at, status FROM inbox_events")
    assert event["triggered_at"] == datetime(2026, 3, 1, 10, 0, 0, 123456, tzinfo=UTC)
    assert event["status"] == "waiting"


async def test_newer_header_names_are_read_too(door: Door) -> None:
    headers = {name.removeprefix("X-"): value for name, value in signed(BODY).items()}
    assert await door.post(BODY, headers) == 200
    assert len(await door.kept()) == 1


async def test_copy_is_answered_and_not_kept(door: Door) -> None:
    assert await door.post(BODY, signed(BODY)) == 200
    assert await door.post(BODY, signed(BODY)) == 200
    # The same event for another subscription, and the same delivery without its event.
    assert await door.post(BODY, signed(BODY, Webhook_Id="w-2")) == 200
    assert await door.post(BODY, signed(BODY, Event_Id=None)) == 200
    assert len(await door.kept()) == 1


async def test_other_topic_of_the_same_event_is_kept(door: Door) -> None:
    assert await door.post(BODY, signed(BODY)) == 200
    headers = signed(BODY, Webhook_Id="w-2", Topic="orders/updated")
    assert await door.post(BODY, headers) == 200
    assert [topic for topic, _ in await door.kept()] == ["orders/paid", "orders/updated"]


@pytest.mark.parametrize("told", ["yesterday", "0001-01-01T00:00:00+14:00", "9" * 30])
async def test_a_time_that_is_none_is_not_worth_a_refusal(door: Door, told: str) -> None:
    assert await door.post(BODY, signed(BODY, Triggered_At=told)) == 200
    assert await door.pool.fetchval("SELECT triggered_at IS NULL FROM inbox_events")


@pytest.mark.parametrize("name", ["Topic", "Hmac_Sha256", "Shop_Domain", "Webhook_Id"])
async def test_missing_header_is_told(door: Door, name: str) -> None:
    left_out: dict[str, str | None] = {name: None}
    assert await door.post(BODY, signed(BODY, SECRET, **left_out)) == 400
    assert await door.kept() == []


@pytest.mark.parametrize(
    "headers",
    [
        signed(BODY, "shpss_another_app"),
        signed(BODY + b" "),
        signed(BODY, Hmac_Sha256="bm90IGEgc2lnbmF0dXJl"),
        signed(BODY, Hmac_Sha256="\u00ff"),
        signed(BODY, Shop_Domain="south-shelf.myshopify.com"),
    ],
)
async def test_tampered_message_is_refused(door: Door, headers: dict[str, str]) -> None:
    raw = {name: value.encode("latin-1").decode("latin-1") for name, value in headers.items()}
    answer = await door.client.post(
        door.path,
        content=BODY,
        headers=[(name.encode(), value.encode("latin-1")) for name, value in raw.items()],
    )
    assert answer.status_code == 401
    assert await door.kept() == []


@pytest.mark.parametrize("named", ["shop_domain", "myshopify_domain"])
async def test_body_of_another_shop_is_refused(door: Door, named: str) -> None:
    body = json.dumps({named: "south-shelf.myshopify.com", "customer": {"id": 9001}}).encode()
    assert await door.post(body, signed(body, Topic="customers/redact")) == 401
    assert await door.kept() == []


async def test_unknown_address_is_not_found(door: Door) -> None:
    paths = [
        door.path[:-1],
        door.path[:-1] + ("a" if door.path[-1] != "a" else "b"),
        door.path.replace("shop-1", "shop-2"),
        hook_path(SEAL, "shopify", "shop-2"),
        hook_path(Seal(b"another key of thirty-two bytes or more"), "shopify", "shop-1"),
        door.path + "/more",
        "/hooks/shopify/shop-1",
        "/hooks/shopify/%C3%A9/%C3%A9",
        "/hooks/klaviyo/shop-1/x",
    ]
    assert [await door.post(BODY, signed(BODY), path) for path in paths] == [404] * len(paths)
    assert (await door.client.get(door.path)).status_code == 404
    assert await door.kept() == []


async def test_merchant_without_shopify_is_refused(door: Door) -> None:
    other = await save_shop(door.pool, make_shop(2))
    path = hook_path(SEAL, "shopify", other.merchant.slug)
    assert await door.post(BODY, signed(BODY), path) == 401


async def test_body_above_the_limit_is_refused(door: Door) -> None:
    body = b" " * (2 * 1024 * 1024 + 1)
    assert await door.post(body, signed(body)) == 413
    body = body[:-1]
    assert await door.post(body, signed(body)) == 200


async def test_secrets_are_the_apps_own_and_during_a_rotation_the_one_before(
    door: Door,
) -> None:
    other = await save_shop(door.pool, make_shop(2))
    secrets = {
        "token": "shpat_token",
        "client_secret": "shpss_new",
        "webhook_secret_previous": "shpss_old",
    }
    await connect_platform(
        Runtime(pool=door.pool, seal=SEAL),
        other.id,
        secrets=secrets,
        shop="south-shelf.myshopify.com",
    )
    path = hook_path(SEAL, "shopify", other.merchant.slug)
    for number, (secret, status) in enumerate(
        [("shpss_new", 200), ("shpss_old", 200), ("shpat_token", 401)]
    ):
        headers = signed(
            BODY,
            secret,
            Shop_Domain="South-Shelf.myshopify.com",
            Webhook_Id=f"w-{number}",
            Event_Id=f"e-{number}",
        )
        assert await door.post(BODY, headers, path) == status


async def test_address_of_a_retired_key_still_works(door: Door) -> None:
    old = b"a sealing key of thirty-two bytes or more"
    rotated = Seal(b"the sealing key that came after that one", version=2, retired={1: old})
    token = hook_path(SEAL, "shopify", "shop-1").rpartition("/")[2]
    assert rotated.is_mark(token, "hooks/shopify/shop-1")
    assert not rotated.is_mark(token, "hooks/shopify/shop-2")
    assert rotated.mark("hooks/shopify/shop-1") != token
