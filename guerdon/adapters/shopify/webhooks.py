"""Where Shopify delivers: POST /hooks/shopify/{merchant}/{token}."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import msgspec
import structlog

from guerdon.adapters.shopify.wire_webhooks import ShopNamed
from guerdon.domain.errors import OutcomeUnknown, Unavailable
from guerdon.domain.incoming import Received
from guerdon.engine.ports import Connected
from guerdon.engine.receiving import Inbox
from guerdon.engine.submitting import Ledger
from guerdon.http.asgi import (
    Answer,
    BodyTooLarge,
    Disconnected,
    Receive,
    Scope,
    Send,
    read_body,
    send_answer,
)
from guerdon.http.routing import decode_segment

BODY_BYTES_MAX = 2 * 1024 * 1024
# In this order: the one it is signed with, and during a rotation the one before.
_SECRETS = ("webhook_secret", "client_secret")
_PREVIOUS = "webhook_secret_previous"
# Shopify's own shops have names of letters, digits and dashes; ids are UUIDs or alike.
_KEY_LENGTH_MAX = 200

_log = structlog.get_logger(__name__)


def _plain(status: int, said: str) -> Answer:
    return Answer(status, msgspec.json.encode({"status": said}))


_KEPT = _plain(200, "kept")
_KNOWN = _plain(200, "known")
_INCOMPLETE = _plain(400, "a header is missing")
_UNSIGNED = _plain(401, "the signature does not fit")
_NOT_FOUND = Answer(404, b'{"error": "not found"}')
_TOO_LARGE = _plain(413, "too large")
_UNAVAILABLE = _plain(503, "not kept; send it again")


class _Headers(msgspec.Struct, frozen=True):
    """The headers of a delivery that are read; all but the last two must be there."""

    topic: str
    signature: str
    shop: str
    webhook_id: str
    event_id: str | None
    triggered_at: datetime | None


class ShopifyHooks:
    """Checks each delivery's address, signature and shop, keeps it, and answers.

    Nothing is acted on here: the answer costs one insert."""

    def __init__(self, ledger: Ledger) -> None:
        self._inbox = Inbox(ledger, "shopify")

    async def handle(self, scope: Scope, receive: Receive, send: Send, *, raw_path: bytes) -> None:
        """Answer a request; `raw_path` is what follows /hooks/shopify."""
        try:
            answer = await self._answer(scope, receive, raw_path)
        except Disconnected:
            return
        except BodyTooLarge:
            answer = _TOO_LARGE
        except (Unavailable, OutcomeUnknown) as error:
            _log.warning("webhook_not_kept", error=repr(error))
            answer = _UNAVAILABLE
        await send_answer(send, answer, is_head=scope["method"] == "HEAD")

    async def _answer(self, scope: Scope, receive: Receive, raw_path: bytes) -> Answer:
        segments = raw_path.split(b"/")
        if scope["method"] != "POST" or len(segments) != 3:
            return _NOT_FOUND
        merchant_id = await self._inbox.find_merchant(
            decode_segment(segments[1]), decode_segment(segments[2])
        )
        if merchant_id is None:
            return _NOT_FOUND
        headers = _read_headers(scope)
        if headers is None:
            return _INCOMPLETE
        body = await read_body(receive, bytes_max=BODY_BYTES_MAX)
        connected = await self._inbox.find_connected(merchant_id)
        if connected is None or not _is_signed(connected, body, headers.signature):
            return _UNSIGNED
        if not _is_of_shop(connected, body, headers):
            _log.warning("webhook_of_other_shop", merchant_id=merchant_id, topic=headers.topic)
            return _UNSIGNED
        is_new = await self._inbox.receive(
            merchant_id,
            Received(
                source="shopify",
                topic=headers.topic,
                delivery_key=headers.webhook_id,
                event_key=headers.event_id,
                body=body,
                triggered_at=headers.triggered_at,
            ),
        )
        return _KEPT if is_new else _KNOWN


def _read_headers(scope: Scope) -> _Headers | None:
    """Read the headers, in either of the two forms that Shopify names them."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        text: str = name.decode("latin-1").lower()
        if text.startswith(("x-shopify-", "shopify-")):
            found.setdefault(
                text.removeprefix("x-").removeprefix("shopify-"), value.decode("latin-1").strip()
            )
    needed = [found.get(name, "") for name in ("topic", "hmac-sha256", "shop-domain", "webhook-id")]
    if not all(needed) or any(len(each) > _KEY_LENGTH_MAX for each in needed):
        return None
    topic, signature, shop, webhook_id = needed
    return _Headers(
        topic=topic.lower(),
        signature=signature,
        shop=shop,
        webhook_id=webhook_id,
        event_id=found.get("event-id", "")[:_KEY_LENGTH_MAX] or None,
        triggered_at=_instant(found.get("triggered-at")),
    )


def _instant(text: str | None) -> datetime | None:
    """Read when it happened; what cannot be read is not worth refusing the message for."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _is_signed(connected: Connected, body: bytes, signature: str) -> bool:
    """Check the signature over the bytes as they came; every secret is tried, in constant time."""
    secrets = [connected.secrets[name] for name in _SECRETS if connected.secrets.get(name)][:1]
    if connected.secrets.get(_PREVIOUS):
        secrets.append(connected.secrets[_PREVIOUS])
    told = signature.encode()
    matches = [hmac.compare_digest(sign(body, secret), told) for secret in secrets]
    return any(matches)


def sign(body: bytes, secret: str) -> bytes:
    """Sign a body as Shopify does."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())


def _is_of_shop(connected: Connected, body: bytes, headers: _Headers) -> bool:
    """Check the shop, which the signature does not cover: in the header, and where the topic's body
    names it, there too."""
    shop = (connected.definition.get("shop") or "").lower()
    if not shop or headers.shop.lower() != shop:
        return False
    if headers.topic.startswith("orders/"):
        return True
    try:
        named = msgspec.json.decode(body, type=ShopNamed, strict=False)
    except msgspec.MsgspecError:
        # Signed, and yet no object: the worker will say what it thinks of it.
        return True
    return all(
        each is None or each.lower() == shop for each in (named.shop_domain, named.myshopify_domain)
    )
