"""What a caller chooses with a reward: a cart, a variant; and what a tier pays for it."""

from typing import Any

import pytest

from guerdon.domain.catalogue import Discount, SessionLimit, TargetProduct, TierTerms
from guerdon.domain.command import (
    Adjust,
    CompleteFulfilment,
    Redeem,
    Redeemed,
    Refund,
    Release,
)
from guerdon.domain.errors import (
    InsufficientPoints,
    RedemptionStatusWrong,
    SessionLimitReached,
    TierExcluded,
    UnitsOutOfBounds,
    VariantInvalid,
    VariantRequired,
)
from guerdon.domain.ids import TierId
from guerdon.domain.redemption import Context, Redemption, Session
from tests.builders.shop import PROGRAM, make_reward, make_shop, make_tier
from tests.builders.state import World
from tests.builders.world import ANNA, BELA, REWARD, drift, make_world

CART = Session("cart", "ct-1")
JUG = TargetProduct(product_id="70", variant_ids=("701", "702"))
CUP = TargetProduct(product_id="80")


def world_with(*, points: int = 500, **reward: Any) -> World:
    tiers = (make_tier(1, 0), make_tier(2, 400))
    shop = make_shop(rewards=(make_reward(**reward),), tiers=tiers)
    world = make_world(shop, anna=0, bela=0)
    for member in (ANNA, BELA):
        # Points that count towards a tier.
        world.do(Adjust(program_id=PROGRAM, member=member, points=points))
    return world


def asking(session: Session | None = None, variant_id: str | None = None, **more: Any) -> Redeem:
    context = Context(session=session, variant_id=variant_id)
    facts = {"member": ANNA, "context": context, **more}
    return Redeem(program_id=PROGRAM, reward_id=REWARD, **facts)


def made(world: World, command: Redeem) -> Redemption:
    result = world.do(command)
    assert isinstance(result, Redeemed)
    return result.redemption


def test_what_was_chosen_is_kept_with_the_redemption() -> None:
    world = world_with()
    context = Context(
        session=CART, variant_id="5", attribution="a_banner", platform_action_id="act-9"
    )
    command = Redeem(program_id=PROGRAM, member=ANNA, reward_id=REWARD, context=context)
    assert made(world, command).context == context


def test_a_context_that_says_nothing_is_none() -> None:
    assert made(world_with(), asking()).context is None


def test_a_session_has_its_limit_whoever_takes() -> None:
    world = world_with(session_limit=SessionLimit(kind="cart", count=2))
    made(world, asking(CART))
    made(world, asking(CART, member=BELA))
    assert world.refuse(asking(CART)) == (SessionLimitReached(2),)
    # The kind of session does not make another one of it.
    assert world.refuse(asking(Session("checkout", "ct-1"))) == (SessionLimitReached(2),)
    made(world, asking(Session("cart", "ct-2")))
    made(world, asking(None))
    assert drift(world) == []


def test_a_session_has_its_limit_within_a_batch() -> None:
    world = world_with(session_limit=SessionLimit(kind="cart", count=1))
    first, second = world.run(asking(CART), asking(CART))
    assert type(first).__name__ == "Done"
    assert getattr(second, "refusals", None) == (SessionLimitReached(1),)


@pytest.mark.parametrize("way", ["refund", "release"])
def test_what_is_given_back_no_longer_counts_in_its_session(way: str) -> None:
    fulfil_by = "shopify" if way == "release" else "code"
    world = world_with(session_limit=SessionLimit(kind="cart", count=1), fulfil_by=fulfil_by)
    number = made(world, asking(CART)).id
    back = (
        Release(redemption_id=number, reason="failed")
        if way == "release"
        else Refund(redemption_id=number)
    )
    outcomes = world.run(asking(CART), back, asking(CART), asking(CART))
    assert [type(each).__name__ for each in outcomes] == ["Refused", "Done", "Done", "Refused"]
    assert drift(world) == []


def test_without_a_limit_a_session_does_not_matter() -> None:
    world = world_with()
    for _ in range(3):
        made(world, asking(CART))


@pytest.mark.parametrize(
    ("variant_id", "refusals"),
    [
        (None, (VariantRequired(),)),
        ("701", ()),
        ("702", ()),
        ("703", (VariantInvalid("703"),)),
        ("70", (VariantInvalid("70"),)),
        ("", (VariantInvalid(""),)),
        ("0701 ", (VariantInvalid("0701 "),)),
        ("9" * 19, (VariantInvalid("9" * 19),)),
        ("\u0667\u0660", (VariantInvalid("\u0667\u0660"),)),
    ],
)
def test_a_product_for_the_cart_is_of_one_of_its_variants(
    variant_id: str | None, refusals: tuple[object, ...]
) -> None:
    world = world_with(kind="product_cart", products=(JUG,))
    command = asking(variant_id=variant_id)
    if refusals:
        assert world.refuse(command) == refusals
    else:
        chosen = made(world, command).context
        assert chosen is not None
        assert chosen.variant_id == variant_id


def test_a_product_without_variants_is_for_all_of_them() -> None:
    reward = make_reward(kind="product_cart", products=(JUG, CUP))
    assert reward.takes_variant("999")
    assert reward.product_of("702") == JUG
    assert reward.product_of("999") == CUP


def test_a_reward_that_names_no_products_takes_the_variants_of_its_discount() -> None:
    named = Discount(type="free_product", variant_ids=("gid://shopify/ProductVariant/5", "6"))
    reward = make_reward(kind="product_cart", discount=named)
    assert [reward.takes_variant(each) for each in ("5", "6", "7")] == [True, True, False]
    assert make_reward(kind="product_cart", discount=None).takes_variant("7")


def test_who_chooses_nothing_gets_any_variant() -> None:
    world = world_with(kind="product_cart", products=(JUG,))
    assert made(world, Redeem(program_id=PROGRAM, member=ANNA, reward_id=REWARD)).context is None


def test_other_kinds_need_no_variant() -> None:
    made(world_with(kind="product_discount", products=(JUG,)), asking(variant_id="1"))
    made(world_with(kind="active_subscription_product", products=(JUG,)), asking())
    world = world_with(kind="active_subscription_product", products=(JUG,))
    assert world.refuse(asking(variant_id="1")) == (VariantInvalid("1"),)


def test_a_tier_pays_its_own_price_and_gets_that_back() -> None:
    terms = (TierTerms(tier_id=TierId(3002), points_cost=60),)
    world = world_with(tier_terms=terms, units_max=5)
    # 500 lifetime points are the second tier.
    redemption = made(world, asking(units=3))
    assert redemption.points_cost == 180
    assert world.refuse(asking(units=1_000))[-1] == InsufficientPoints(320, 60_000)
    world.do(Refund(redemption_id=redemption.id, units=1))
    assert world.redemptions[redemption.id].points_refunded == 60
    assert drift(world) == []


def test_a_tier_without_terms_pays_what_everybody_pays() -> None:
    terms = (TierTerms(tier_id=TierId(3002), points_cost=60), TierTerms(tier_id=TierId(3003)))
    assert made(world_with(points=300, tier_terms=terms), asking()).points_cost == 100
    reward = make_reward(tier_terms=terms)
    assert [reward.points_cost_for(TierId(3000 + n)) for n in (1, 2, 3)] == [100, 60, 100]
    assert reward.points_cost_for(None) == 100


def test_a_price_of_nothing_is_a_price() -> None:
    world = world_with(points=400, tier_terms=(TierTerms(tier_id=TierId(3002), points_cost=0),))
    assert made(world, asking()).points_cost == 0


def test_a_tier_can_be_left_out() -> None:
    world = world_with(tier_terms=(TierTerms(tier_id=TierId(3002), is_enabled=False),))
    assert world.refuse(asking()) == (TierExcluded(TierId(3002)),)
    poorer = world_with(points=399, tier_terms=world.catalogue.rewards[REWARD].tier_terms)
    made(poorer, asking())


def test_a_caller_may_narrow_the_units() -> None:
    world = world_with(units_max=5)
    assert world.refuse(asking(units=2, units_max=1)) == (UnitsOutOfBounds(2, 1, 1),)
    assert made(world, asking(units=1, units_max=1)).units == 1
    assert world.refuse(asking(units=6, units_max=9)) == (
        UnitsOutOfBounds(6, 1, 5),
        InsufficientPoints(400, 600),
    )


def test_what_was_handed_over_is_not_unused() -> None:
    world = world_with(fulfil_by="manual")
    number = made(world, asking()).id
    world.do(CompleteFulfilment(redemption_id=number))
    assert world.redemptions[number].fulfilled_at == world.now
    command = Refund(redemption_id=number, is_unused_only=True)
    assert world.refuse(command) == (RedemptionStatusWrong(number, "used"),)
    # Staff may give it back all the same.
    world.do(Refund(redemption_id=number))
    assert drift(world) == []
