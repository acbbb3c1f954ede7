"""One event on its way to one destination."""

from typing import Literal

from msgspec import Struct

from guerdon.domain.catalogue import Catalogue, EarningRule, Merchant, Program, Reward, Tier
from guerdon.domain.earning import Earning
from guerdon.domain.event import Event
from guerdon.domain.ids import DeliveryId
from guerdon.domain.member import Member
from guerdon.domain.redemption import Redemption

DeliveryStatus = Literal["waiting", "delivered", "skipped", "dead", "uncertain"]


class Standing(Struct, frozen=True, kw_only=True):
    """A member's default wallet as it stands at delivery."""

    points_available: int
    points_held: int
    points_pending: int
    points_lifetime: int
    points_redeemed: int
    tier: Tier | None
    is_frozen: bool


class Letter(Struct, frozen=True, kw_only=True):
    """An event with all that a destination may want to say of it, looked up at delivery.

    `attempt` counts from 1. `event.facts` are the figures as they stood when it happened;
    `standing`, `member` and `catalogue` are as they are now. `reward` is as it was when it was
    redeemed; `reference` is what its platform calls what it handed over, where that was kept."""

    delivery_id: DeliveryId
    attempt: int
    event: Event
    merchant: Merchant
    program: Program
    member: Member
    standing: Standing
    redemption: Redemption | None = None
    reward: Reward | None = None
    reference: str | None = None
    earning: Earning | None = None
    rule: EarningRule | None = None
    catalogue: Catalogue | None = None


class Delivered(Struct, frozen=True):
    """The destination took it."""


class Skipped(Struct, frozen=True):
    """There is nothing to say to this destination."""

    reason: str


class Deferred(Struct, frozen=True):
    """Not delivered, and repeating is safe. `after_seconds`: what the destination asked for."""

    reason: str
    after_seconds: float | None = None


class Dropped(Struct, frozen=True):
    """Refused for good; repeating cannot help. `is_gone`: the destination wants nothing more."""

    reason: str
    is_gone: bool = False


class Uncertain(Struct, frozen=True):
    """The destination may have acted, and would act again on a repetition."""

    reason: str


Verdict = Delivered | Skipped | Deferred | Dropped | Uncertain
