"""Rewards as discounts: what Shopify ends up with, whatever happens on the way."""

import asyncio
import json
from typing import Any

import pytest
from msgspec.structs import replace

from guerdon.adapters.shopify.failures import AnswerLost
from guerdon.domain.catalogue import Discount
from guerdon.engine.ports import CodeTaken, Fulfilled, FulfilmentFailed, Handover
from tests.adapters.shopify.conftest import MakeSandbox
from tests.adapters.shopify.sandboxed import CODE, OURS, Sandboxed, in_days
from tests.builders.letters import make_member, make_redemption
from tests.builders.shop import make_reward, make_shop

CREATE = "discountCodeBasicCreate"
LOOK = "codeDiscountNodeByCode"


async def fulfil(sandbox: Sandboxed, handover: Handover) -> Fulfilled:
    return await sandbox.shopify.fulfillers["shopify"].fulfil(handover)


def terms_of(sandbox: Sandboxed) -> dict[str, Any]:
    """Give what the one discount of the shop was made with, with amounts and times as text."""
    (shop,) = sandbox.app.world.shops.values()
    (discount,) = shop.discounts.values()
    terms: dict[str, Any] = json.loads(json.dumps(discount.terms, default=str))
    return terms


def of(discount: Discount, kind: str = "cart_discount", **changes: Any) -> Any:
    return make_reward(fulfil_by="shopify", discount=discount, kind=kind, **changes)


async def test_an_amount_off_the_order_for_the_member_alone(sandbox: Sandboxed) -> None:
    reward = make_reward(fulfil_by="shopify", name="£10 voucher")
    ends_at = in_days(30)
    redemption = make_redemption(reward, created_at=in_days(0), expires_at=ends_at)
    fulfilled = await fulfil(sandbox, sandbox.handover(reward, redemption=redemption))
    (made,) = sandbox.discounts()
    assert fulfilled == Fulfilled(reference=made["id"])
    assert (made["code"], made["title"], made["status"]) == (CODE, "£10 voucher", "ACTIVE")
    assert made["tags"] == ["loyalty", OURS]
    terms = terms_of(sandbox)
    assert terms["context"] == {"customers": {"add": ["gid://shopify/Customer/7001"]}}
    assert (terms["usageLimit"], terms["appliesOncePerCustomer"]) == (1, True)
    assert terms["customerGets"]["value"]["discountAmount"]["amount"] == "10.00"
    subtotal = terms["minimumRequirement"]["subtotal"]["greaterThanOrEqualToSubtotal"]
    assert subtotal == "40.00"
    assert terms["endsAt"] == str(ends_at)


@pytest.mark.parametrize(
    ("reward", "expected"),
    [
        (of(Discount(type="percentage", percent_hundredths=1250)), ("BASIC", 0.125, "all")),
        (
            of(
                Discount(type="percentage", percent_hundredths=5000, collection_ids=("51",)),
                "collection_discount",
            ),
            ("BASIC", 0.5, "collections"),
        ),
        (
            of(
                Discount(type="percentage", percent_hundredths=10000, product_ids=("61", "62")),
                "product_discount",
            ),
            ("BASIC", 1.0, "products"),
        ),
        (
            of(Discount(type="free_product", variant_ids=("71",)), "product_cart"),
            ("BASIC", 1.0, "products"),
        ),
    ],
)
async def test_percentages_and_what_they_are_of(
    sandbox: Sandboxed, reward: Any, expected: tuple[str, float, str]
) -> None:
    await fulfil(sandbox, sandbox.handover(reward))
    gets = terms_of(sandbox)["customerGets"]
    (items,) = gets["items"]
    assert (gets["value"]["percentage"], items) == expected[1:]


async def test_a_free_product_with_a_price_is_free_once(sandbox: Sandboxed) -> None:
    discount = Discount(type="free_product", product_ids=("61",), amount_minor=1850)
    await fulfil(sandbox, sandbox.handover(of(discount)))
    value = terms_of(sandbox)["customerGets"]["value"]
    assert value["discountAmount"] == {"amount": "18.50", "appliesOnEachItem": False}


async def test_a_free_product_with_a_purchase_is_one_piece_of_it(sandbox: Sandboxed) -> None:
    discount = Discount(
        type="free_product",
        product_ids=("61",),
        buys_collection_ids=("51",),
        buys_quantity=2,
        combines_with=("shipping",),
    )
    await fulfil(sandbox, sandbox.handover(of(discount)))
    terms = terms_of(sandbox)
    (made,) = sandbox.discounts()
    assert made["kind"] == "bxgy"
    assert terms["usesPerOrderLimit"] == 1
    assert terms["customerBuys"]["value"] == {"quantity": 2}
    assert terms["customerGets"]["value"]["discountOnQuantity"]["quantity"] == 1
    assert terms["combinesWith"]["shippingDiscounts"] is True


async def test_a_free_product_with_a_spend_asks_for_the_spend(sandbox: Sandboxed) -> None:
    discount = Discount(
        type="free_product",
        product_ids=("61",),
        buys_product_ids=("62",),
        minimum_spend_minor=4000,
    )
    await fulfil(sandbox, sandbox.handover(of(discount)))
    assert terms_of(sandbox)["customerBuys"]["value"] == {"amount": "40.00"}


async def test_free_shipping_up_to_a_price(sandbox: Sandboxed) -> None:
    discount = Discount(
        type="free_shipping",
        shipping_max_minor=500,
        minimum_spend_minor=2000,
        combines_with=("order", "product", "shipping"),
    )
    await fulfil(sandbox, sandbox.handover(of(discount, "free_shipping")))
    terms = terms_of(sandbox)
    assert terms["maximumShippingPrice"] == "5.00"
    assert terms["destination"] == {"all": True}
    assert terms["combinesWith"] == {
        "orderDiscounts": True,
        "productDiscounts": True,
        "shippingDiscounts": False,
    }


@pytest.mark.parametrize(("cycles", "limit"), [(3, 3), (None, 0)])
async def test_a_subscription_is_discounted_for_so_many_orders(
    sandbox: Sandboxed, cycles: int | None, limit: int
) -> None:
    discount = Discount(type="percentage", percent_hundredths=1000, recurring_cycles_max=cycles)
    reward = of(discount, "active_subscription_discount")
    with pytest.raises(FulfilmentFailed, match="sells no subscriptions"):
        await fulfil(sandbox, sandbox.handover(reward))
    (shop,) = sandbox.app.world.shops.values()
    shop.settings.sells_subscriptions = True
    await fulfil(sandbox, sandbox.handover(reward))
    terms = terms_of(sandbox)
    assert terms["recurringCycleLimit"] == limit
    assert terms["customerGets"]["appliesOnSubscription"] is True
    assert terms["customerGets"]["appliesOnOneTimePurchase"] is False


async def test_units_multiply_an_amount_and_count_the_uses_of_anything_else(
    make_sandbox: MakeSandbox,
) -> None:
    amount = of(Discount(type="fixed_amount", amount_minor=100), "cart_variable_discount")
    percent = of(Discount(type="percentage", percent_hundredths=1000))
    for reward, uses, value in ((amount, 1, "7.00"), (percent, 7, None)):
        sandbox = await make_sandbox()
        redemption = make_redemption(reward, units=7, created_at=in_days(0))
        await fulfil(sandbox, sandbox.handover(reward, redemption=redemption))
        terms = terms_of(sandbox)
        assert terms["usageLimit"] == uses
        if value:
            assert terms["customerGets"]["value"]["discountAmount"]["amount"] == value


async def test_a_member_that_shopify_cannot_know_gets_a_code_for_whoever_has_it(
    sandbox: Sandboxed,
) -> None:
    await fulfil(sandbox, sandbox.handover(member=make_member(external_id="anna@shop")))
    assert terms_of(sandbox)["context"] == {"all": "ALL"}


async def test_yen_have_no_decimals(sandbox: Sandboxed) -> None:
    merchant = replace(make_shop().merchant, currency="JPY")
    await fulfil(sandbox, sandbox.handover(merchant=merchant))
    assert terms_of(sandbox)["customerGets"]["value"]["discountAmount"]["amount"] == "1000"


@pytest.mark.parametrize(
    "reward",
    [
        make_reward(discount=None),
        of(Discount(type="percentage", percent_hundredths=1000), "collection_discount"),
        of(Discount(type="percentage", percent_hundredths=1000), "product_discount"),
        of(Discount(type="free_product")),
        of(Discount(type="fixed_amount")),
        of(Discount(type="percentage")),
        of(Discount(type="fixed_amount", amount_minor=5, product_ids=("summer hat",))),
        of(
            Discount(type="fixed_amount", amount_minor=5, product_ids=("1",), collection_ids=("2",))
        ),
    ],
)
async def test_what_does_not_say_enough_is_refused_before_any_call(
    sandbox: Sandboxed, reward: Any
) -> None:
    with pytest.raises(FulfilmentFailed) as caught:
        await fulfil(sandbox, sandbox.handover(reward))
    assert caught.value.is_permanent
    assert sandbox.app.world.calls == []


async def test_a_repetition_finds_what_was_made(sandbox: Sandboxed) -> None:
    first = await fulfil(sandbox, sandbox.handover())
    again = await fulfil(sandbox, sandbox.handover(is_repeat=True))
    assert again == first
    assert sandbox.calls(CREATE) == 1


async def test_a_repetition_of_what_never_arrived_makes_it(sandbox: Sandboxed) -> None:
    await fulfil(sandbox, sandbox.handover(is_repeat=True))
    assert len(sandbox.discounts()) == 1


async def test_a_code_taken_by_ourselves_is_success(sandbox: Sandboxed) -> None:
    first = await fulfil(sandbox, sandbox.handover())
    assert await fulfil(sandbox, sandbox.handover()) == first
    assert sandbox.calls(CREATE) == 2
    assert len(sandbox.discounts()) == 1


@pytest.mark.parametrize("is_repeat", [False, True])
async def test_a_code_taken_by_a_stranger_asks_for_another(
    sandbox: Sandboxed, *, is_repeat: bool
) -> None:
    strangers = make_redemption(make_reward(), id=9, created_at=in_days(0))
    await fulfil(sandbox, sandbox.handover(redemption=strangers))
    with pytest.raises(CodeTaken):
        await fulfil(sandbox, sandbox.handover(is_repeat=is_repeat))
    await fulfil(sandbox, sandbox.handover(code="MAGE-OTHER1"))
    assert [each["code"] for each in sandbox.discounts()] == [CODE, "MAGE-OTHER1"]


async def test_a_code_whose_discount_has_ended_is_not_given_out(sandbox: Sandboxed) -> None:
    await fulfil(sandbox, sandbox.handover())
    await sandbox.shopify.fulfillers["shopify"].take_back(sandbox.handover())
    with pytest.raises(CodeTaken):
        await fulfil(sandbox, sandbox.handover(is_repeat=True))


async def test_an_answer_cut_off_after_the_act_is_looked_up_at_once(sandbox: Sandboxed) -> None:
    sandbox.fail("cut_after", CREATE)
    fulfilled = await fulfil(sandbox, sandbox.handover())
    (made,) = sandbox.discounts()
    assert fulfilled.reference == made["id"]


@pytest.mark.parametrize("fault", [{"kind": "cut_before"}, {"kind": "status", "status": 503}])
async def test_what_is_lost_and_not_found_is_unknown_until_asked_again(
    sandbox: Sandboxed, fault: dict[str, Any]
) -> None:
    sandbox.fail(match=CREATE, **fault)
    with pytest.raises(AnswerLost):
        await fulfil(sandbox, sandbox.handover())
    await fulfil(sandbox, sandbox.handover(is_repeat=True))
    assert len(sandbox.discounts()) == 1


async def test_a_time_out_is_unknown_and_the_repetition_finds_the_late_discount(
    make_sandbox: MakeSandbox,
) -> None:
    sandbox = await make_sandbox(answer_seconds=1.0)
    sandbox.fail("late", CREATE, seconds=2.0, acts_late=True)
    with pytest.raises(AnswerLost):
        await fulfil(sandbox, sandbox.handover())
    while not sandbox.discounts():
        await asyncio.sleep(0.05)
    fulfilled = await fulfil(sandbox, sandbox.handover(is_repeat=True))
    assert fulfilled.reference == sandbox.discounts()[0]["id"]
    assert len(sandbox.discounts()) == 1
    assert sandbox.calls(CREATE) == 1


async def test_a_look_that_fails_on_a_repetition_is_unknown_and_not_a_failure(
    sandbox: Sandboxed,
) -> None:
    sandbox.fail("status", LOOK, status=403)
    with pytest.raises(AnswerLost):
        await fulfil(sandbox, sandbox.handover(is_repeat=True))
    assert sandbox.calls(CREATE) == 0


async def test_what_shopify_refuses_is_a_failure_for_good(sandbox: Sandboxed) -> None:
    sandbox.fail("user_error", CREATE, code="INVALID", message="is no good")
    with pytest.raises(FulfilmentFailed, match="is no good") as caught:
        await fulfil(sandbox, sandbox.handover())
    assert caught.value.is_permanent
    assert not isinstance(caught.value, CodeTaken)


async def test_taking_back_ends_the_discount_once(sandbox: Sandboxed) -> None:
    fulfiller = sandbox.shopify.fulfillers["shopify"]
    await fulfiller.fulfil(sandbox.handover())
    await fulfiller.take_back(sandbox.handover())
    await fulfiller.take_back(sandbox.handover())
    (made,) = sandbox.discounts()
    assert made["status"] == "EXPIRED"
    assert sandbox.calls("discountCodeDeactivate") == 1


async def test_taking_back_what_was_never_made_or_is_a_strangers_does_nothing(
    sandbox: Sandboxed,
) -> None:
    fulfiller = sandbox.shopify.fulfillers["shopify"]
    await fulfiller.take_back(sandbox.handover())
    strangers = make_redemption(make_reward(), id=9, created_at=in_days(0))
    await fulfiller.fulfil(sandbox.handover(redemption=strangers))
    await fulfiller.take_back(sandbox.handover())
    (made,) = sandbox.discounts()
    assert made["status"] == "ACTIVE"


async def test_a_lost_answer_to_taking_back_is_a_failure_to_be_repeated(
    sandbox: Sandboxed,
) -> None:
    fulfiller = sandbox.shopify.fulfillers["shopify"]
    await fulfiller.fulfil(sandbox.handover())
    sandbox.fail("cut_after", "discountCodeDeactivate")
    with pytest.raises(FulfilmentFailed) as caught:
        await fulfiller.take_back(sandbox.handover())
    assert not caught.value.is_permanent
    await fulfiller.take_back(sandbox.handover())
    assert sandbox.discounts()[0]["status"] == "EXPIRED"
