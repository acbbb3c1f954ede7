"""Erasing a member, and opening a used redemption again."""

from datetime import date, timedelta

from guerdon.domain.command import (
    Adjust,
    Changed,
    ChangeMember,
    Enrol,
    Enrolled,
    EraseMember,
    MarkUsed,
    Redeemed,
    Refund,
    Reopen,
    Submission,
)
from guerdon.domain.errors import (
    MemberFrozen,
    MemberUnknown,
    RedemptionStatusWrong,
    RedemptionUnknown,
)
from guerdon.domain.ids import RedemptionId
from guerdon.domain.member import MemberRef
from guerdon.domain.state import Effects
from tests.builders.shop import PROGRAM, make_reward, make_shop
from tests.builders.world import ANNA, balance, drift, make_world, redeem


def test_nothing_tells_who_an_erased_member_was() -> None:
    world = make_world(anna=70, bela=5)
    born = date(1990, 1, 2)
    world.do(ChangeMember(program_id=PROGRAM, member=ANNA, first_name="Anna", birthday=born))
    (before,) = [each for each in world.members.values() if each.external_id == "anna"]
    result = world.do(EraseMember(program_id=PROGRAM, member=ANNA))
    assert isinstance(result, Changed)
    erased = world.members[before.id]
    assert erased.external_id.startswith("erased-")
    assert erased.referral_code != before.referral_code
    assert (erased.email, erased.first_name, erased.last_name, erased.birthday) == (None,) * 4
    assert balance(world, erased.external_id) == 70
    assert world.wallet(before.id).is_frozen
    assert drift(world) == []
    assert world.refuse(Adjust(program_id=PROGRAM, member=ANNA, points=1)) == (
        MemberUnknown("anna"),
    )
    by_id = MemberRef(id=before.id)
    assert world.refuse(Adjust(program_id=PROGRAM, member=by_id, points=1)) == (MemberFrozen(),)
    again = world.decide([Submission(EraseMember(program_id=PROGRAM, member=by_id))])
    assert again.effects == Effects()


def test_later_commands_of_the_batch_find_nobody() -> None:
    world = make_world(anna=70)
    email = MemberRef(email="anna@shop.example")
    erased, gone, by_email = world.run(
        EraseMember(program_id=PROGRAM, member=ANNA),
        EraseMember(program_id=PROGRAM, member=ANNA),
        Adjust(program_id=PROGRAM, member=email, points=1),
    )
    assert "Done" in repr(erased)
    assert [repr(each)[:7] for each in (gone, by_email)] == ["Refused", "Refused"]
    fresh = world.do(Enrol(program_id=PROGRAM, external_id="anna"))
    assert isinstance(fresh, Enrolled)
    assert fresh.is_new


def test_used_redemption_is_opened_again_and_its_term_goes_on() -> None:
    world = make_world(make_shop(rewards=(make_reward(1, expiry_days=5),)), anna=300)
    made = redeem(world)
    world.do(MarkUsed(redemption_id=made.id))
    result = world.do(Reopen(redemption_id=made.id))
    assert isinstance(result, Redeemed)
    opened = result.redemption
    assert (opened.status, opened.used_at) == ("approved", None)
    assert opened.expires_at == made.created_at + timedelta(days=5)
    assert world.do(Reopen(redemption_id=made.id)) == result
    world.do(Refund(redemption_id=made.id))
    assert balance(world) == 300
    assert world.refuse(Reopen(redemption_id=made.id)) == (RedemptionStatusWrong(made.id, "void"),)
    assert world.refuse(Reopen(redemption_id=RedemptionId(1))) == (
        RedemptionUnknown(RedemptionId(1)),
    )
    assert drift(world) == []
