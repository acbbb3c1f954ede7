"""Claimed rewards taken back, listed and shown; and rivals who want one to end otherwise."""

import asyncio

import pytest

from guerdon.domain.command import CompleteFulfilment, Done, ExpireRedemption, MarkUsed, Refund
from guerdon.domain.ids import RedemptionId
from tests.builders.http import Clock, everything
from tests.builders.lion import ServedLion, basic, details_of, error_of
from tests.builders.lion_claims import (
    CLAIMED_KEYS,
    claim,
    claims_of,
    look,
    points,
    refund,
    rows,
)
from tests.builders.shop import make_reward, make_shop
from tests.dialects.loyaltylion.conftest import ServeLion


async def test_a_refund_is_one_more_entry(served: ServedLion) -> None:
    await served.enrol(points=300)
    claimed = await claim(served)
    assert (await refund(served, claimed)).status_code == 200
    found = await rows(
        served, "SELECT kind, points FROM entries WHERE redemption_id IS NOT NULL ORDER BY id"
    )
    assert found == [("redeemed", -100), ("refunded", 100)]
    found = await rows(
        served, "SELECT kind FROM events WHERE redemption_id = $1 ORDER BY id", claimed["id"]
    )
    assert found == [("redemption.approved",), ("redemption.refunded",)]


async def test_a_pair_may_refund_and_a_reader_may_not(served: ServedLion) -> None:
    await served.enrol(points=300)
    claimed = await claim(served)
    headers = await served.add_key("read_customers", "write_orders")
    assert error_of(await refund(served, claimed, **headers))[:2] == (403, "forbidden")
    assert (await refund(served, claimed, **basic())).status_code == 200


async def test_all_that_was_charged_comes_back_in_one(serve_shop: ServeLion) -> None:
    reward = make_reward(kind="custom", discount=None, fulfil_by="manual", units_max=5)
    served = await serve_shop(make_shop(rewards=(reward,)))
    await served.enrol(points=500)
    claimed = await claim(served, multiplier=5)
    assert await points(served) == (0, 500)
    assert (await refund(served, claimed)).json()["claimed_reward"]["point_cost"] == 500
    assert await points(served) == (500, 0)


async def test_what_staff_gave_back_in_part_gives_back_the_rest(serve_shop: ServeLion) -> None:
    reward = make_reward(kind="custom", discount=None, fulfil_by="manual", units_max=5)
    served = await serve_shop(make_shop(rewards=(reward,)))
    await served.enrol(points=500)
    claimed = await claim(served, multiplier=5)
    part = Refund(redemption_id=RedemptionId(claimed["id"]), units=2)
    assert isinstance(await served.ledger.submit(served.shop.id, part), Done)
    assert (await look(served, claimed))["state"] == "approved"
    assert (await refund(served, claimed)).status_code == 200
    assert await points(served) == (500, 0)


@pytest.mark.parametrize("number", ["0", "-1", "1.5", "x", "", "9007199254740992", "1" * 40])
async def test_a_number_that_is_none_is_refused(served: ServedLion, number: str) -> None:
    await served.enrol(points=300)
    response = await served.client.post(f"{claims_of()}/{number}/refund")
    if number:
        assert details_of(response) == {"claimed_reward_id": "expected integer from 1 up"}
    else:
        assert response.status_code == 404


async def test_only_the_customers_own_can_be_named(served: ServedLion) -> None:
    await served.enrol(points=300)
    await served.enrol("C-2", "bo@shop.example", points=300)
    claimed = await claim(served)
    before = await everything(served.pool)
    assert error_of(await refund(served, claimed, "C-2")) == (
        404,
        "not_found",
        f"Claimed reward '{claimed['id']}' not found",
    )
    assert error_of(await refund(served, claimed, "nobody"))[2] == "Customer 'nobody' not found"
    response = await served.client.get(f"{claims_of('C-2')}/{claimed['id']}")
    assert error_of(response)[0] == 404
    # The numbers of other things are no claimed rewards.
    for number in (1001, claimed["id"] + 1, 2**53 - 1):
        response = await served.client.post(f"{claims_of()}/{number}/refund")
        assert error_of(response)[0] == 404
    assert await everything(served.pool) == before


async def test_a_refused_refund_changes_nothing(served: ServedLion) -> None:
    await served.enrol(points=300)
    claimed = await claim(served)
    used = MarkUsed(redemption_id=RedemptionId(claimed["id"]))
    assert isinstance(await served.ledger.submit(served.shop.id, used), Done)
    before = await everything(served.pool)
    assert error_of(await refund(served, claimed)) == (
        422,
        "reward_already_used",
        "Reward was used already",
    )
    assert await everything(served.pool) == before


async def test_the_same_key_refunds_once(served: ServedLion) -> None:
    await served.enrol(points=300)
    claimed = await claim(served)
    headers = {"Idempotency-Key": "back"}
    first, second = [await refund(served, claimed, **headers) for _ in range(2)]
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.content == second.content
    assert second.headers["idempotent-replayed"] == "true"


# -- rivals -------------------------------------------------------------------------------------


async def test_of_many_refunds_at_once_one_is_done(served: ServedLion) -> None:
    await served.enrol(points=300)
    claimed = await claim(served)
    answers = await asyncio.gather(*(refund(served, claimed) for _ in range(20)))
    assert sorted(each.status_code for each in answers) == [200] + [422] * 19
    assert {error_of(each)[1] for each in answers if each.status_code == 422} == {
        "reward_already_refunded"
    }
    assert await points(served) == (300, 0)


@pytest.mark.parametrize("rival", ["used", "handed over"])
async def test_a_refund_against_a_use_has_one_winner(serve_shop: ServeLion, rival: str) -> None:
    reward = make_reward(kind="custom", discount=None, fulfil_by="manual")
    served = await serve_shop(make_shop(rewards=(reward,)))
    await served.enrol(points=2000)
    winners = set()
    for turn in range(10):
        claimed = await claim(served)
        number = RedemptionId(claimed["id"])
        command = (
            MarkUsed(redemption_id=number)
            if rival == "used"
            else CompleteFulfilment(redemption_id=number)
        )

        async def use(command: MarkUsed | CompleteFulfilment = command) -> object:
            return await served.ledger.submit(served.shop.id, command)

        acts = [refund(served, claimed), use()]
        refunded, used = await asyncio.gather(*(acts if turn % 2 else acts[::-1]))
        if turn % 2 == 0:
            refunded, used = used, refunded
        was_refunded = getattr(refunded, "status_code", None) == 200
        assert was_refunded is not isinstance(used, Done)
        winners.add(was_refunded)
        shown = await look(served, claimed)
        assert shown["state"] == ("void" if was_refunded else "approved")
    available, spent = await points(served)
    assert available + spent == 2000
    assert winners


async def test_a_refund_against_the_end_of_its_time_has_one_winner(serve_shop: ServeLion) -> None:
    clock = Clock()
    served = await serve_shop(make_shop(rewards=(make_reward(expiry_days=1),)), now=clock)
    await served.enrol(points=300)
    claimed = await claim(served)
    clock.advance(days=1)
    expire = ExpireRedemption(redemption_id=RedemptionId(claimed["id"]))
    response, _ = await asyncio.gather(
        refund(served, claimed), served.ledger.submit(served.shop.id, expire)
    )
    assert error_of(response)[:2] == (422, "reward_not_refundable")
    assert await points(served) == (200, 100)


# -- lists --------------------------------------------------------------------------------------


async def test_claims_are_listed_in_pages_the_newest_first(served: ServedLion) -> None:
    await served.enrol(points=700)
    await served.enrol("C-2", "bo@shop.example", points=300)
    made = []
    for _ in range(5):
        made.append((await claim(served))["id"])
        await claim(served, customer="C-2") if len(made) < 3 else None
    await refund(served, {"id": made[1]})
    seen: list[int] = []
    response = await served.client.get(claims_of(), params={"limit": 2})
    while True:
        body = response.json()
        assert list(body) == ["claimed_rewards", "cursor"]
        assert all(list(each) == CLAIMED_KEYS for each in body["claimed_rewards"])
        seen += [each["id"] for each in body["claimed_rewards"]]
        if body["cursor"]["next"] is None:
            break
        assert 'rel="next"' in response.headers["link"]
        query = {"limit": 2, "cursor": body["cursor"]["next"]}
        response = await served.client.get(claims_of(), params=query)
    assert seen == made[::-1]
    query = {"cursor": body["cursor"]["prev"], "limit": 2}
    before = (await served.client.get(claims_of(), params=query)).json()
    assert [each["id"] for each in before["claimed_rewards"]] == made[::-1][2:4]
    since = (await served.client.get(claims_of(), params={"since_id": made[1]})).json()
    assert [each["id"] for each in since["claimed_rewards"]] == made[2:]
    states = {
        each["id"]: each["state"]
        for each in (await served.client.get(claims_of())).json()["claimed_rewards"]
    }
    assert states.pop(made[1]) == "void"
    assert set(states.values()) == {"approved"}


async def test_a_list_of_nothing_is_empty(served: ServedLion) -> None:
    await served.enrol()
    response = await served.client.get(claims_of())
    assert response.json() == {"claimed_rewards": [], "cursor": {"prev": None, "next": None}}
    assert error_of(await served.client.get(claims_of("nobody")))[0] == 404


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "cursor=x", "since_id=-1"])
async def test_a_wrong_page_is_named(served: ServedLion, query: str) -> None:
    await served.enrol()
    response = await served.client.get(f"{claims_of()}?{query}")
    assert list(details_of(response)) == [query.split("=", maxsplit=1)[0]]
