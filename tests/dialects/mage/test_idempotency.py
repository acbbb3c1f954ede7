"""A write sent twice under one Idempotency-Key is done once, and answered the same."""

import asyncio

import httpx
import pytest

from guerdon.dialects.mage.translate import dress
from guerdon.domain.command import Done, MarkUsed, Redeem, Refund
from guerdon.domain.ids import RedemptionId
from guerdon.domain.integration import IntegrationKind
from guerdon.domain.member import MemberRef
from guerdon.engine import redeeming
from guerdon.engine.ports import Fulfilled, FulfilmentFailed, Handover
from tests.builders.http import Served, error_of, everything
from tests.builders.integration import connect_platform
from tests.builders.shop import PROGRAM, make_reward, make_shop
from tests.dialects.mage.conftest import Serve

_KEY = "order-1187:voucher"


class Platform:
    """A platform that hands over, fails, stays silent or falls over, as it is told."""

    platform: IntegrationKind = "shopify"

    def __init__(self, mood: str = "works") -> None:
        self.mood = mood
        self.asked: list[str | None] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def fulfil(self, handover: Handover) -> Fulfilled:
        assert (handover.merchant.slug, handover.member.external_id) == ("shop-1", "7001")
        assert (handover.reward.id, handover.redemption.status) == (1001, "pending")
        assert handover.connected.secrets == {"token": "a-token"}
        self.asked.append(handover.code)
        await self.gate.wait()
        if self.mood == "fails":
            raise FulfilmentFailed("no route to the shop")
        if self.mood == "falls over":
            raise RuntimeError("a defect in the adapter")
        return Fulfilled(code="CHOSEN-BY-SHOP" if self.mood == "chooses" else None)

    async def take_back(self, handover: Handover) -> None:
        raise AssertionError(f"{handover.code} is taken back in a request")


async def _serve(
    serve_shop: Serve, platform: Platform, points: int = 250, fulfil_seconds: float = 8.0
) -> Served:
    served = await serve_shop(
        make_shop(rewards=(make_reward(fulfil_by="shopify"),)),
        fulfillers={"shopify": platform},
        fulfil_seconds=fulfil_seconds,
    )
    await connect_platform(served.ledger.runtime, served.shop.id)
    await served.enrol(points=points)
    return served


def _told(response: httpx.Response) -> tuple[int, bytes, bool]:
    return response.status_code, response.content, "idempotent-replayed" in response.headers


async def test_repeat_gets_the_first_answer(served: Served) -> None:
    await served.enrol(points=250)
    first = await served.purchase(Idempotency_Key=_KEY)
    assert _told(first)[::2] == (201, False)
    before = await everything(served.pool)
    again = await served.purchase(Idempotency_Key=_KEY)
    assert _told(again) == (201, first.content, True)
    assert again.headers["idempotent-replayed"] == "true"
    assert await everything(served.pool) == before


async def test_repeat_reads_as_on_the_first_day(served: Served) -> None:
    await served.enrol(points=250)
    first = await served.purchase(Idempotency_Key=_KEY)
    redemption_id = RedemptionId(int(first.json()["data"]["id"][3:], 36))
    await served.ledger.submit(served.shop.id, MarkUsed(redemption_id=redemption_id))
    again = await served.purchase(Idempotency_Key=_KEY)
    assert again.content == first.content


async def test_spacing_and_order_of_the_body_do_not_matter(served: Served) -> None:
    await served.enrol(points=250)
    url = f"/v1/rewards/{dress('reward', 1001)}/purchase"
    headers = {"Idempotency-Key": _KEY}
    first = await served.client.post(
        url, content=b'{"customer_identifier":"7001","a":1}', headers=headers
    )
    again = await served.client.post(
        url + "/", content=b' {"a": 1, "customer_identifier": "7001" }\n', headers=headers
    )
    assert _told(again) == (201, first.content, True)


async def test_many_at_once_are_one(served: Served) -> None:
    await served.enrol(points=10_000)
    answers = await asyncio.gather(*(served.purchase(Idempotency_Key=_KEY) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert (await served.customer())["redeemed_points"] == 100


async def test_other_request_under_the_key_is_a_conflict(served: Served) -> None:
    await served.enrol(points=250)
    await served.purchase(Idempotency_Key=_KEY)
    before = await everything(served.pool)
    for url, body in (
        (f"/v1/rewards/{dress('reward', 1001)}/purchase", {"customer_identifier": "7002"}),
        (f"/v1/rewards/{dress('reward', 1002)}/purchase", {"customer_identifier": "7001"}),
        ("/v1/customers/7001/points", {"adjustment": 5}),
        ("/v1/customers", {"shopify_customer_id": "9", "email": "x@y.example"}),
    ):
        response = await served.client.post(url, json=body, headers={"Idempotency-Key": _KEY})
        assert error_of(response) == (
            409,
            "Conflict",
            "Idempotency-Key was used before with a different request",
        )
    assert await everything(served.pool) == before


@pytest.mark.parametrize("key", [b"", b"x" * 256, b"a b", b"\xc3\xa9", b"a\tb"])
async def test_key_has_a_form(served: Served, key: bytes) -> None:
    await served.enrol(points=250)
    response = await served.client.post(
        f"/v1/rewards/{dress('reward', 1001)}/purchase",
        json={"customer_identifier": "7001"},
        headers={b"Idempotency-Key": key},
    )
    assert error_of(response) == (
        400,
        "Bad Request",
        "Idempotency-Key must be one value of 1 to 255 visible ASCII characters",
    )


async def test_two_keys_in_one_request_are_refused(served: Served) -> None:
    await served.enrol(points=250)
    response = await served.client.post(
        f"/v1/rewards/{dress('reward', 1001)}/purchase",
        json={"customer_identifier": "7001"},
        headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "b")],
    )
    assert response.status_code == 400


async def test_refusal_is_not_kept(served: Served) -> None:
    ref = await served.enrol(points=99)
    assert (await served.purchase(Idempotency_Key=_KEY)).status_code == 422
    response = await served.client.post("/v1/customers/7001/points", json={"adjustment": 1})
    assert response.status_code == 200
    assert (await served.purchase(Idempotency_Key=_KEY)).status_code == 201
    assert ref == MemberRef(external_id="7001")


async def test_platform_hands_over(serve_shop: Serve) -> None:
    platform = Platform()
    served = await _serve(serve_shop, platform)
    response = await served.purchase()
    assert response.status_code == 201
    assert platform.asked == [response.json()["data"]["attributes"]["discount_code"]]
    assert (await served.customer())["current_points"] == 150


async def test_platform_may_choose_the_code(serve_shop: Serve) -> None:
    served = await _serve(serve_shop, Platform("chooses"))
    first = await served.purchase(Idempotency_Key=_KEY)
    assert first.json()["data"]["attributes"]["discount_code"] == "CHOSEN-BY-SHOP"
    again = await served.purchase(Idempotency_Key=_KEY)
    assert _told(again) == (201, first.content, True)


async def test_platform_down_is_503_and_changes_nothing(serve_shop: Serve) -> None:
    platform = Platform("fails")
    served = await _serve(serve_shop, platform)
    before = await served.customer()
    response = await served.purchase()
    assert error_of(response) == (503, "Service Unavailable", "Unable to connect to Shopify")
    after = await served.customer()
    assert after | {"updated_at": ""} == before | {"updated_at": ""}
    history = await served.client.get("/v1/customers/7001/reward-history")
    assert history.json()["meta"]["total"] == 0
    platform.mood = "works"
    assert (await served.purchase()).status_code == 201
    assert (await served.customer())["current_points"] == 150


async def test_no_platform_is_as_good_as_a_platform_down(serve_shop: Serve) -> None:
    served = await serve_shop(make_shop(rewards=(make_reward(fulfil_by="shopify"),)))
    await served.enrol(points=250)
    assert (await served.purchase()).status_code == 503
    assert (await served.customer())["current_points"] == 250


async def test_released_purchase_runs_again_under_its_key(serve_shop: Serve) -> None:
    platform = Platform("fails")
    served = await _serve(serve_shop, platform)
    for _ in range(3):
        assert (await served.purchase(Idempotency_Key=_KEY)).status_code == 503
    platform.mood = "works"
    bought = await served.purchase(Idempotency_Key=_KEY)
    assert _told(bought)[::2] == (201, False)
    assert len(set(platform.asked)) == 4
    assert bought.json()["data"]["attributes"]["discount_code"] == platform.asked[3]
    again = await served.purchase(Idempotency_Key=_KEY)
    assert _told(again) == (201, bought.content, True)
    assert len(platform.asked) == 4
    assert (await served.customer())["current_points"] == 150


async def test_released_purchase_is_run_again_by_one_of_many(serve_shop: Serve) -> None:
    platform = Platform("fails")
    served = await _serve(serve_shop, platform, points=1000)
    assert (await served.purchase(Idempotency_Key=_KEY)).status_code == 503
    platform.mood = "works"
    answers = await asyncio.gather(*(served.purchase(Idempotency_Key=_KEY) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len(platform.asked) == 2
    assert (await served.customer())["current_points"] == 900


async def test_released_key_still_belongs_to_its_request(serve_shop: Serve) -> None:
    served = await _serve(serve_shop, Platform("fails"))
    await served.purchase(Idempotency_Key=_KEY)
    response = await served.purchase(customer="a@shop.example", Idempotency_Key=_KEY)
    assert response.status_code == 409


async def test_repeat_waits_for_the_one_under_way(serve_shop: Serve) -> None:
    platform = Platform()
    served = await _serve(serve_shop, platform)
    platform.gate.clear()
    first = asyncio.create_task(served.purchase(Idempotency_Key=_KEY))
    second = asyncio.create_task(served.purchase(Idempotency_Key=_KEY))
    while not platform.asked:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    assert not first.done()
    assert not second.done()
    platform.gate.set()
    answers = [await first, await second]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert len(platform.asked) == 1


@pytest.mark.parametrize("mood", ["silent", "falls over"])
async def test_unknown_outcome_is_no_by_the_end_of_the_time(serve_shop: Serve, mood: str) -> None:
    """The points come back; what the platform may have made is a worker's to take back."""
    platform = Platform(mood)
    served = await _serve(serve_shop, platform, fulfil_seconds=0.3)
    if mood == "silent":
        platform.gate.clear()
    for tries in (1, 2):
        response = await served.purchase(Idempotency_Key=_KEY)
        assert error_of(response) == (503, "Service Unavailable", "Unable to connect to Shopify")
        assert len(set(platform.asked)) == tries
        assert (await served.customer())["current_points"] == 250
    left = await everything(served.pool, "fulfilments")
    assert len(left["fulfilments"]) == 2
    history = await served.client.get("/v1/customers/7001/reward-history")
    assert history.json()["meta"]["total"] == 0


async def test_caller_who_goes_away_does_not_stop_the_hand_over(serve_shop: Serve) -> None:
    platform = Platform()
    served = await _serve(serve_shop, platform)
    platform.gate.clear()
    command = Redeem(
        program_id=PROGRAM,
        member=MemberRef(external_id="7001"),
        reward_id=served.shop.rewards[0].id,
    )
    call = asyncio.create_task(redeeming.redeem(served.ledger, served.shop.id, command))
    while not platform.asked:
        await asyncio.sleep(0.01)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    platform.gate.set()
    while redeeming._under_way:
        await asyncio.sleep(0.01)
    history = await served.client.get("/v1/customers/7001/reward-history")
    assert history.json()["data"][0]["attributes"]["status"] == "active"


async def test_a_key_fails_only_so_often(
    serve_shop: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redeeming, "ATTEMPTS_MAX", 2)
    platform = Platform("fails")
    served = await _serve(serve_shop, platform)
    for _ in range(3):
        assert (await served.purchase(Idempotency_Key=_KEY)).status_code == 503
    assert len(platform.asked) == 2


async def test_refunded_purchase_is_not_run_again(serve_shop: Serve) -> None:
    served = await _serve(serve_shop, Platform())
    bought = await served.purchase(Idempotency_Key=_KEY)
    redemption_id = RedemptionId(int(bought.json()["data"]["id"][3:], 36))
    refund = Refund(redemption_id=redemption_id)
    assert isinstance(await served.ledger.submit(served.shop.id, refund), Done)
    again = await served.purchase(Idempotency_Key=_KEY)
    assert _told(again) == (201, bought.content, True)
    assert (await served.customer())["current_points"] == 250
