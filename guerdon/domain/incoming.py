"""What a platform tells us, in our words, and the messages it came in."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from guerdon.domain.ids import InboxId
from guerdon.domain.order import OrderSeen, RefundSeen

InboxStatus = Literal["waiting", "done", "ignored", "dead"]


class Received(Struct, frozen=True, kw_only=True):
    """A message to keep. `delivery_key` is its own, `event_key` that of the event it tells of."""

    source: str
    topic: str
    delivery_key: str
    event_key: str | None
    body: bytes
    triggered_at: datetime | None


class InboxEvent(Struct, frozen=True, kw_only=True):
    """A message as it was received. `attempts` counts the one under way."""

    id: InboxId
    source: str
    topic: str
    body: bytes
    triggered_at: datetime | None
    received_at: datetime
    status: InboxStatus
    attempts: int
    next_at: datetime
    last_error: str | None = None


class CustomerSeen(Struct, frozen=True, kw_only=True):
    """A customer of the shop as one message shows them; `is_new`: they were made just now."""

    external_id: str
    email: str | None
    first_name: str | None
    last_name: str | None
    is_new: bool
    updated_at: datetime


class DisclosureAsked(Struct, frozen=True, kw_only=True):
    """A customer wants to know what is kept of them."""

    external_id: str
    email: str | None
    request_key: str


class ErasureAsked(Struct, frozen=True, kw_only=True):
    """A customer is to be forgotten."""

    external_id: str
    email: str | None


class PlatformLeft(Struct, frozen=True, kw_only=True):
    """The platform takes no more calls: its connection was removed there."""


class ShopErasureAsked(Struct, frozen=True, kw_only=True):
    """All customers of a shop that is gone are to be forgotten."""


Incoming = (
    OrderSeen
    | RefundSeen
    | CustomerSeen
    | DisclosureAsked
    | ErasureAsked
    | PlatformLeft
    | ShopErasureAsked
)


def subject_of(news: Incoming) -> str:
    """Name what the news is about; news of one thing is acted on one after the other."""
    match news:
        case OrderSeen() | RefundSeen():
            return f"order {news.order_key}"
        case CustomerSeen() | DisclosureAsked() | ErasureAsked():
            return f"customer {news.external_id}"
        case PlatformLeft() | ShopErasureAsked():
            return "shop"
