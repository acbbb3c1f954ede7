"""Letters carried one call each: members side by side, each one's in order."""

import asyncio

from structlog.testing import capture_logs

from guerdon.domain.catalogue import Merchant
from guerdon.domain.delivery import Deferred, Delivered, Letter, Standing, Uncertain, Verdict
from guerdon.domain.event import Event
from guerdon.domain.ids import DeliveryId, EventId, MemberId, MerchantId
from guerdon.domain.member import Member
from guerdon.engine.carrying import one_by_one
from tests.builders.shop import FOUNDED, PROGRAM, make_shop

_SHOP = make_shop()
_STANDING = Standing(
    points_available=0,
    points_held=0,
    points_pending=0,
    points_lifetime=0,
    points_redeemed=0,
    tier=None,
    is_frozen=False,
)


def make_letter(number: int, member: int) -> Letter:
    return Letter(
        delivery_id=DeliveryId(number),
        attempt=1,
        event=Event(EventId(number), "points.adjusted", PROGRAM, MemberId(member), {}, FOUNDED),
        merchant=Merchant(
            id=MerchantId(1), slug="shop", name="Shop", timezone="UTC", currency="GBP"
        ),
        program=_SHOP.program,
        member=Member(
            id=MemberId(member),
            program_id=PROGRAM,
            external_id=str(member),
            email=None,
            referral_code="r",
            created_at=FOUNDED,
            updated_at=FOUNDED,
        ),
        standing=_STANDING,
    )


def make_letters(*members: int) -> list[Letter]:
    return [make_letter(number, member) for number, member in enumerate(members)]


async def test_gives_each_letter_its_verdict_in_place() -> None:
    sent: list[int] = []

    async def send(letter: Letter) -> Verdict:
        sent.append(letter.delivery_id)
        await asyncio.sleep(0)
        return Deferred("odd") if letter.delivery_id % 2 else Delivered()

    verdicts = await one_by_one(send, make_letters(1, 2, 3, 2, 1), at_once=2)
    # The second member's first was deferred, so that their next is left alone.
    assert verdicts == [Delivered(), Deferred("odd"), Delivered(), None, Delivered()]
    assert sorted(sent) == [0, 1, 2, 4]


async def test_a_members_letters_follow_each_other_and_members_do_not_wait() -> None:
    under_way: list[int] = []
    most = 0

    async def send(letter: Letter) -> Verdict:
        nonlocal most
        assert letter.event.member_id not in under_way
        under_way.append(letter.event.member_id)
        most = max(most, len(under_way))
        await asyncio.sleep(0.001)
        under_way.remove(letter.event.member_id)
        return Delivered()

    verdicts = await one_by_one(send, make_letters(*[1, 2, 3, 4, 5] * 4), at_once=3)
    assert verdicts == [Delivered()] * 20
    assert most == 3


async def test_one_that_raises_does_not_touch_the_others() -> None:
    async def send(letter: Letter) -> Verdict:
        if letter.delivery_id == 0:
            raise RuntimeError("a secret")
        return Delivered()

    reason = "the courier failed: RuntimeError"
    with capture_logs():
        unsafe = await one_by_one(send, make_letters(1, 1, 2), at_once=9)
        safe = await one_by_one(send, make_letters(1, 1, 2), at_once=9, repeats_safely=True)
    assert unsafe == [Uncertain(reason), Delivered(), Delivered()]
    assert safe == [Deferred(reason), None, Delivered()]


async def test_begins_none_when_the_time_is_over() -> None:
    async def send(_: Letter) -> Verdict:
        await asyncio.sleep(0.02)
        return Delivered()

    verdicts = await one_by_one(send, make_letters(1, 1, 1), at_once=9, seconds_max=0.01)
    assert verdicts == [Delivered(), None, None]


async def test_nothing_to_carry_is_nothing() -> None:
    async def send(_: Letter) -> Verdict:
        raise AssertionError

    assert await one_by_one(send, [], at_once=9) == []
