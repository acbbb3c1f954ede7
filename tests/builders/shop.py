"""Makes a merchant with one program, in the database, as `guerdon apply` would."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace as replaced

from guerdon.domain.catalogue import (
    Discount,
    EarningRule,
    Merchant,
    PointType,
    Program,
    Reward,
    Tier,
)
from guerdon.domain.ids import (
    MerchantId,
    PointTypeId,
    ProgramId,
    RewardId,
    RewardVersionId,
    RuleId,
    TierId,
)
from guerdon.store import offers, sequences
from guerdon.store.connection import Pool
from guerdon.store.transaction import transaction

FOUNDED = datetime(2026, 1, 1, tzinfo=UTC)
POINT_TYPE = PointTypeId(10)
PROGRAM = ProgramId(11)


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A merchant as made; what it offers can be changed before it is saved."""

    merchant: Merchant
    program: Program
    tiers: tuple[Tier, ...] = ()
    rewards: tuple[Reward, ...] = ()
    rules: tuple[EarningRule, ...] = ()
    point_type: PointType = field(
        default_factory=lambda: PointType(id=POINT_TYPE, slug="points", name="Points")
    )

    further_point_types: tuple[PointType, ...] = ()

    @property
    def point_types(self) -> tuple[PointType, ...]:
        return (self.point_type, *self.further_point_types)

    @property
    def id(self) -> MerchantId:
        return self.merchant.id

    def with_program(self, **changes: Any) -> "Shop":
        return replace(self, program=replaced(self.program, **changes))


def make_reward(number: int = 1, **changes: Any) -> Reward:
    """Make a reward of 100 points with the id 1000 + number."""
    reward = Reward(
        id=RewardId(1000 + number),
        version_id=RewardVersionId(2000 + number),
        program_id=PROGRAM,
        slug=f"reward-{number}",
        name=f"Reward {number}",
        points_cost=100,
        point_type_id=POINT_TYPE,
        discount=Discount(type="fixed_amount", amount_minor=1000, minimum_spend_minor=4000),
        created_at=FOUNDED,
        updated_at=FOUNDED,
    )
    return replaced(reward, **changes)


def make_point_type(number: int = 1, **changes: Any) -> PointType:
    """Make a further point type, with the id 20 + number."""
    point_type = PointType(
        id=PointTypeId(20 + number), slug=f"gems-{number}", name=f"Gems {number}"
    )
    return replaced(point_type, **changes)


def make_tier(number: int, points_required: int, **changes: Any) -> Tier:
    """Make a tier with the id 3000 + number."""
    tier = Tier(
        id=TierId(3000 + number),
        program_id=PROGRAM,
        slug=f"tier-{number}",
        name=f"Tier {number}",
        points_required=points_required,
        created_at=FOUNDED,
        updated_at=FOUNDED,
    )
    return replaced(tier, **changes)


def make_rule(number: int = 1, **changes: Any) -> EarningRule:
    """Make a rule of 50 points, engagement, unlimited, with the id 4000 + number."""
    rule = EarningRule(
        id=RuleId(4000 + number),
        program_id=PROGRAM,
        slug=f"rule-{number}",
        name=f"Rule {number}",
        trigger="custom",
        category="engagement",
        action="custom",
        action_key=f"rule_{number}",
        points=50,
        created_at=FOUNDED,
        updated_at=FOUNDED,
    )
    return replaced(rule, **changes)


def make_shop(
    merchant_id: int = 1,
    *,
    rewards: tuple[Reward, ...] | None = None,
    tiers: tuple[Tier, ...] = (),
    rules: tuple[EarningRule, ...] = (),
    point_types: tuple[PointType, ...] = (),
    **program: Any,
) -> Shop:
    """Make a merchant in London that counts in pounds, with one program and one reward. What is
    given of `point_types` comes beside its points."""
    merchant = Merchant(
        id=MerchantId(merchant_id),
        slug=f"shop-{merchant_id}",
        name=f"Shop {merchant_id}",
        timezone="Europe/London",
        currency="GBP",
    )
    made = Program(
        id=PROGRAM,
        slug="main",
        name="Main",
        timezone="Europe/London",
        point_type_id=POINT_TYPE,
        code_prefix="MAGE",
        further_point_type_ids=tuple(each.id for each in point_types),
    )
    return Shop(
        merchant=merchant,
        program=replaced(made, **program),
        tiers=tiers,
        rewards=(make_reward(),) if rewards is None else rewards,
        rules=rules,
        further_point_types=point_types,
    )


async def save_shop(pool: Pool, shop: Shop) -> Shop:
    """Write a shop into the database; its members' ids begin at 10,000."""
    async with transaction(pool) as tx:
        await offers.insert_merchant(tx, shop.merchant, FOUNDED)
        await sequences.insert_sequence(tx, shop.id, 10_000)
        for point_type in shop.point_types:
            await offers.put_point_type(tx, shop.id, point_type, FOUNDED)
        await offers.put_program(tx, shop.id, shop.program, FOUNDED)
        for tier in shop.tiers:
            await offers.put_tier(tx, shop.id, tier)
        for reward in shop.rewards:
            await offers.put_reward(tx, shop.id, reward)
            await offers.insert_reward_version(tx, shop.id, reward, FOUNDED)
        for rule in shop.rules:
            await offers.put_rule(tx, shop.id, rule)
    return shop
