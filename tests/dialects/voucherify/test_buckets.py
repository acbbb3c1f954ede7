"""Buckets: what waits for a day or expires with it, and what is done to it before."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from guerdon.domain.catalogue import PointType
from guerdon.domain.command import ChangeMember, Done, Earn
from guerdon.domain.ids import PointTypeId, RuleId
from guerdon.domain.member import MemberRef
from guerdon.domain.point_terms import Expiry
from guerdon.domain.terms import Period
from guerdon.engine.verifying import verify
from tests.builders.shop import POINT_TYPE, PROGRAM, make_rule, make_shop
from tests.builders.vouch import PROGRAM_ID, READ_KEYS, ServedVouch, problem_of
from tests.dialects.voucherify.conftest import ServeVouch

MEMBERS = f"/v2/loyalties/programs/{PROGRAM_ID}/members"
SOON = make_rule(1, points=10, approval_days=3)
LATE = make_rule(2, points=25, approval_days=9)
NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
ANA = MemberRef(external_id="C-1")


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


async def card_path(served: ServedVouch, member_id: str) -> str:
    told = (await served.client.get(f"{MEMBERS}/{member_id}")).json()
    return f"{MEMBERS}/{member_id}/cards/{told['cards'][0]['card']['id']}"


async def balance(served: ServedVouch, path: str) -> dict[str, int]:
    told = (await served.client.get(path.partition("/cards/")[0])).json()
    shown: dict[str, int] = told["cards"][0]["card"]["balance"]
    return shown


async def earn(served: ServedVouch, rule: Any, points: int) -> None:
    command = Earn(program_id=PROGRAM, member=ANA, rule_id=RuleId(rule.id), base_points=points)
    assert isinstance(await served.ledger.submit(served.shop.id, command), Done)


async def rows(served: ServedVouch, path: str, **query: str) -> list[dict[str, Any]]:
    answer = await served.client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


async def sound(served: ServedVouch) -> None:
    assert [*(await verify(served.pool)).drifts] == []


async def test_what_waits_is_listed_by_day(serve_shop: ServeVouch) -> None:
    clock = Clock()
    served = await serve_shop(make_shop(rules=(SOON, LATE)), now=clock)
    path = await card_path(served, await served.enrol())
    for rule, points in ((LATE, 25), (SOON, 10), (SOON, 4)):
        await earn(served, rule, points)
    found = await rows(served, f"{path}/pending-points")
    assert [(each["date"], each["points"]["total"]) for each in found] == [
        ("2026-06-13", 14),
        ("2026-06-19", 25),
    ]
    assert set(found[0]) == {
        "id",
        "card_id",
        "card_definition_id",
        "program_id",
        "card_type",
        "member_id",
        "points",
        "status",
        "date",
        "type",
        "created_at",
        "updated_at",
        "object",
    }
    assert (found[0]["type"], found[0]["status"]) == ("PERIOD_BASED", "PENDING")
    assert found[0]["object"] == "card_pending_points_bucket"
    assert found[0]["id"].startswith("lcppb_")
    falling = await rows(served, f"{path}/pending-points", order="-date", limit="1")
    assert [each["date"] for each in falling] == ["2026-06-19"]
    first = (await served.client.get(f"{path}/pending-points", params={"limit": 1})).json()
    rest = await rows(served, f"{path}/pending-points", limit="1", cursor=first["cursor"]["next"])
    assert [each["date"] for each in rest] == ["2026-06-19"]
    # On its own day a bucket is not shown any more.
    clock.now = NOW + timedelta(days=3)
    assert [each["date"] for each in await rows(served, f"{path}/pending-points")] == ["2026-06-19"]


async def test_what_waits_is_credited_or_cancelled_before_its_day(serve_shop: ServeVouch) -> None:
    clock = Clock()
    served = await serve_shop(make_shop(rules=(SOON, LATE)), now=clock)
    path = await card_path(served, await served.enrol())
    for rule, points in ((SOON, 10), (SOON, 4), (LATE, 25)):
        await earn(served, rule, points)
    soon, late = await rows(served, f"{path}/pending-points")
    act = f"{path}/pending-points/{soon['id']}/activate"
    headers = {"Idempotency-Key": "k"}
    answer = await served.client.post(act, headers=headers)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["status"], told["message"]) == (
        "TRANSACTION_CREATED",
        "Points activation transaction created",
    )
    transaction = told["transaction"]
    assert (transaction["type"], transaction["status"]) == ("PENDING_POINTS_ACTIVATED", "PENDING")
    assert transaction["details"]["reason"] == "Manual points activation"
    assert transaction["details"]["points"]["total"] == 14
    assert transaction["details"]["points"]["date"] == "2026-06-13"
    assert (await served.client.post(act, headers=headers)).json() == told
    assert await balance(served, path) == {"points": 14, "pending_points": 25}
    problem = problem_of(await served.client.post(act))
    assert (problem["code"], problem["key"]) == (423, "invalid_pending_points_bucket_status")
    assert problem["details"] == (
        "Pending points bucket must be in PENDING status in order to be activated"
    )
    answer = await served.client.post(f"{path}/pending-points/{late['id']}/cancel")
    told = answer.json()
    assert told["message"] == "Points cancellation transaction created"
    assert told["transaction"]["type"] == "PENDING_POINTS_CANCELED"
    assert told["transaction"]["details"]["reason"] == "Manual points cancellation"
    assert await balance(served, path) == {"points": 14, "pending_points": 0}
    listed = await rows(served, f"{path}/transactions")
    assert listed[0]["id"] == told["transaction"]["id"]
    assert transaction["id"] in {each["id"] for each in listed}
    await sound(served)


async def test_of_pending_points_each_refusal_is_told(serve_shop: ServeVouch) -> None:
    clock = Clock()
    served = await serve_shop(make_shop(rules=(SOON,)), now=clock)
    path = await card_path(served, await served.enrol())
    other = await card_path(served, await served.enrol("C-2", email=None))
    await earn(served, SOON, 10)
    (bucket,) = await rows(served, f"{path}/pending-points")
    for wrong in (
        f"{other}/pending-points/{bucket['id']}",
        f"{path}/pending-points/{bucket['id'][:-8]}20260614",
        f"{path}/pending-points/{bucket['id'][:-8]}99991231",
        f"{path}/pending-points/{bucket['id'][:-8]}00010101",
        f"{path}/pending-points/lcppb_x",
        f"{path}/pending-points/{bucket['id'].replace('lcppb_', 'lcpeb_')}",
    ):
        problem = problem_of(await served.client.post(f"{wrong}/activate"))
        assert (problem["code"], problem["resource_type"]) == (404, "card_pending_points_bucket")
        assert problem["resource_id"] == wrong.rpartition("/")[2]
    act = f"{path}/pending-points/{bucket['id']}"
    assert (await served.client.post(f"{act}/cancel", headers=READ_KEYS)).status_code == 403
    await served.ledger.submit(
        served.shop.id, ChangeMember(program_id=PROGRAM, member=ANA, is_frozen=True)
    )
    problem = problem_of(await served.client.post(f"{act}/cancel"))
    assert (problem["key"], problem["message"]) == (
        "non_active_member",
        "Cannot cancel member's card pending points when member status is not ACTIVE",
    )
    clock.now = NOW + timedelta(days=3, hours=-1)
    problem = problem_of(await served.client.post(f"{act}/cancel"))
    assert (problem["code"], problem["key"]) == (423, "bucket_not_eligible_for_manual_cancellation")
    assert problem["message"] == "Manual cancellation not available"


async def test_what_expires_is_listed_and_expired_before_its_day(serve_shop: ServeVouch) -> None:
    clock = Clock()
    served = await serve_shop(make_shop(points_expiry_days=30), now=clock)
    member_id = await served.enrol(points=50)
    path = await card_path(served, member_id)
    clock.now = NOW + timedelta(days=2)
    await served.client.post(f"{path}/points", json={"points": 20})
    found = await rows(served, f"{path}/expiring-points")
    assert [(each["expiration_date"], each["points"]["total"]) for each in found] == [
        ("2026-07-10", 50),
        ("2026-07-12", 20),
    ]
    assert set(found[0]) == {
        "id",
        "card_id",
        "card_definition_id",
        "program_id",
        "card_type",
        "member_id",
        "customer_id",
        "points",
        "status",
        "expiration_date",
        "expiration_type",
        "created_at",
        "updated_at",
        "object",
    }
    assert (found[0]["expiration_type"], found[0]["status"]) == ("ROLLING_EXPIRATION", "ACTIVE")
    filtered = await rows(
        served,
        f"{path}/expiring-points",
        **{"filters[expiration_date][conditions][$after]": "2026-07-11"},
    )
    assert [each["points"]["total"] for each in filtered] == [20]
    act = f"{path}/expiring-points/{found[0]['id']}/expire"
    answer = await served.client.post(act, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["message"] == "Points expiration transaction created"
    assert told["transaction"]["type"] == "ADMIN_POINTS_EXPIRATION"
    assert told["transaction"]["details"]["reason"] == "Manual points expiration"
    bucket = told["transaction"]["details"]["bucket"]
    assert (bucket["id"], bucket["points"]["total"]) == (found[0]["id"], 50)
    assert await balance(served, path) == {"points": 20, "pending_points": 0}
    again = await served.client.post(act, headers={"Idempotency-Key": "k"})
    assert again.json() == told
    problem = problem_of(await served.client.post(act))
    assert (problem["code"], problem["key"]) == (423, "invalid_points_bucket_status")
    problem = problem_of(
        await served.client.post(f"{path}/expiring-points/{found[0]['id'][:-8]}20260711/expire")
    )
    assert (problem["code"], problem["resource_type"]) == (404, "card_points_bucket")
    clock.now = NOW + timedelta(days=33)
    problem = problem_of(
        await served.client.post(f"{path}/expiring-points/{found[1]['id']}/expire")
    )
    assert (problem["code"], problem["key"]) == (423, "bucket_not_eligible_for_manual_expiration")
    assert await rows(served, f"{path}/expiring-points") == []
    await sound(served)


async def test_sliding_points_are_in_the_bucket_of_the_day_that_comes_if_nothing_is_done(
    serve_shop: ServeVouch,
) -> None:
    clock = Clock()
    shop = make_shop(rules=(make_rule(1, points=10),))
    sliding = PointType(
        id=PointTypeId(POINT_TYPE),
        slug="points",
        name="Points",
        expiry=Expiry(kind="sliding", period=Period(2, "month"), resets_on=("earning",)),
    )
    served = await serve_shop(replace(shop, point_type=sliding), now=clock)
    path = await card_path(served, await served.enrol(points=50))
    (bucket,) = await rows(served, f"{path}/expiring-points")
    assert (bucket["expiration_date"], bucket["expiration_type"]) == (
        "2026-08-10",
        "SLIDING_EXPIRATION",
    )
    clock.now = NOW + timedelta(days=10)
    await earn(served, make_rule(1), 7)
    (bucket,) = await rows(served, f"{path}/expiring-points")
    assert (bucket["expiration_date"], bucket["points"]["total"]) == ("2026-08-20", 57)
    told = (await served.client.get(path.partition("/cards/")[0])).json()
    assert told["cards"][0]["card"]["next_expiration"] == {"points": 57, "date": "2026-08-20"}
    answer = await served.client.post(f"{path}/expiring-points/{bucket['id']}/expire")
    assert answer.status_code == 200, answer.text
    assert await balance(served, path) == {"points": 0, "pending_points": 0}
    await sound(served)


async def test_points_that_do_not_expire_are_in_no_bucket(served: ServedVouch) -> None:
    path = await card_path(served, await served.enrol(points=50))
    assert await rows(served, f"{path}/expiring-points") == []
