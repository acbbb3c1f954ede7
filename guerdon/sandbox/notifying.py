"""Sends a webhook as Shopify would: signed over the raw body, with its headers beside it."""

import base64
import hashlib
import hmac
import json
from typing import Any

import httpx
from msgspec import Struct

from guerdon.sandbox.exchange import Fields
from guerdon.sandbox.shopify.versions import NEWEST
from guerdon.sandbox.world import World

_SECONDS = 5.0
_SHOWN_MAX = 10_000


class Notice(Struct, kw_only=True, forbid_unknown_fields=True):
    """What to send. `headers` replace those that are made; a null takes one away."""

    topic: str
    url: str
    secret: str
    body: Any
    headers: dict[str, str | None] = {}


class NoticeFailed(Exception):
    """Nobody answered."""


def headers_of(world: World, shop: str, notice: Notice, raw: bytes) -> dict[str, str]:
    """Make the headers of one delivery."""
    mac = hmac.new(notice.secret.encode(), raw, hashlib.sha256).digest()
    made: dict[str, str | None] = {
        "Content-Type": "application/json",
        "X-Shopify-Topic": notice.topic,
        "X-Shopify-Hmac-Sha256": base64.b64encode(mac).decode(),
        "X-Shopify-Shop-Domain": shop,
        "X-Shopify-API-Version": NEWEST,
        "X-Shopify-Webhook-Id": f"webhook-{world.take_id()}",
        "X-Shopify-Event-Id": f"event-{world.take_id()}",
        "X-Shopify-Triggered-At": world.stamp(),
    }
    told = {name.lower() for name in notice.headers}
    kept = {name: value for name, value in made.items() if name.lower() not in told}
    return {name: value for name, value in {**kept, **notice.headers}.items() if value is not None}


async def send_notice(world: World, shop: str, notice: Notice) -> Fields:
    """Send a webhook, and give what came back; raises NoticeFailed where nothing did."""
    raw = json.dumps(notice.body, ensure_ascii=False).encode()
    headers = headers_of(world, shop, notice, raw)
    try:
        async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False) as client:
            came = await client.post(notice.url, content=raw, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NoticeFailed(f"{type(error).__name__}: {error}") from error
    return {
        "status": came.status_code,
        "headers": dict(came.headers),
        "body": came.text[:_SHOWN_MAX],
        "sent_headers": headers,
    }
