"""Worlds with something in them, and what must hold in every one of them."""

from datetime import timedelta

from guerdon.domain.clawback import gross_points
from guerdon.domain.command import Adjust, Adjusted, Enrol, Enrolled, Redeem, Redeemed
from guerdon.domain.ids import MemberId, RewardId
from guerdon.domain.ledger import EARLY, INACTIVITY
from guerdon.domain.member import MemberRef
from guerdon.domain.redemption import Redemption
from tests.builders.shop import PROGRAM, Shop, make_shop
from tests.builders.state import World, make_catalogue

ANNA = MemberRef(external_id="anna")
BELA = MemberRef(external_id="bela")
REWARD = RewardId(1001)


def make_world(shop: Shop | None = None, **points: int) -> World:
    """Make a world with a member for each name, who was given so many points."""
    world = World(make_catalogue(shop or make_shop()))
    for name, given in points.items():
        enrolled = world.do(
            Enrol(program_id=PROGRAM, external_id=name, email=f"{name}@shop.example")
        )
        assert isinstance(enrolled, Enrolled)
        if given:
            give(world, name, given)
    return world


def give(world: World, name: str, points: int, *, lives_days: int | None = None) -> None:
    """Give points as a lot of their own, which lives for some days or for ever."""
    expires_at = world.now + timedelta(days=lives_days) if lives_days else None
    adjust = Adjust(
        program_id=PROGRAM,
        member=MemberRef(external_id=name),
        points=points,
        expires_at=expires_at,
        moves_lifetime=False,
    )
    assert isinstance(world.do(adjust), Adjusted)


def redeem(
    world: World, name: str = "anna", *, reward_id: RewardId = REWARD, units: int = 1
) -> Redemption:
    """Redeem a reward, which must succeed."""
    command = Redeem(
        program_id=PROGRAM, member=MemberRef(external_id=name), reward_id=reward_id, units=units
    )
    result = world.do(command)
    assert isinstance(result, Redeemed)
    return result.redemption


def id_of(world: World, name: str) -> MemberId:
    return next(each.id for each in world.members.values() if each.external_id == name)


def balance(world: World, name: str = "anna") -> int:
    return world.wallet(id_of(world, name)).points_available


def remaining(world: World, name: str = "anna") -> list[int]:
    """List what is left in the member's open lots, first in first."""
    lots = world.open_lots(world.wallet(id_of(world, name)).id)
    return [lot.points_remaining for lot in lots]


def drift(world: World) -> list[str]:
    """Say everything that does not add up; an empty list is a sound world."""
    return [
        *_wallet_drift(world),
        *_lot_drift(world),
        *_counter_drift(world),
        *_code_drift(world),
        *_earning_drift(world),
    ]


def _wallet_drift(world: World) -> list[str]:
    found = []
    for wallet in world.wallets.values():
        entries = [each for each in world.entries if each.wallet_id == wallet.id]
        mine = [each for each in world.redemptions.values() if each.wallet_id == wallet.id]
        pending = [
            each.points
            for each in world.earnings.values()
            if each.wallet_id == wallet.id and each.status == "pending"
        ]
        figures = {
            "entries": (sum(each.points for each in entries), wallet.points_available),
            "lots": (
                sum(lot.points_remaining for lot in world.open_lots(wallet.id)),
                wallet.points_available,
            ),
            "held": (
                sum(each.points_cost for each in mine if each.status == "pending"),
                wallet.points_held,
            ),
            "pending": (sum(pending), wallet.points_pending),
            "awaited": (sum(each.pending_points for each in entries), wallet.points_pending),
            "owed": (sum(each.owed_points for each in entries), wallet.points_owed),
            "lifetime": (sum(each.lifetime_points for each in entries), wallet.points_lifetime),
            "redeemed": (
                sum(each.points_cost - each.points_refunded for each in mine),
                wallet.points_redeemed,
            ),
        }
        for what, (told, kept) in figures.items():
            if told != kept:
                found.append(f"wallet {wallet.id}: {what} tell {told}, it holds {kept}")
            if kept < 0:
                found.append(f"wallet {wallet.id}: {what} below zero")
        after = 0
        for entry in entries:
            after += entry.points
            if entry.points_after != after or sum(entry.lot_points) != entry.points:
                found.append(f"entry {entry.id} does not add up")
    return found


def _lot_drift(world: World) -> list[str]:
    drawn: dict[int, int] = {}
    found = []
    for entry in world.entries:
        for lot_id, points in zip(entry.lot_ids, entry.lot_points, strict=True):
            drawn[lot_id] = drawn.get(lot_id, 0) + points
            expires_at = world.lots[lot_id].expires_at
            is_over = expires_at is not None and expires_at <= entry.created_at
            ends = entry.kind == "expired" and entry.note not in (INACTIVITY, EARLY)
            if points < 0 and is_over != ends:
                found.append(f"entry {entry.id}: {entry.kind} drew a lot that ends {expires_at}")
    return found + [
        f"lot {lot_id}: entries tell {drawn.get(lot_id, 0)}, it holds {kept}"
        for lot_id, kept in world.remaining.items()
        if drawn.get(lot_id, 0) != kept or not 0 <= kept <= world.lots[lot_id].points
    ]


def _counter_drift(world: World) -> list[str]:
    found = []
    for reward in world.catalogue.rewards.values():
        mine = [each for each in world.redemptions.values() if each.reward_id == reward.id]
        live = sum(each.status not in ("declined", "void") for each in mine)
        units = sum(each.units - each.units_returned for each in mine)
        if world.counters.get(reward.id, (0, 0)) != (live, units):
            found.append(
                f"reward {reward.id}: {live} live redemptions of {units} units, counted "
                f"{world.counters.get(reward.id)}"
            )
        if reward.stock is not None and units > reward.stock:
            found.append(f"reward {reward.id}: oversold")
        if reward.max_redemptions is not None and live > reward.max_redemptions:
            found.append(f"reward {reward.id}: redeemed too often")
    return found


def _code_drift(world: World) -> list[str]:
    codes = [each.code for each in world.redemptions.values() if each.code is not None]
    found = [] if len(codes) == len(set(codes)) else ["a code was given twice"]
    found.extend(
        f"code {code} of a pool is not its redemption's"
        for code, redemption_id in world.pool_taken.items()
        if world.redemptions[redemption_id].code != code
    )
    return found


def _earning_drift(world: World) -> list[str]:
    """What was taken back of an earning is what it was reduced by, and what its entries ask for."""
    asked: dict[int, int] = {}
    for entry in world.entries:
        if entry.kind == "reversed" and entry.earning_id is not None:
            points = entry.points if entry.asked_points is None else entry.asked_points
            asked[entry.earning_id] = asked.get(entry.earning_id, 0) - points
    found = []
    for each in world.earnings.values():
        reduced = 0 if each.is_manual else gross_points(each) - each.points
        taken = asked.get(each.id, 0)
        if each.points_reversed != reduced + taken:
            found.append(f"earning {each.id}: {each.points_reversed} reversed, told {taken}")
        if not each.is_manual and each.points_reversed > gross_points(each):
            found.append(f"earning {each.id}: more was taken back than it gave")
    return found
