"""A shop's standing wish to be told of events, by a call to an address of its own."""

from datetime import datetime

from msgspec import Struct

from guerdon.domain.ids import ProgramId, SubscriptionId


class Subscription(Struct, frozen=True, kw_only=True):
    """`events` are the dialect's own names, in the order given. `program_id` None: every program.
    `is_managed`: it comes from the program file. The signing secret is never part of this."""

    id: SubscriptionId
    dialect: str
    program_id: ProgramId | None
    url: str
    events: tuple[str, ...]
    description: str | None
    is_active: bool
    is_managed: bool
    created_at: datetime
    updated_at: datetime


class FailureRule(Struct, frozen=True, kw_only=True):
    """What a dialect promises of a subscription whose calls fail, one after another.

    At `alert_at` failures the operator is told, at `remove_at` the subscription is removed, if it
    has failed for `remove_after_seconds` as well: a busy shop can fail so often in a minute.
    Failing for `disable_after_seconds` on end, it is switched off. None: never."""

    alert_at: int | None = None
    remove_at: int | None = None
    remove_after_seconds: float = 0.0
    disable_after_seconds: float | None = None
