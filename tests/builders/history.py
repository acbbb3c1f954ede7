"""Makes a merchant whose ledger holds a row of every kind."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from guerdon.domain.command import (
    Adjust,
    Approve,
    Command,
    CompleteFulfilment,
    Decline,
    Done,
    Earn,
    Earned,
    Enrol,
    ExpireLots,
    ExpireRedemption,
    MarkUsed,
    Redeem,
    Redeemed,
    Refund,
    Release,
    Settle,
    Transfer,
)
from guerdon.domain.ids import EarningId, RedemptionId
from guerdon.domain.member import MemberRef
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.store import offers, sequences
from guerdon.store.connection import Pool
from guerdon.store.transaction import transaction
from tests.builders.shop import PROGRAM, Shop, make_reward, make_rule, make_shop, make_tier
from tests.builders.shop import save_shop as save

ALICE = MemberRef(external_id="alice")
BOB = MemberRef(external_id="bob")
CODES = ("POOL-A", "POOL-B", "POOL-C")


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = datetime(2026, 6, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def turn(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass(kw_only=True)
class History:
    """A merchant with its ledger, and the acts that a history is made of."""

    shop: Shop
    ledger: Ledger
    clock: Clock

    async def do(self, command: Command) -> Done:
        outcome = await self.ledger.submit(self.shop.id, command)
        assert isinstance(outcome, Done), outcome
        return outcome

    async def redeem(self, number: int, member: MemberRef = ALICE, units: int = 1) -> RedemptionId:
        command = Redeem(
            program_id=PROGRAM, member=member, reward_id=self.shop.rewards[number].id, units=units
        )
        result = (await self.do(command)).result
        assert isinstance(result, Redeemed)
        return result.redemption.id

    async def earn(self, number: int, member: MemberRef = ALICE) -> EarningId:
        command = Earn(program_id=PROGRAM, member=member, rule_id=self.shop.rules[number].id)
        result = (await self.do(command)).result
        assert isinstance(result, Earned)
        return result.earning.id

    async def adjust(self, points: int, member: MemberRef = ALICE, *, floors: bool = False) -> None:
        await self.do(
            Adjust(program_id=PROGRAM, member=member, points=points, floors_at_zero=floors)
        )


def make_full_shop(merchant_id: int = 1) -> Shop:
    """Make a shop with a reward of each way of fulfilment, tiers and rules."""
    tier = make_tier(2, 1000)
    return make_shop(
        merchant_id,
        rewards=(
            make_reward(1, units_max=5),
            make_reward(2, fulfil_by="pool"),
            make_reward(3, fulfil_by="gift_card"),
            make_reward(4, fulfil_by="manual", expiry_days=1),
            make_reward(5, points_cost=0, tier_id=tier.id, grant_on_entry=True),
        ),
        tiers=(make_tier(1, 0), tier),
        rules=(make_rule(1, points=300), make_rule(2, points=70, approval_days=14)),
        points_expiry_days=30,
    )


async def start_history(pool: Pool, merchant_id: int = 1) -> History:
    """Save the shop with codes in its pool and two members, who have nothing yet."""
    shop = await save(pool, make_full_shop(merchant_id))
    clock = Clock()
    async with transaction(pool) as tx:
        first = await sequences.take_ids(tx, shop.id, len(CODES))
        codes = [(first + n, code) for n, code in enumerate(CODES)]
        await offers.insert_pool_codes(tx, shop.id, shop.rewards[1].id, codes, clock())
    history = History(shop=shop, ledger=Ledger(Runtime(pool=pool, now=clock)), clock=clock)
    for name in ("alice", "bob"):
        await history.do(Enrol(program_id=PROGRAM, external_id=name, email=f"{name}@x.example"))
    return history


async def make_history(pool: Pool, merchant_id: int = 1) -> History:
    """Live through every kind of command, over two months."""
    history = await start_history(pool, merchant_id)
    await history.earn(0)
    await history.do(Approve(earning_id=await history.earn(1)))
    await history.do(Decline(earning_id=await history.earn(1)))
    await history.earn(1, BOB)
    await history.adjust(900)
    await history.adjust(80, BOB)
    await history.adjust(-500, BOB, floors=True)
    spent = await history.redeem(0, units=3)
    await history.do(Refund(redemption_id=spent, units=1))
    await history.do(Refund(redemption_id=await history.redeem(0)))
    await history.redeem(1)
    await history.do(Settle(redemption_id=await history.redeem(2)))
    await history.do(Release(redemption_id=await history.redeem(2), reason="refused"))
    await history.redeem(2)
    handed = await history.redeem(3)
    await history.do(CompleteFulfilment(redemption_id=handed))
    await history.do(MarkUsed(redemption_id=handed))
    await history.do(Transfer(program_id=PROGRAM, source=ALICE, target=BOB, points=45))
    late = await history.redeem(3)
    history.clock.turn(days=31)
    await history.do(ExpireRedemption(redemption_id=late))
    await history.do(Refund(redemption_id=spent, points=60))
    await history.do(ExpireLots(program_id=PROGRAM, member=BOB))
    await history.adjust(120)
    return history
