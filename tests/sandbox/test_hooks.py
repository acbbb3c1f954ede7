import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from guerdon.sandbox.app import SandboxApp
from tests.builders.http import Clock
from tests.builders.sandbox import SHOP, RunningSandbox
from tests.builders.shopify_calls import NOW

_BODY = b'{"event": "points.redeemed", "name": "\xc3\xa9"}'
_SECRET = "a-secret"
_KEY = "whsec_" + base64.b64encode(b"k" * 24).decode()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=SandboxApp(Clock(NOW)))
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox.test") as made:
        yield made


async def _deliver(
    client: httpx.AsyncClient, form: str | None, headers: dict[str, str], body: bytes = _BODY
) -> tuple[int, Any]:
    """Post a delivery; give the status, and what the receiver thought of the signature."""
    if form is not None:
        secret = _KEY if form == "standard" else _SECRET
        came = await client.post("/_control/hooks/orders", json={"form": form, "secret": secret})
        assert came.status_code == 200
    came = await client.post("/hooks/orders", content=body, headers=headers)
    (kept,) = (await client.get("/_control/state")).json()["webhooks"]["orders"]
    assert kept["raw"] == body.decode()
    return came.status_code, kept["verified"]


def _signed(form: str, secret: str = _SECRET) -> dict[str, str]:
    if form == "mage":
        stamp = "2026-11-21T09:30:00.000Z"
        mac = hmac.new(secret.encode(), stamp.encode() + b"." + _BODY, hashlib.sha256)
        return {"X-Webhook-Timestamp": stamp, "X-Webhook-Signature": f"sha256={mac.hexdigest()}"}
    if form == "loyaltylion":
        mac = hmac.new(secret.encode(), _BODY, hashlib.sha256)
        return {"X-LoyaltyLion-Hmac-SHA256": base64.b64encode(mac.digest()).decode()}
    # The standard's own library signs, so that two implementations meet.
    key = _KEY if secret == _SECRET else "whsec_" + base64.b64encode(b"x" * 24).decode()
    signature = Webhook(key).sign("msg_1", NOW, _BODY.decode())
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": signature,
    }


@pytest.mark.parametrize("form", ["mage", "loyaltylion", "standard"])
async def test_right_signature_is_verified(client: httpx.AsyncClient, form: str) -> None:
    assert await _deliver(client, form, _signed(form)) == (200, True)


@pytest.mark.parametrize("form", ["mage", "loyaltylion", "standard"])
async def test_signature_of_another_secret_is_not(client: httpx.AsyncClient, form: str) -> None:
    assert await _deliver(client, form, _signed(form, "another")) == (401, False)


@pytest.mark.parametrize("form", ["mage", "loyaltylion", "standard"])
async def test_changed_body_is_not(client: httpx.AsyncClient, form: str) -> None:
    assert await _deliver(client, form, _signed(form), _BODY + b" ") == (401, False)


@pytest.mark.parametrize("form", ["mage", "loyaltylion", "standard"])
async def test_unsigned_delivery_is_not(client: httpx.AsyncClient, form: str) -> None:
    assert await _deliver(client, form, {}) == (401, False)


async def test_old_standard_delivery_is_not(client: httpx.AsyncClient) -> None:
    sent_at = NOW - timedelta(seconds=301)
    headers = _signed("standard") | {
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": Webhook(_KEY).sign("msg_1", sent_at, _BODY.decode()),
    }
    assert await _deliver(client, "standard", headers) == (401, False)


async def test_one_of_several_signatures_is_enough(client: httpx.AsyncClient) -> None:
    headers = _signed("standard")
    headers["webhook-signature"] = f"v1,bm90IGl0 {headers['webhook-signature']}"
    assert await _deliver(client, "standard", headers) == (200, True)


async def test_without_a_form_nothing_is_verified(client: httpx.AsyncClient) -> None:
    assert await _deliver(client, None, {}) == (200, None)


async def test_unknown_form_is_refused(client: httpx.AsyncClient) -> None:
    body = {"form": "wax", "secret": _SECRET}
    assert (await client.post("/_control/hooks/orders", json=body)).status_code == 400


async def test_shopify_webhook_is_signed_and_sent(sandbox: RunningSandbox) -> None:
    body = {"id": 820982911946154508, "name": "#1001", "email": "é@shop.example"}
    answer = await sandbox.control(
        f"shops/{SHOP}/webhooks/send",
        {
            "topic": "orders/paid",
            "url": sandbox.hook("shopify"),
            "secret": _SECRET,
            "body": body,
            "headers": {"X-Shopify-Webhook-Id": "w-1", "X-Shopify-Event-Id": None},
        },
    )
    assert (answer["status"], json.loads(answer["body"])) == (200, {"received": True})
    (kept,) = (await sandbox.state())["webhooks"]["shopify"]
    assert kept["body"] == body
    headers = kept["headers"]
    assert headers["x-shopify-topic"] == "orders/paid"
    assert headers["x-shopify-shop-domain"] == SHOP
    assert headers["x-shopify-api-version"] == "2026-10"
    assert headers["x-shopify-webhook-id"] == "w-1"
    assert "x-shopify-event-id" not in headers
    mac = hmac.new(_SECRET.encode(), kept["raw"].encode(), hashlib.sha256).digest()
    assert headers["x-shopify-hmac-sha256"] == base64.b64encode(mac).decode()


async def test_nobody_there_is_said(sandbox: RunningSandbox) -> None:
    async with httpx.AsyncClient(base_url=sandbox.url, trust_env=False) as client:
        came = await client.post(
            f"/_control/shops/{SHOP}/webhooks/send",
            json={
                "topic": "orders/paid",
                "url": "http://127.0.0.1:1/",
                "secret": _SECRET,
                "body": {},
            },
        )
    assert came.status_code == 502
    assert "ConnectError" in came.json()["error"]
