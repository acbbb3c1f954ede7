"""Members with a wallet for each point type of their program; and members who leave."""

from msgspec.structs import replace

from guerdon.domain.command import (
    Adjust,
    Adjusted,
    ChangeMember,
    Earn,
    Earned,
    Enrol,
    Enrolled,
    EraseMember,
    Leave,
    Redeem,
    Redeemed,
    Transfer,
    Transferred,
)
from guerdon.domain.errors import (
    InsufficientPoints,
    MemberFrozen,
    MemberUnknown,
    WalletUnknown,
)
from guerdon.domain.ids import PointTypeId, RewardId, RuleId
from guerdon.domain.point_terms import CodeForm
from guerdon.domain.wallet import Wallet
from tests.builders.shop import (
    PROGRAM,
    make_point_type,
    make_reward,
    make_rule,
    make_shop,
    make_tier,
)
from tests.builders.state import World
from tests.builders.world import ANNA, BELA, balance, drift, id_of, make_world

CODED = make_point_type(1, code=CodeForm(pattern="####-####", charset="AB23", prefix="G-"))
PLAIN = make_point_type(2)
SHOP = make_shop(
    point_types=(CODED, PLAIN),
    tiers=(make_tier(1, 0, multiplier_permille=2000), make_tier(2, 1000)),
    rewards=(make_reward(1), make_reward(2, points_cost=30, point_type_id=CODED.id)),
    rules=(
        make_rule(1, trigger="signup", points=7, point_type_id=CODED.id),
        make_rule(2, points=20, point_type_id=CODED.id, approval_days=3),
        make_rule(3, points=20, point_type_id=PointTypeId(99)),
    ),
)
WITHOUT = make_shop(rewards=SHOP.rewards, rules=SHOP.rules)


def wallet(world: World, point_type_id: PointTypeId, name: str = "anna") -> Wallet:
    member_id = id_of(world, name)
    (found,) = (
        each
        for each in world.wallets.values()
        if (each.member_id, each.point_type_id) == (member_id, point_type_id)
    )
    return found


def adjust(world: World, points: int, point_type_id: PointTypeId = CODED.id) -> None:
    command = Adjust(program_id=PROGRAM, member=ANNA, points=points, point_type_id=point_type_id)
    assert isinstance(world.do(command), Adjusted)


def test_enrolling_makes_a_wallet_of_each_point_type() -> None:
    world = make_world(SHOP, anna=0, bela=0)
    mine = [each for each in world.wallets.values() if each.member_id == id_of(world, "anna")]
    assert [each.point_type_id for each in mine] == list(SHOP.program.point_type_ids)
    assert [each.is_default for each in mine] == [True, False, False]
    codes = [each.code for each in world.wallets.values()]
    assert [code is None for code in codes] == [True, False, True] * 2
    assert len({*codes}) == 3
    # Joining was worth seven gems, twice over on the lowest tier.
    assert [each.points_available for each in mine] == [0, 14, 0]
    assert drift(world) == []


def test_a_point_type_that_came_later_has_its_wallets_made_as_they_are_needed() -> None:
    world = make_world(WITHOUT, anna=0, bela=0)
    before = world.wallets.copy()
    assert world.refuse(
        Adjust(program_id=PROGRAM, member=ANNA, points=5, point_type_id=CODED.id)
    ) == (WalletUnknown(),)
    world.catalogue.programs[PROGRAM] = SHOP.program
    world.catalogue.point_types[CODED.id] = CODED
    redeem = Redeem(program_id=PROGRAM, member=ANNA, reward_id=RewardId(1002))
    assert world.refuse(redeem) == (InsufficientPoints(0, 30),)
    assert world.wallets == before
    world.run(
        Adjust(program_id=PROGRAM, member=ANNA, points=5, point_type_id=CODED.id),
        Adjust(program_id=PROGRAM, member=ANNA, points=30, point_type_id=CODED.id),
        redeem,
    )
    assert wallet(world, CODED.id).points_available == 5
    sent = Transfer(program_id=PROGRAM, source=ANNA, target=BELA, points=4, point_type_id=CODED.id)
    assert isinstance(world.do(sent), Transferred)
    assert wallet(world, CODED.id, "bela").points_available == 4
    again = world.do(Enrol(program_id=PROGRAM, external_id="bela"))
    assert isinstance(again, Enrolled)
    assert not again.is_new
    assert wallet(world, PLAIN.id, "bela").points_available == 0
    assert drift(world) == []


def test_a_rule_fills_the_wallet_of_its_point_type() -> None:
    world = make_world(SHOP, anna=0)
    earned = world.do(Earn(program_id=PROGRAM, member=ANNA, rule_id=RuleId(4002)))
    assert isinstance(earned, Earned)
    gems = wallet(world, CODED.id)
    # The tier is the member's, whose points decide it.
    assert (earned.earning.wallet_id, earned.earning.multiplier_permille) == (gems.id, 2000)
    assert (gems.points_pending, gems.points_available) == (40, 14)
    unknown = world.refuse(Earn(program_id=PROGRAM, member=ANNA, rule_id=RuleId(4003)))
    assert unknown == (WalletUnknown(),)
    adjust(world, 5000)
    assert world.wallet(id_of(world, "anna")).tier_id == SHOP.tiers[0].id
    assert drift(world) == []


def test_points_of_one_type_do_not_pay_for_another() -> None:
    world = make_world(SHOP, anna=1000)
    redeem = Redeem(program_id=PROGRAM, member=ANNA, reward_id=RewardId(1002))
    assert world.refuse(redeem) == (InsufficientPoints(14, 30),)
    adjust(world, 26)
    paid = world.do(redeem)
    assert isinstance(paid, Redeemed)
    assert (paid.points_after, balance(world)) == (10, 1000)
    assert drift(world) == []


def test_metadata_is_set_and_cleared() -> None:
    world = make_world(SHOP, anna=0)
    member_id = id_of(world, "anna")
    enrolled = world.do(Enrol(program_id=PROGRAM, external_id="carl", metadata='{"a":1}'))
    assert isinstance(enrolled, Enrolled)
    assert enrolled.member.metadata == '{"a":1}'
    change = ChangeMember(program_id=PROGRAM, member=ANNA, metadata='{"b":[2]}')
    world.do(change)
    assert world.members[member_id].metadata == '{"b":[2]}'
    world.do(ChangeMember(program_id=PROGRAM, member=ANNA, first_name="Anna"))
    assert world.members[member_id].metadata == '{"b":[2]}'
    world.do(ChangeMember(program_id=PROGRAM, member=ANNA, metadata=None))
    assert world.members[member_id].metadata is None


def test_who_leaves_is_nobodys_member_and_keeps_the_books() -> None:
    world = make_world(SHOP, anna=200)
    adjust(world, 40)
    member_id = id_of(world, "anna")
    before = [replace(each) for each in world.entries]
    joined, left, again = world.run(
        Enrol(program_id=PROGRAM, external_id="anna"),
        Leave(program_id=PROGRAM, member=ANNA),
        Enrol(program_id=PROGRAM, external_id="anna", email="anna@shop.example"),
    )
    assert [type(each).__name__ for each in (joined, left, again)] == ["Done"] * 3
    gone = world.members[member_id]
    assert gone.external_id.startswith("left-")
    assert (gone.email, gone.left_at) == (None, world.now)
    mine = [each for each in world.wallets.values() if each.member_id == member_id]
    assert [(each.is_frozen, each.points_available) for each in mine] == [
        (True, 200),
        (True, 54),
        (True, 0),
    ]
    assert world.entries[: len(before)] == before
    fresh = id_of(world, "anna")
    assert fresh != member_id
    assert balance(world) == 0
    assert [each.kind for each in world.events if each.member_id == member_id][-1] == "member.left"
    assert drift(world) == []


def test_leaving_twice_is_leaving_once_and_what_left_can_be_erased() -> None:
    world = make_world(SHOP, anna=200)
    member = world.members[id_of(world, "anna")]
    by_id = replace(ANNA, id=member.id, external_id=None)
    world.do(Leave(program_id=PROGRAM, member=by_id))
    before = world.copy()
    world.do(Leave(program_id=PROGRAM, member=by_id))
    assert world == before
    assert world.refuse(Leave(program_id=PROGRAM, member=ANNA)) == (MemberUnknown("anna"),)
    assert world.refuse(Adjust(program_id=PROGRAM, member=by_id, points=1)) == (MemberFrozen(),)
    world.do(EraseMember(program_id=PROGRAM, member=by_id))
    world.do(Leave(program_id=PROGRAM, member=by_id))
    assert world.members[member.id].external_id.startswith("erased-")
    assert world.members[member.id].left_at == world.now
