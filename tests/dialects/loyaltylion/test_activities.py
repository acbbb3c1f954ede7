"""Activities told, refused and listed; and what signing up is worth."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from guerdon.domain.command import ChangeMember
from tests.builders.lion import ServedLion, basic, details_of, error_of
from tests.builders.lion_activities import (
    OK,
    PURCHASE,
    REVIEW,
    SIGNUP,
    activity_body,
    change,
    judge,
    post,
)
from tests.builders.lion_orders import (
    NOON_TEXT,
    Body,
    Clock,
    figures,
    listed,
    pool_of,
    states,
    tell,
)
from tests.builders.shop import PROGRAM, make_rule, make_shop

ServeLion = Callable[..., Awaitable[ServedLion]]


@pytest.fixture
async def club(serve_shop: ServeLion) -> ServedLion:
    """A shop that gives points for becoming a member."""
    return await serve_shop(make_shop(rules=(SIGNUP, REVIEW)), now=Clock())


# -- told ------------------------------------------------------------------------------------


async def test_activity_is_listed_whole(desk: ServedLion) -> None:
    await post(
        desk,
        merchant_id="R-7",
        properties={"url": "https://shop.example/p/1"},
        date="2026-02-28T10:00:00Z",
        ip_address="192.0.2.4",
        user_agent="Browser",
        referral_id="ref",
        tracking_id="track",
        guest=False,
        state="pending",
    )
    response = await desk.client.get("/v2/activities")
    member_id = await pool_of(desk).fetchval("SELECT id FROM members")
    earning_id = await pool_of(desk).fetchval("SELECT id FROM earnings")
    assert response.status_code == 200
    assert response.json() == {
        "activities": [
            {
                "id": earning_id,
                "merchant_id": "R-7",
                "value": 50,
                "state": "approved",
                "customer": {
                    "id": member_id,
                    "merchant_id": "C-1",
                    "email": "ana@shop.example",
                    "points_pending": 0,
                    "points_approved": 50,
                    "points_spent": 0,
                },
                "created_at": NOON_TEXT,
                "rule": {"id": REVIEW.id, "name": "review", "title": "Write a review"},
            }
        ],
        "cursor": {"prev": None, "next": None},
    }
    kept = await pool_of(desk).fetchval("SELECT metadata FROM earnings")
    assert kept == (
        '{"properties":{"url":"https://shop.example/p/1"},"date":"2026-02-28T10:00:00.000Z"}'
    )


async def test_orders_are_activities_of_the_rules_they_earned_by(desk: ServedLion) -> None:
    await tell(desk, customer_id="C-9")
    (activity,) = await listed(desk, "activities")
    assert activity["merchant_id"] == "1001"
    assert activity["rule"] == {"id": PURCHASE.id, "name": "$purchase", "title": "Purchase"}
    assert (activity["value"], activity["state"]) == (90, "approved")


@pytest.mark.parametrize(
    ("name", "state", "points"),
    [
        ("review", "approved", 50),
        ("$review", "approved", 50),
        ("survey", "pending", 20),
        ("$birthday", "approved", 5),
    ],
)
async def test_rules_are_found_by_name(
    desk: ServedLion, name: str, state: str, points: int
) -> None:
    await post(desk, name=name)
    assert await states(desk) == [(state, points)]


@pytest.mark.parametrize("name", ["off", "unheard-of", "$unheard-of", "$purchase", "$signup"])
async def test_name_without_a_rule_awards_nothing(desk: ServedLion, name: str) -> None:
    await post(desk, name=name, merchant_id="X-1")
    assert await states(desk) == []
    # Whoever does something is known from then on.
    assert await figures(desk) == (0, 0, 0)
    status, _ = await judge(desk, f"{name}/X-1", "void")
    assert status == 404


async def test_same_id_counts_once(desk: ServedLion) -> None:
    for _ in range(3):
        await post(desk, merchant_id="R-7")
    assert await states(desk) == [("approved", 50)]
    # Without an id each counts, and another rule has ids of its own.
    await post(desk)
    await post(desk)
    await post(desk, name="survey", merchant_id="R-7")
    # Somebody else's id is not taken over.
    await post(desk, merchant_id="R-7", customer_id="C-2")
    assert await figures(desk) == (150, 20, 150)
    assert await figures(desk, "C-2") == (0, 0, 0)


async def test_same_id_at_once_counts_once(desk: ServedLion) -> None:
    await asyncio.gather(*(post(desk, merchant_id="R-7") for _ in range(12)))
    await asyncio.gather(*(post(desk, merchant_id=f"S-{n % 3}") for n in range(12)))
    assert await figures(desk) == (200, 0, 200)
    assert await pool_of(desk).fetchval("SELECT count(*) FROM members") == 1


async def test_numbers_are_ids_too(desk: ServedLion) -> None:
    await post(desk, customer_id=17, merchant_id=4)
    (activity,) = await listed(desk, "activities")
    assert (activity["customer"]["merchant_id"], activity["merchant_id"]) == ("17", "4")
    assert await judge(desk, "review/4", "void") == OK


@pytest.mark.parametrize("guest", [True, False, None])
async def test_guest_or_not_the_customer_becomes_known(desk: ServedLion, guest: Any) -> None:
    await post(desk, guest=guest)
    assert await figures(desk) == (50, 0, 50)


async def test_rule_that_counts_once_counts_once(serve_shop: ServeLion) -> None:
    rule = make_rule(1, action_key="follow", points=30, is_once=True)
    served = await serve_shop(make_shop(rules=(rule,)))
    for number in range(3):
        await post(served, name="follow", merchant_id=f"F-{number}")
    assert await figures(served) == (30, 0, 30)


async def test_blocked_customer_gets_nothing(desk: ServedLion) -> None:
    ref = await desk.enrol()
    change = ChangeMember(program_id=PROGRAM, member=ref, is_frozen=True)
    await desk.ledger.submit(desk.shop.id, change)
    await post(desk)
    assert await figures(desk) == (0, 0, 0)


async def test_program_that_is_off_takes_nobody_in(serve_shop: ServeLion) -> None:
    served = await serve_shop(make_shop(rules=(REVIEW,), status="inactive"))
    await post(served)
    await post(served, name="unheard-of")
    assert await pool_of(served).fetchval("SELECT count(*) FROM members") == 0


async def test_clients_of_the_vendor(desk: ServedLion) -> None:
    body = activity_body(customer_id="17", guest=False, merchant_id="R-1", date=None)
    response = await desk.client.post("/v2/activities", json=body, headers=basic())
    assert (response.status_code, response.content) == (201, b"")
    response = await desk.client.put(
        "/v2/activities/review/R-1", json={"state": "void"}, headers=basic()
    )
    assert (response.status_code, response.content) == OK
    assert await states(desk) == [("void", 50)]


# -- signing up ------------------------------------------------------------------------------


async def test_signing_up_is_had_once_and_goes_by_the_shops_id(club: ServedLion) -> None:
    await post(club, name="$signup", merchant_id="S-1")
    assert await figures(club) == (100, 0, 100)
    (activity,) = await listed(club, "activities")
    assert activity["merchant_id"] == "S-1"
    assert activity["rule"] == {"id": SIGNUP.id, "name": "$signup", "title": "Join"}
    await post(club, name="$signup", merchant_id="S-2")
    await post(club, name="$signup")
    assert await figures(club) == (100, 0, 100)
    assert [each["merchant_id"] for each in await listed(club, "activities")] == ["S-1"]
    assert (await judge(club, "$signup/S-2", "void"))[0] == 404
    assert await judge(club, "$signup/S-1", "void") == OK
    assert await figures(club) == (0, 0, 0)


async def test_who_is_a_member_already_has_signed_up(club: ServedLion) -> None:
    await post(club, merchant_id="R-1")
    assert await figures(club) == (150, 0, 150)
    await post(club, name="$signup", merchant_id="S-1")
    assert await figures(club) == (150, 0, 150)
    assert await judge(club, "%24signup/S-1", "void") == OK
    assert await figures(club) == (50, 0, 50)


async def test_id_of_somebodys_signing_up_is_not_given_twice(club: ServedLion) -> None:
    customers = [f"C-{number}" for number in range(6)]
    await asyncio.gather(
        *(post(club, name="$signup", merchant_id="S-1", customer_id=each) for each in customers)
    )
    named = [each["merchant_id"] for each in await listed(club, "activities")]
    assert sorted(map(str, named)) == ["None"] * 5 + ["S-1"]
    assert [await figures(club, each) for each in customers] == [(100, 0, 100)] * 6


async def test_member_of_before_the_rule_signs_up_late(club: ServedLion) -> None:
    await change(club, replace(SIGNUP, is_active=False))
    await club.enrol()
    assert await figures(club) == (0, 0, 0)
    await change(club, SIGNUP)
    await post(club, name="$signup", merchant_id="S-1")
    await post(club, name="$signup", merchant_id="S-1")
    assert await figures(club) == (100, 0, 100)


# -- refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "details"),
    [
        ({"name": ""}, ["name"]),
        ({"name": None}, ["name"]),
        ({"customer_id": ""}, ["customer_id"]),
        ({"customer_id": -4}, ["customer_id"]),
        ({"customer_email": None}, ["customer_email"]),
        ({"customer_email": " "}, ["customer_email"]),
        ({"customer_email": "ana"}, ["customer_email"]),
        ({"customer_email": "änna@shop.example"}, ["customer_email"]),
        ({"merchant_id": ""}, ["merchant_id"]),
        ({"merchant_id": "x" * 256}, ["merchant_id"]),
        ({"properties": []}, ["properties"]),
        ({"properties": {"a": "x" * 17_000}}, ["properties"]),
        ({"date": "soon"}, ["date"]),
        ({"guest": 3}, ["guest"]),
    ],
)
async def test_wrong_field_is_named(desk: ServedLion, changes: Body, details: list[str]) -> None:
    response = await desk.client.post("/v2/activities", json=activity_body(**changes))
    assert list(details_of(response)) == details
    assert await pool_of(desk).fetchval("SELECT count(*) FROM members") == 0


async def test_what_is_missing_is_named(desk: ServedLion) -> None:
    response = await desk.client.post("/v2/activities", json={})
    assert details_of(response) == dict.fromkeys(
        ("name", "customer_id", "customer_email"), "required"
    )
    await post(desk, merchant_id="R-1")
    response = await desk.client.put("/v2/activities/review/R-1", json={})
    assert details_of(response) == {"state": "required"}
    response = await desk.client.put("/v2/activities/review/R-1", json={"state": "pending"})
    assert list(details_of(response)) == ["state"]


async def test_scopes(desk: ServedLion) -> None:
    headers = await desk.add_key("read_customers", "write_orders")
    response = await desk.client.post("/v2/activities", json=activity_body(), headers=headers)
    assert response.status_code == 403
    response = await desk.client.put(
        "/v2/activities/review/R-1", json={"state": "void"}, headers=headers
    )
    assert response.status_code == 403
    assert (await desk.client.get("/v2/activities", headers=headers)).status_code == 200


# -- repeated --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["review", "survey", "unheard-of"])
async def test_key_makes_a_repetition_the_same(desk: ServedLion, name: str) -> None:
    headers = {"Idempotency-Key": "a-1"}
    body = activity_body(name=name)
    first = await desk.client.post("/v2/activities", json=body, headers=headers)
    assert first.status_code == 201
    assert "idempotent-replayed" not in first.headers
    before = await figures(desk)
    again = await desk.client.post("/v2/activities", json=body, headers=headers)
    assert (again.status_code, again.content) == (201, b"")
    assert again.headers["idempotent-replayed"] == "true"
    assert await figures(desk) == before
    other = activity_body(name=name, customer_id="C-2")
    conflict = await desk.client.post("/v2/activities", json=other, headers=headers)
    assert error_of(conflict)[:2] == (409, "idempotency_key_conflict")
    assert await pool_of(desk).fetchval("SELECT count(*) FROM members") == 1


# -- listed ----------------------------------------------------------------------------------


async def test_pages_and_filters(desk: ServedLion) -> None:
    clock = desk.ledger.runtime.now
    assert isinstance(clock, Clock)
    for number in range(5):
        await post(desk, merchant_id=f"R-{number}", customer_id=f"C-{number % 2}")
        clock.now += timedelta(hours=1)
    assert await judge(desk, "review/R-1", "void") == OK

    async def names(**query: Any) -> list[str]:
        response = await desk.client.get("/v2/activities", params=query)
        assert response.status_code == 200, response.text
        return [each["merchant_id"] for each in response.json()["activities"]]

    assert await names() == ["R-4", "R-3", "R-2", "R-1", "R-0"]
    assert await names(since_id=0, limit=2) == ["R-0", "R-1"]
    assert await names(limit=2, page=3) == ["R-0"]
    assert await names(created_at_min="2026-03-01T14:00:00.250Z") == ["R-4", "R-3", "R-2"]
    # The end does not belong to a span.
    assert await names(created_at_max="2026-03-01T14:00:00.250Z") == ["R-1", "R-0"]
    assert await names(updated_at_min="2026-03-01T16:30:00Z") == ["R-1"]
    assert await names(updated_at_max="2026-03-01T12:00:00.251Z") == ["R-0"]
    seen, query = [], {"limit": "2", "created_at_min": "2026-03-01T12:30:00Z"}
    while query:
        response = await desk.client.get("/v2/activities", params=query)
        seen += [each["merchant_id"] for each in response.json()["activities"]]
        following = response.json()["cursor"]["next"]
        query = {"limit": "2", "cursor": following} if following else {}
    assert seen == ["R-4", "R-3", "R-2", "R-1"]
    wrong = await desk.client.get("/v2/activities", params={"limit": 501})
    assert list(details_of(wrong)) == ["limit"]


async def test_poller_misses_nothing_while_activities_come(serve_shop: ServeLion) -> None:
    served = await serve_shop(make_shop(rules=(REVIEW,)))
    is_over = asyncio.Event()
    seen: list[str] = []

    async def poll() -> None:
        last = 0
        while True:
            ends = is_over.is_set()
            query = {"since_id": last, "limit": 5}
            rows = (await served.client.get("/v2/activities", params=query)).json()["activities"]
            seen.extend(row["merchant_id"] for row in rows)
            last = rows[-1]["id"] if rows else last
            if ends and not rows:
                return

    async def write(writer: int) -> None:
        for number in range(10):
            await post(served, merchant_id=f"{writer}-{number}", customer_id=f"C-{writer}")

    polling = asyncio.create_task(poll())
    await asyncio.gather(*(write(writer) for writer in range(6)))
    is_over.set()
    await polling
    assert sorted(seen) == sorted(f"{w}-{n}" for w in range(6) for n in range(10))


async def test_only_the_keys_own_program_is_listed(desk: ServedLion) -> None:
    await post(desk, merchant_id="R-1")
    await pool_of(desk).execute("UPDATE earnings SET program_id = 99")
    assert await listed(desk, "activities") == []


async def test_more_callers_than_connections_read_changed_offers(desk: ServedLion) -> None:
    await post(desk, merchant_id="R-1")
    await pool_of(desk).execute("UPDATE sequences SET catalogue_version = catalogue_version + 1")
    # Whoever holds a connection must not wait for another one to read the offers by.
    async with asyncio.timeout(30):
        pages = await asyncio.gather(*(listed(desk, "activities") for _ in range(25)))
    assert all(page == pages[0] for page in pages)
