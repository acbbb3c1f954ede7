"""Events brought to the shop: one value for a burst, and nothing left that is over."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from guerdon.adapters.shopify.deliver import ShopifyCourier
from guerdon.domain.delivery import Deferred, Delivered, Dropped, Letter, Skipped, Verdict
from guerdon.domain.event import EventKind
from guerdon.domain.redemption import RedemptionStatus
from guerdon.engine.ports import Destination
from guerdon.sandbox.shopify.shop import Customer
from tests.adapters.shopify.conftest import MakeSandbox
from tests.adapters.shopify.sandboxed import CODE, Sandboxed, in_days
from tests.builders.letters import make_letter, make_member, make_redemption
from tests.builders.shop import make_reward, make_shop, make_tier

SET = "metafieldsSet"


async def carry(sandbox: Sandboxed, letters: Sequence[Letter]) -> Sequence[Verdict | None]:
    return await sandbox.shopify.courier.carry(destination_of(sandbox), letters)


def destination_of(sandbox: Sandboxed) -> Destination:
    return Destination(name="shopify", merchant=make_shop().merchant, connected=sandbox.connected())


def standing(letter: Letter, points: int) -> Letter:
    return replace(letter, standing=replace(letter.standing, points_available=points))


def burst(members: int, each: int) -> list[Letter]:
    """Make letters of members in turn; the last of each says how they stand."""
    return [
        standing(make_letter(number=place, member=make_member(place % members)), place)
        for place in range(members * each)
    ]


def values(sandbox: Sandboxed) -> dict[str, Any]:
    return {
        str(each["owner"]).rsplit("/", 1)[-1]: json.loads(each["value"])
        for each in sandbox.state()["metafields"]
    }


async def test_the_customer_reads_where_they_stand(sandbox: Sandboxed) -> None:
    letter = make_letter(is_frozen=True)
    letter = replace(letter, standing=replace(letter.standing, tier=make_tier(1, 0, name="Jade")))
    assert await carry(sandbox, [letter]) == [Delivered()]
    (metafield,) = sandbox.state()["metafields"]
    assert (metafield["namespace"], metafield["key"], metafield["type"]) == (
        "mage",
        "loyalty",
        "json",
    )
    assert values(sandbox) == {
        "7001": {
            "points_balance": 150,
            "lifetime_points": 400,
            "redeemed_points": 250,
            "vip_tier": "Jade",
            "status": "excluded",
        }
    }


async def test_a_burst_of_one_member_is_one_value_in_one_call(sandbox: Sandboxed) -> None:
    assert await carry(sandbox, burst(1, 100)) == [Delivered()] * 100
    assert sandbox.calls(SET) == 1
    assert values(sandbox)["7000"]["points_balance"] == 99


@pytest.mark.parametrize(("members", "calls"), [(25, 1), (26, 2), (60, 3)])
async def test_twenty_five_members_share_a_call(
    sandbox: Sandboxed, members: int, calls: int
) -> None:
    assert await carry(sandbox, burst(members, 3)) == [Delivered()] * (3 * members)
    assert sandbox.calls(SET) == calls
    found = values(sandbox)
    assert len(found) == members
    assert [found[str(7000 + n)]["points_balance"] for n in range(members)] == [
        2 * members + n for n in range(members)
    ]


async def test_one_that_shopify_complains_of_does_not_hold_up_the_others(
    make_sandbox: MakeSandbox,
) -> None:
    sandbox = await make_sandbox(strict_customers=True)

    shop = sandbox.app.world.shop("north-shelf.myshopify.com")
    for number in (7000, 7002):
        shop.customers[number] = Customer(id=number, created_at=shop.second())
    verdicts = await carry(sandbox, burst(3, 2))
    for place, verdict in enumerate(verdicts):
        assert isinstance(verdict, Dropped if place % 3 == 1 else Delivered)
    assert sorted(values(sandbox)) == ["7000", "7002"]


async def test_a_member_who_is_no_customer_is_skipped(sandbox: Sandboxed) -> None:
    letters = [make_letter(member=make_member(external_id="anna"))]
    (verdict,) = await carry(sandbox, letters)
    assert isinstance(verdict, Skipped)
    assert sandbox.app.world.calls == []


async def test_what_fails_defers_the_first_letter_of_each_and_leaves_the_rest(
    sandbox: Sandboxed,
) -> None:
    sandbox.fail("throttled", SET, status=429, headers={"Retry-After": "120"})
    verdicts = await carry(sandbox, burst(2, 2))
    assert [verdict and type(verdict) for verdict in verdicts] == [Deferred, Deferred, None, None]
    assert isinstance(verdicts[0], Deferred)
    assert verdicts[0].after_seconds == 120


def test_events_after_which_a_member_stands_as_before_are_not_wanted() -> None:
    courier = ShopifyCourier(None, lambda: datetime.now(UTC))  # type: ignore[arg-type]
    wanted: dict[EventKind, bool] = {
        "points.earned": True,
        "points.expired": True,
        "member.frozen": True,
        "member.tier_changed": True,
        "redemption.approved": True,
        "redemption.refunded": True,
        "points.pending": False,
        "member.updated": False,
        "redemption.used": False,
    }
    destination = Destination(name="shopify", merchant=make_shop().merchant)
    assert {kind: courier.wants(destination, kind) for kind in wanted} == wanted


def over(
    kind: EventKind,
    status: RedemptionStatus,
    *,
    ago: timedelta = timedelta(),
    number: int = 1,
    by: Any = "shopify",
    **changes: Any,
) -> Letter:
    """Make the letter of a redemption that is over."""
    reward = make_reward(fulfil_by=by)
    redemption = make_redemption(reward, created_at=in_days(0), status=status, **changes)
    created_at = datetime.now(UTC) - ago
    return make_letter(
        kind, number=number, reward=reward, redemption=redemption, created_at=created_at
    )


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("redemption.refunded", "void"),
        ("redemption.expired", "expired"),
        ("redemption.declined", "declined"),
    ],
)
async def test_what_is_over_is_ended_in_the_shop(
    sandbox: Sandboxed, kind: EventKind, status: RedemptionStatus
) -> None:
    await sandbox.shopify.fulfillers["shopify"].fulfil(sandbox.handover())
    letters = [over(kind, status), make_letter(number=2)]
    assert await carry(sandbox, letters) == [Delivered(), Delivered()]
    assert [each["status"] for each in sandbox.discounts()] == ["EXPIRED"]
    assert sandbox.calls(SET) == 1
    assert await carry(sandbox, letters) == [Delivered(), Delivered()]
    assert sandbox.calls("discountCodeDeactivate") == 1


async def test_a_part_refund_leaves_the_rest_good(sandbox: Sandboxed) -> None:
    await sandbox.shopify.fulfillers["shopify"].fulfil(sandbox.handover())
    assert await carry(sandbox, [over("redemption.refunded", "approved")]) == [Delivered()]
    assert [each["status"] for each in sandbox.discounts()] == ["ACTIVE"]


async def test_a_discount_that_appears_after_the_decline_is_ended_at_the_second_look(
    sandbox: Sandboxed,
) -> None:
    letters = [over("redemption.declined", "declined"), make_letter(number=2)]
    verdicts = await carry(sandbox, letters)
    assert isinstance(verdicts[0], Deferred)
    assert verdicts[0].after_seconds == pytest.approx(60, abs=5)
    assert verdicts[1] is None
    # Where the member stands is shown at once all the same.
    assert sandbox.calls(SET) == 1
    # The shop acts on the call that nobody waited for.
    await sandbox.shopify.fulfillers["shopify"].fulfil(sandbox.handover())
    later = [over("redemption.declined", "declined", ago=timedelta(seconds=61)), letters[1]]
    assert await carry(sandbox, later) == [Delivered(), Delivered()]
    assert [each["status"] for each in sandbox.discounts()] == ["EXPIRED"]


async def test_a_decline_that_left_nothing_is_done_at_the_second_look(sandbox: Sandboxed) -> None:
    letter = over("redemption.declined", "declined", ago=timedelta(seconds=61))
    assert await carry(sandbox, [letter]) == [Delivered()]


async def test_what_cannot_be_ended_now_keeps_the_members_later_letters_waiting(
    sandbox: Sandboxed,
) -> None:
    await sandbox.shopify.fulfillers["shopify"].fulfil(sandbox.handover())
    sandbox.fail("cut_before", "discountCodeDeactivate")
    other = make_letter(number=4, member=make_member(2))
    letters = [
        make_letter(number=1),
        over("redemption.refunded", "void", number=2),
        make_letter(number=3),
        other,
    ]
    verdicts = await carry(sandbox, letters)
    assert [verdict and type(verdict) for verdict in verdicts] == [
        Delivered,
        Deferred,
        None,
        Delivered,
    ]
    assert await carry(sandbox, letters) == [Delivered()] * 4


async def test_what_was_ended_and_cannot_be_shown_is_not_done(sandbox: Sandboxed) -> None:
    await sandbox.shopify.fulfillers["shopify"].fulfil(sandbox.handover())
    sandbox.fail("user_error", SET)
    letter = over("redemption.refunded", "void")
    (verdict,) = await carry(sandbox, [letter])
    assert isinstance(verdict, Dropped)
    assert [each["status"] for each in sandbox.discounts()] == ["EXPIRED"]
    # Replayed, it shows where the member stands, and ends nothing twice.
    assert await carry(sandbox, [letter]) == [Delivered()]
    assert values(sandbox)["7001"]["points_balance"] == 150
    assert sandbox.calls("discountCodeDeactivate") == 1


async def test_what_was_ended_of_a_member_who_is_no_customer_is_done(sandbox: Sandboxed) -> None:
    letter = over("redemption.refunded", "void")
    stranger = replace(letter, member=make_member(external_id="anna"))
    assert await carry(sandbox, [stranger]) == [Delivered()]
    assert sandbox.calls(SET) == 0


async def test_a_code_that_the_engine_made_itself_is_not_looked_for(sandbox: Sandboxed) -> None:
    letter = over("redemption.refunded", "void", by="code", code=CODE)
    assert await carry(sandbox, [letter]) == [Delivered()]
    assert sandbox.calls("codeDiscountNodeByCode") == 0


async def test_a_connection_that_says_too_little_drops_the_letters(sandbox: Sandboxed) -> None:
    destination = replace(destination_of(sandbox), connected=sandbox.connected(shop=""))
    (verdict,) = await sandbox.shopify.courier.carry(destination, [make_letter()])
    assert isinstance(verdict, Dropped)
