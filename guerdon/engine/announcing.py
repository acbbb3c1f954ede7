"""What a form of webhooks is: how one dialect says an event to a shop's own address."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from guerdon.domain.delivery import Letter
from guerdon.domain.event import EventKind
from guerdon.domain.subscription import FailureRule, Subscription


class Announcement(Struct, frozen=True, kw_only=True):
    """One call to be made. `id` names it over all its repetitions; `event` is the dialect's own
    word; `said_at` is when it happened."""

    id: str
    event: str
    said_at: datetime
    body: bytes


class WebhookForm(Protocol):
    """How a dialect's webhooks are written, signed and repeated.

    `events` are what can be subscribed to. `heeds_retry_after`: a receiver may ask for a longer
    wait. `goes_at_410`: that status ends the subscription."""

    dialect: str
    events: tuple[str, ...]
    timeout_seconds: float
    heeds_retry_after: bool
    goes_at_410: bool
    failure_rule: FailureRule

    def wants(self, events: Sequence[str], kind: EventKind) -> bool:
        """Whether a subscription to these events has anything to say of this kind."""
        ...

    def announce(self, letter: Letter, subscription: Subscription) -> Sequence[Announcement]:
        """Write the calls that a letter comes to, often one and perhaps none.

        The same letter gives the same bytes, so that a repetition is known for one."""
        ...

    def headers(
        self, announcement: Announcement, secret: str, letter: Letter, now: datetime
    ) -> tuple[tuple[str, str], ...]:
        """Sign a call. Raises ValueError for a secret that cannot sign."""
        ...

    def retry_after(self, attempt: int) -> float | None:
        """How long to wait after the so-manieth failed attempt; None: it was the last."""
        ...
