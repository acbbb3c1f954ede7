"""Our own form of webhooks: Standard Webhooks 1.0.0, in our own words."""

import base64
import binascii
import hashlib
import hmac
import random
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import get_args

import msgspec
from msgspec import UNSET, Struct, UnsetType

from guerdon.domain.delivery import Letter
from guerdon.domain.event import EventKind
from guerdon.domain.money import to_major
from guerdon.domain.subscription import FailureRule, Subscription
from guerdon.engine.announcing import Announcement

# Of somebody who was forgotten nothing is said, not even that.
EVENTS: tuple[str, ...] = tuple(
    kind for kind in get_args(EventKind) if kind not in ("member.left", "member.erased")
)
SECRET_PREFIX = "whsec_"  # noqa: S105 -- what every such secret begins with
_SECRET_BYTES = range(24, 65)
_USER_AGENT = "Guerdon-Webhook/1.0"
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0
# The specification's example: some 76 hours in all.
_DELAYS_SECONDS = (
    5.0,
    5 * _MINUTE,
    30 * _MINUTE,
    2 * _HOUR,
    5 * _HOUR,
    10 * _HOUR,
    14 * _HOUR,
    20 * _HOUR,
    24 * _HOUR,
)
# So many receivers that failed together do not come back together.
_JITTER = 0.1
_encode = msgspec.json.Encoder().encode


class MemberPart(Struct, frozen=True):
    id: int
    external_id: str
    email: str | None
    first_name: str | None
    last_name: str | None
    tier: str | None


class RewardPart(Struct, frozen=True):
    id: int
    slug: str
    name: str
    kind: str
    discount_type: str | None
    discount_amount: int | float | None
    minimum_spend: int | float | None


class RedemptionPart(Struct, frozen=True):
    id: int
    points_cost: int
    units: int
    code: str | None
    is_grant: bool
    expires_at: str | None
    created_at: str
    reward: RewardPart | None


class EarningPart(Struct, frozen=True):
    id: int
    points: int
    base_points: int
    action: str
    rule: str | None
    is_manual: bool
    order_id: str | None
    order_number: str | None
    due_at: str | None
    expires_at: str | None


class Data(Struct, frozen=True):
    """`facts` are the figures as they stood when it happened."""

    event_id: int
    merchant: str
    program: str
    currency: str
    member: MemberPart
    facts: dict[str, int | str | bool | None]
    redemption: RedemptionPart | UnsetType = UNSET
    earning: EarningPart | UnsetType = UNSET


class Body(Struct, frozen=True):
    type: EventKind
    timestamp: str
    data: Data


@lru_cache(maxsize=1024)
def signing_key(secret: str) -> bytes:
    """Read a secret. Raises ValueError, which does not repeat it, for one that is none."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(SECRET_PREFIX) or len(key) not in _SECRET_BYTES:
        raise ValueError(
            f"the secret is not {SECRET_PREFIX} and {_SECRET_BYTES.start} to "
            f"{_SECRET_BYTES.stop - 1} bytes in base64"
        ) from None
    return key


def make_secret() -> str:
    """Make a secret that can sign: 32 random bytes."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


class StandardForm:
    """Nine repetitions over three days; each is signed with its own time."""

    dialect = "guerdon"
    events = EVENTS
    timeout_seconds = 15.0
    heeds_retry_after = True
    goes_at_410 = True
    failure_rule = FailureRule(alert_at=5, disable_after_seconds=5 * _DAY)

    # Chance that guards nothing: it only spreads repetitions.
    def __init__(self, random_part: Callable[[], float] = random.random) -> None:  # noqa: S311
        self._random_part = random_part

    def wants(self, events: Sequence[str], kind: EventKind) -> bool:
        return kind in events

    def announce(
        self,
        letter: Letter,
        subscription: Subscription,  # noqa: ARG002 -- a form's shape
    ) -> Sequence[Announcement]:
        event = letter.event
        body = Body(event.kind, _stamp(event.created_at), _data(letter))
        return (
            Announcement(
                id=f"evt_{letter.merchant.id}_{event.id}",
                event=event.kind,
                said_at=event.created_at,
                body=_encode(body),
            ),
        )

    def headers(
        self,
        announcement: Announcement,
        secret: str,
        letter: Letter,  # noqa: ARG002 -- a form's shape
        now: datetime,
    ) -> tuple[tuple[str, str], ...]:
        timestamp = str(int(now.timestamp()))
        signed = f"{announcement.id}.{timestamp}.".encode() + announcement.body
        signature = hmac.new(signing_key(secret), signed, hashlib.sha256).digest()
        return (
            ("Content-Type", "application/json"),
            ("User-Agent", _USER_AGENT),
            ("webhook-id", announcement.id),
            ("webhook-timestamp", timestamp),
            ("webhook-signature", f"v1,{base64.b64encode(signature).decode('ascii')}"),
        )

    def retry_after(self, attempt: int) -> float | None:
        if attempt > len(_DELAYS_SECONDS):
            return None
        return _DELAYS_SECONDS[attempt - 1] * (1 + _JITTER * self._random_part())


def _data(letter: Letter) -> Data:
    member, standing = letter.member, letter.standing
    return Data(
        event_id=letter.event.id,
        merchant=letter.merchant.slug,
        program=letter.program.slug,
        currency=letter.merchant.currency,
        member=MemberPart(
            id=member.id,
            external_id=member.external_id,
            email=member.email,
            first_name=member.first_name,
            last_name=member.last_name,
            tier=None if standing.tier is None else standing.tier.name,
        ),
        facts=letter.event.facts,
        redemption=_redemption(letter),
        earning=_earning(letter),
    )


def _redemption(letter: Letter) -> RedemptionPart | UnsetType:
    redemption = letter.redemption
    if redemption is None:
        return UNSET
    return RedemptionPart(
        id=redemption.id,
        points_cost=redemption.points_cost,
        units=redemption.units,
        code=redemption.code,
        is_grant=redemption.is_grant,
        expires_at=_stamp_or_none(redemption.expires_at),
        created_at=_stamp(redemption.created_at),
        reward=_reward(letter),
    )


def _reward(letter: Letter) -> RewardPart | None:
    reward, currency = letter.reward, letter.merchant.currency
    if reward is None:
        return None
    discount = reward.discount
    amount: int | float | None = None
    minimum = None
    if discount is not None:
        if discount.amount_minor is not None:
            amount = to_major(discount.amount_minor, currency)
        elif discount.percent_hundredths is not None:
            amount = discount.percent_hundredths / 100
        if discount.minimum_spend_minor is not None:
            minimum = to_major(discount.minimum_spend_minor, currency)
    return RewardPart(
        id=reward.id,
        slug=reward.slug,
        name=reward.name,
        kind=reward.kind,
        discount_type=None if discount is None else discount.type,
        discount_amount=amount,
        minimum_spend=minimum,
    )


def _earning(letter: Letter) -> EarningPart | UnsetType:
    earning = letter.earning
    if earning is None:
        return UNSET
    return EarningPart(
        id=earning.id,
        points=earning.points,
        base_points=earning.base_points,
        action=earning.action,
        rule=None if letter.rule is None else letter.rule.slug,
        is_manual=earning.is_manual,
        order_id=earning.order_id,
        order_number=earning.order_number,
        due_at=_stamp_or_none(earning.due_at),
        expires_at=_stamp_or_none(earning.expires_at),
    )


def _stamp(moment: datetime) -> str:
    return f"{moment.isoformat(timespec='milliseconds')[:23]}Z"


def _stamp_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else _stamp(moment)
