"""Gift cards and store credit: money, so made once or not at all."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from guerdon.adapters.shopify.failures import AnswerLost
from guerdon.adapters.shopify.gift_cards import gift_card_code
from guerdon.adapters.shopify.store_credit import marked_expiry
from guerdon.domain.catalogue import Discount
from guerdon.domain.delivery import Delivered
from guerdon.engine.ports import CodeTaken, Destination, Fulfilled, FulfilmentFailed, Handover
from tests.adapters.shopify.sandboxed import OURS, Sandboxed, in_days
from tests.builders.letters import make_letter, make_member, make_redemption
from tests.builders.shop import make_reward

CARD = make_reward(
    kind="gift_card",
    fulfil_by="gift_card",
    discount=Discount(type="fixed_amount", amount_minor=2500),
)
CREDIT = make_reward(
    fulfil_by="store_credit", discount=Discount(type="fixed_amount", amount_minor=2500)
)
CODE = "MAGE-7QH2ZPKM"
CREATE = "giftCardCreate"
GIVE = "storeCreditAccountCredit"


def card_of(sandbox: Sandboxed, **changes: Any) -> Handover:
    return sandbox.handover(CARD, **{"code": CODE, **changes})


async def fulfil(sandbox: Sandboxed, handover: Handover) -> Fulfilled:
    return await sandbox.shopify.fulfillers[handover.reward.fulfil_by].fulfil(handover)


async def take_back(sandbox: Sandboxed, handover: Handover) -> None:
    await sandbox.shopify.fulfillers[handover.reward.fulfil_by].take_back(handover)


async def test_a_gift_card_has_our_code_and_says_for_which_redemption(sandbox: Sandboxed) -> None:
    redemption = make_redemption(CARD, units=2, created_at=in_days(0), expires_at=in_days(90))
    fulfilled = await fulfil(sandbox, card_of(sandbox, redemption=redemption))
    (card,) = sandbox.state()["gift_cards"]
    assert fulfilled == Fulfilled(code="MAGE7QH2ZPKM", reference=card["id"])
    assert (card["code"].upper(), card["note"], card["customer"]) == ("MAGE7QH2ZPKM", OURS, 7001)
    assert (card["amount"], card["currency"]) == ("50.0", "GBP")
    assert card["expires_on"] == in_days(90).date().isoformat()


async def test_a_gift_card_is_made_once(sandbox: Sandboxed) -> None:
    first = await fulfil(sandbox, card_of(sandbox))
    assert await fulfil(sandbox, card_of(sandbox, is_repeat=True)) == first
    assert await fulfil(sandbox, card_of(sandbox)) == first
    sandbox.fail("cut_after", CREATE)
    other = make_redemption(CARD, id=6002, created_at=in_days(0))
    await fulfil(sandbox, card_of(sandbox, redemption=other, code="MAGE-OTHERONE"))
    assert len(sandbox.state()["gift_cards"]) == 2


async def test_a_strangers_gift_card_asks_for_another_code(sandbox: Sandboxed) -> None:
    strangers = make_redemption(CARD, id=9, created_at=in_days(0))
    await fulfil(sandbox, card_of(sandbox, redemption=strangers))
    with pytest.raises(CodeTaken):
        await fulfil(sandbox, card_of(sandbox))


async def test_a_gift_card_that_is_there_but_not_found_yet_is_unknown(sandbox: Sandboxed) -> None:
    message = "Code has already been taken"
    sandbox.fail("user_error", CREATE, field=["input", "code"], message=message)
    with pytest.raises(AnswerLost):
        await fulfil(sandbox, card_of(sandbox, is_repeat=True))


async def test_a_gift_card_above_the_shops_limit_is_refused_for_good(sandbox: Sandboxed) -> None:
    sandbox.fail("user_error", CREATE, code="GIFT_CARD_LIMIT_EXCEEDED", message="too much")
    with pytest.raises(FulfilmentFailed, match="too much") as caught:
        await fulfil(sandbox, card_of(sandbox))
    assert caught.value.is_permanent


async def test_a_gift_card_is_ended_once_and_a_strangers_never(sandbox: Sandboxed) -> None:
    await take_back(sandbox, card_of(sandbox))
    await fulfil(sandbox, card_of(sandbox))
    other = make_redemption(CARD, id=9, created_at=in_days(0))
    await take_back(sandbox, card_of(sandbox, redemption=other))
    assert [card["enabled"] for card in sandbox.state()["gift_cards"]] == [True]
    await take_back(sandbox, card_of(sandbox))
    await take_back(sandbox, card_of(sandbox))
    assert [card["enabled"] for card in sandbox.state()["gift_cards"]] == [False]
    assert sandbox.calls("giftCardDeactivate") == 1


async def test_a_gift_card_refunded_at_once_is_ended_before_it_can_be_found(
    sandbox: Sandboxed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shopify's search is brought up to date a little late; the refund does not come again."""
    redemption = make_redemption(CARD, created_at=in_days(0))
    handover = card_of(sandbox, redemption=redemption)
    given = await fulfil(sandbox, handover)
    monkeypatch.setattr("guerdon.sandbox.shopify.gift_cards._matches", lambda *_: False)
    refunded = replace(redemption, status="void", code=given.code)
    letter = make_letter("redemption.refunded", reward=CARD, redemption=refunded)
    letter = replace(letter, reference=given.reference)
    destination = Destination(
        name="shopify", merchant=handover.merchant, connected=handover.connected
    )
    assert await sandbox.shopify.courier.carry(destination, [letter]) == [Delivered()]
    assert [card["enabled"] for card in sandbox.state()["gift_cards"]] == [False]
    await take_back(sandbox, replace(handover, reference=given.reference))


def test_a_gift_cards_code_keeps_its_end_and_is_never_guessable() -> None:
    assert gift_card_code("Shelf_Club-ABCDEFGHJKLMNPQR") == "CLUBABCDEFGHJKLMNPQR"
    with pytest.raises(FulfilmentFailed) as caught:
        gift_card_code("AB-1234")
    assert caught.value.is_permanent


def credit_of(sandbox: Sandboxed, **changes: Any) -> Handover:
    given = {"connected": sandbox.connected(store_credit="true"), **changes}
    return sandbox.handover(CREDIT, **given)


def entries(sandbox: Sandboxed) -> list[dict[str, Any]]:
    accounts = sandbox.state()["store_credit"]
    return [entry for account in accounts for entry in account["transactions"]]


def long_ago() -> Any:
    """Make a redemption of two minutes ago, after which nothing is under way any more."""
    return make_redemption(CREDIT, created_at=datetime.now(UTC) - timedelta(minutes=2))


async def test_store_credit_is_off_unless_it_is_turned_on(sandbox: Sandboxed) -> None:
    with pytest.raises(FulfilmentFailed, match="off") as caught:
        await fulfil(sandbox, sandbox.handover(CREDIT))
    assert caught.value.is_permanent
    assert sandbox.app.world.calls == []


async def test_store_credit_is_given_with_the_mark_of_its_redemption(sandbox: Sandboxed) -> None:
    handover = credit_of(sandbox)
    await fulfil(sandbox, handover)
    (entry,) = entries(sandbox)
    assert entry["amount"] == "25.0"
    expires_at = datetime.fromisoformat(entry["expires_at"])
    assert expires_at == marked_expiry(handover)


def test_the_mark_is_never_sooner_than_promised_and_differs_by_redemption(
    sandbox: Sandboxed,
) -> None:
    marks = set()
    for number in range(200):
        promised = in_days(30)
        redemption = make_redemption(CREDIT, id=number, expires_at=promised)
        mark = marked_expiry(credit_of(sandbox, redemption=redemption))
        assert promised < mark <= promised + timedelta(days=2)
        marks.add(mark)
    assert len(marks) > 190


async def test_store_credit_whose_answer_was_lost_is_found_and_not_given_again(
    sandbox: Sandboxed,
) -> None:
    sandbox.fail("cut_after", GIVE)
    redemption = long_ago()
    await fulfil(sandbox, credit_of(sandbox, redemption=redemption))
    await fulfil(sandbox, credit_of(sandbox, redemption=redemption, is_repeat=True))
    assert len(entries(sandbox)) == 1


async def test_store_credit_that_is_not_found_is_given_again_only_after_a_quiet_while(
    sandbox: Sandboxed,
) -> None:
    sandbox.fail("cut_before", GIVE)
    with pytest.raises(AnswerLost):
        await fulfil(sandbox, credit_of(sandbox))
    with pytest.raises(AnswerLost, match="too early"):
        await fulfil(sandbox, credit_of(sandbox, is_repeat=True))
    assert entries_or_none(sandbox) == []
    await fulfil(sandbox, credit_of(sandbox, redemption=long_ago(), is_repeat=True))
    assert len(entries(sandbox)) == 1


def entries_or_none(sandbox: Sandboxed) -> list[dict[str, Any]]:
    return entries(sandbox) if sandbox.state() else []


async def test_two_credits_with_one_mark_are_for_a_person_to_look_at(sandbox: Sandboxed) -> None:
    redemption = long_ago()
    await fulfil(sandbox, credit_of(sandbox, redemption=redemption))
    await fulfil(sandbox, credit_of(sandbox, redemption=redemption))
    with pytest.raises(AnswerLost, match="person"):
        await fulfil(sandbox, credit_of(sandbox, redemption=redemption, is_repeat=True))
    assert len(entries(sandbox)) == 2


async def test_store_credit_is_not_taken_back_by_itself_and_that_is_said(
    sandbox: Sandboxed,
) -> None:
    redemption = long_ago()
    await take_back(sandbox, credit_of(sandbox, redemption=redemption))
    await fulfil(sandbox, credit_of(sandbox, redemption=redemption))
    with pytest.raises(FulfilmentFailed, match="by hand") as caught:
        await take_back(sandbox, credit_of(sandbox, redemption=redemption))
    assert caught.value.is_permanent
    assert len(entries(sandbox)) == 1


async def test_store_credit_needs_a_customer(sandbox: Sandboxed) -> None:
    handover = credit_of(sandbox, member=make_member(external_id="anna"))
    with pytest.raises(FulfilmentFailed) as caught:
        await fulfil(sandbox, handover)
    assert caught.value.is_permanent
