"""Letters as a courier is given them, and where they go."""

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace as replaced

from guerdon.domain.catalogue import EarningRule, Reward
from guerdon.domain.delivery import Letter, Standing
from guerdon.domain.earning import Earning
from guerdon.domain.event import Event, EventKind
from guerdon.domain.ids import (
    DeliveryId,
    EarningId,
    EventId,
    MemberId,
    MerchantId,
    RedemptionId,
    WalletId,
)
from guerdon.domain.integration import IntegrationKind
from guerdon.domain.member import Member
from guerdon.domain.redemption import Redemption
from guerdon.engine.ports import Connected, Destination
from tests.builders.shop import FOUNDED, PROGRAM, make_reward, make_rule, make_shop

HAPPENED = datetime(2026, 3, 14, 9, 26, 53, 589000, tzinfo=UTC)
SECRET = "sk_live_8d0f_never_to_be_seen"


def make_member(number: int = 1, **changes: Any) -> Member:
    """Make a member with the id 5000 + number and the e-mail `<7000 + number>@shopper.example`."""
    external_id = str(7000 + number)
    member = Member(
        id=MemberId(5000 + number),
        program_id=PROGRAM,
        external_id=external_id,
        email=f"{external_id}@shopper.example",
        first_name="Ana",
        referral_code=f"ref{number}",
        created_at=FOUNDED,
        updated_at=FOUNDED,
    )
    return replaced(member, **changes)


def make_letter(
    kind: EventKind = "points.earned",
    *,
    number: int = 1,
    attempt: int = 1,
    member: Member | None = None,
    is_frozen: bool = False,
    created_at: datetime = HAPPENED,
    redemption: Redemption | None = None,
    reward: Reward | None = None,
    earning: Earning | None = None,
    rule: EarningRule | None = None,
    **facts: int | str | bool | None,
) -> Letter:
    """Make a letter with the event id 100 + number and the delivery id 200 + number."""
    shop = make_shop()
    written_to = member or make_member()
    event = Event(
        EventId(100 + number),
        kind,
        PROGRAM,
        written_to.id,
        {"points": 50, "points_available": 150, "points_lifetime": 400, **facts},
        created_at,
        None if redemption is None else redemption.id,
        None if earning is None else earning.id,
    )
    return Letter(
        delivery_id=DeliveryId(200 + number),
        attempt=attempt,
        event=event,
        merchant=shop.merchant,
        program=shop.program,
        member=written_to,
        standing=Standing(
            points_available=150,
            points_held=0,
            points_pending=0,
            points_lifetime=400,
            points_redeemed=250,
            tier=None,
            is_frozen=is_frozen,
        ),
        redemption=redemption,
        reward=reward,
        earning=earning,
        rule=rule,
    )


def make_redemption(reward: Reward | None = None, **changes: Any) -> Redemption:
    """Make an approved redemption with the id 6001."""
    taken = reward or make_reward()
    redemption = Redemption(
        id=RedemptionId(6001),
        program_id=PROGRAM,
        member_id=MemberId(5001),
        wallet_id=WalletId(5501),
        reward_id=taken.id,
        reward_version_id=taken.version_id,
        status="approved",
        points_cost=taken.points_cost,
        code="MAGE-7QH2ZP",
        created_at=HAPPENED,
        updated_at=HAPPENED,
    )
    return replaced(redemption, **changes)


def make_earning(**changes: Any) -> Earning:
    """Make an approved earning of 50 points with the id 6501."""
    earning = Earning(
        id=EarningId(6501),
        program_id=PROGRAM,
        member_id=MemberId(5001),
        wallet_id=WalletId(5501),
        action="custom",
        status="approved",
        base_points=50,
        points=50,
        created_at=HAPPENED,
        updated_at=HAPPENED,
    )
    return replaced(earning, **changes)


def redeemed_letter(reward: Reward | None = None, **changes: Any) -> Letter:
    """Make the letter of a redemption's approval."""
    taken = reward or make_reward()
    facts = {"points": taken.points_cost} | changes
    return make_letter(
        "redemption.approved", reward=taken, redemption=make_redemption(taken), **facts
    )


def earned_letter(**changes: Any) -> Letter:
    """Make the letter of points earned by a rule."""
    return make_letter("points.earned", rule=make_rule(), earning=make_earning(), **changes)


def tier_letter(
    previous_tier: str | None = "Amber", new_tier: str | None = "Jade", **changes: Any
) -> Letter:
    """Make the letter of a change of tier."""
    return make_letter(
        "member.tier_changed",
        previous_tier=previous_tier,
        new_tier=new_tier,
        is_up=True,
        **changes,
    )


def make_destination(
    kind: IntegrationKind, base_url: str | None = None, **definition: str | None
) -> Destination:
    """Make a platform as a destination, connected with SECRET."""
    return Destination(
        name=kind,
        merchant=make_shop().merchant,
        connected=Connected(
            merchant_id=MerchantId(1),
            kind=kind,
            definition={"base_url": base_url, **definition},
            secrets={"key": SECRET},
        ),
    )
