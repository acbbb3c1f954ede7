"""Loyalty cards of the older API: shown, listed, given, funded, and what happened on them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from guerdon.dialects.voucherify.ids import write_id
from guerdon.domain.command import Done, Leave
from guerdon.domain.member import MemberRef
from guerdon.domain.point_terms import CodeForm
from guerdon.engine.verifying import verify
from tests.builders.shop import PROGRAM, make_point_type, make_reward, make_shop
from tests.builders.vouch import READ_KEYS, ServedVouch, error_of
from tests.dialects.voucherify.conftest import ServeVouch

CAMPAIGN = write_id("campaign", PROGRAM)


async def give_card(served: ServedVouch, source_id: str = "C-1", points: int = 0) -> str:
    """Make a customer a member, with points, and give the code of the card."""
    body = {"customer": {"source_id": source_id, "name": "Ana Bell"}}
    given = await served.client.post(f"/v1/loyalties/{CAMPAIGN}/members", json=body)
    assert given.status_code == 200, given.text
    code: str = given.json()["code"]
    if points:
        await adjust(served, code, points=points)
    return code


async def adjust(served: ServedVouch, code: str, **body: object) -> dict[str, Any]:
    adjusted = await served.client.post(f"/v1/loyalties/members/{code}/balance", json=body)
    assert adjusted.status_code == 200, adjusted.text
    answered: dict[str, Any] = adjusted.json()
    return answered


async def show(served: ServedVouch, code: str) -> dict[str, Any]:
    shown = await served.client.get(f"/v1/loyalties/members/{code}")
    assert shown.status_code == 200, shown.text
    card: dict[str, Any] = shown.json()
    return card


async def entries(served: ServedVouch) -> int:
    async with served.pool.acquire() as connection:
        count: int = await connection.fetchval("SELECT count(*) FROM entries")
    return count


async def test_a_card_is_shown_whole(served: ServedVouch) -> None:
    code = await give_card(served, points=500)
    await adjust(served, code, points=-20)
    card = await show(served, code)
    assert (card.pop("created_at"), card.pop("updated_at")) != (None, None)
    assert card.pop("id").startswith("v_")
    assert card == {
        "code": code,
        "campaign": "Main",
        "campaign_id": CAMPAIGN,
        "category": None,
        "category_id": None,
        "categories": [],
        "type": "LOYALTY_CARD",
        "discount": None,
        "gift": None,
        "loyalty_card": {
            "points": 500,
            "balance": 480,
            "next_expiration_date": None,
            "next_expiration_points": None,
            "pending_points": 0,
            "expired_points": 0,
            "subtracted_points": 20,
        },
        "start_date": None,
        "expiration_date": None,
        "validity_timeframe": None,
        "validity_day_of_week": None,
        "validity_hours": None,
        "active": True,
        "additional_info": None,
        "metadata": {},
        "assets": None,
        "is_referral_code": False,
        "holder_id": served.customer_id("C-1"),
        "redemption": {
            "quantity": None,
            "redeemed_quantity": 0,
            "redeemed_points": 0,
            "object": "list",
            "url": None,
        },
        "publish": {"object": "list", "count": 1, "url": None},
        "validation_rules_assignments": {
            "object": "list",
            "data_ref": "data",
            "data": [],
            "total": 0,
        },
        "object": "voucher",
    }


async def test_cards_and_campaigns_that_are_not_there(served: ServedVouch) -> None:
    code = await give_card(served)
    mistyped = code[:-1] + ("2" if code[-1] != "2" else "3")
    for path, kind, named in (
        (f"members/{mistyped}", "voucher", mistyped),
        ("members/x%00y", None, None),
        (f"{CAMPAIGN}/members/{mistyped}", "voucher", mistyped),
        (f"Other/members/{code}", "campaign", "Other"),
        (f"camp_{1:018x}/members/{code}", "campaign", f"camp_{1:018x}"),
        ("lprg_1/members", "campaign", "lprg_1"),
    ):
        missing = await served.client.get(f"/v1/loyalties/{path}")
        assert error_of(missing)[:2] == (404, "not_found"), path
        assert missing.json().get("resource_type") == kind
        assert missing.json().get("resource_id") == named


async def test_cards_of_point_types_with_a_form_have_codes_of_it(serve_shop: ServeVouch) -> None:
    form = CodeForm(pattern="##########", charset="0123456789", prefix="G-")
    gems = make_point_type(1, code=form)
    reward = make_reward(1, point_type_id=gems.id)
    served = await serve_shop(make_shop(rewards=(reward,), point_types=(gems,)))
    await give_card(served, points=500)
    async with served.pool.acquire() as connection:
        code = await connection.fetchval("SELECT code FROM wallets WHERE code IS NOT NULL")
    assert code.startswith("G-")
    assert (await adjust(served, code, points=150))["balance"] == 150
    listed = await served.client.get(f"/v1/loyalties/members/{code}/rewards?affordable_only=true")
    reward_id = listed.json()["data"][0]["reward"]["id"]
    path = f"/v1/loyalties/members/{code}/redemption"
    taken = await served.client.post(path, json={"reward": {"id": reward_id}})
    assert taken.json()["voucher"]["loyalty_card"]["balance"] == 50
    # The member's other card does not pay for it, however many points there are.
    default = (await served.client.get(f"/v1/loyalties/{CAMPAIGN}/members")).json()["vouchers"][0]
    assert default["code"] != code
    path = f"/v1/loyalties/members/{default['code']}/redemption"
    refused = await served.client.post(path, json={"reward": {"id": reward_id}})
    assert refused.json()["resource_type"] == "reward"
    assert refused.status_code == 404
    offered = await served.client.get(f"/v1/loyalties/members/{default['code']}/rewards")
    assert offered.json()["data"] == []


async def test_giving_a_card_makes_a_member_once(served: ServedVouch) -> None:
    path = f"/v1/loyalties/{CAMPAIGN}/members"
    body = {"customer": {"source_id": "C-9", "email": "Zoe@Shop.Example", "name": "Zoe Fern"}}
    first = await served.client.post(path, json=body | {"metadata": {"via": "till"}})
    assert first.json()["metadata"] == {"via": "till"}
    again = await served.client.post(path, json={"customer": {"id": first.json()["holder_id"]}})
    assert again.json()["id"] == first.json()["id"]
    nameless = await served.client.post(path, json={"customer": {}})
    assert nameless.json()["holder_id"] != first.json()["holder_id"]
    for refused, wanted in (
        ({}, (400, "invalid_payload", "Payload must have required property 'customer'")),
        ({"customer": {"id": "cust_00"}}, (404, "not_found", None)),
        ({"customer": {"source_id": "~1"}}, (400, "invalid_payload", None)),
        (body | {"voucher": first.json()["code"]}, (400, "voucher_already_published", None)),
        (body | {"voucher": "NEW-CODE"}, (404, "not_found", None)),
        (body | {"colour": 1}, (400, "invalid_payload", None)),
        (body | {"source_id": "x"}, (400, "invalid_payload", None)),
    ):
        answered = error_of(await served.client.post(path, json=refused))
        assert answered[:2] == wanted[:2], refused
        assert wanted[2] in (None, answered[2])
    listed = (await served.client.get(path)).json()
    assert (listed["total"], len(listed["vouchers"])) == (2, 2)


async def test_cards_are_listed_as_asked(served: ServedVouch) -> None:
    codes = [await give_card(served, f"C-{number}") for number in range(4)]
    await adjust(served, codes[1], points=10)
    path = f"/v1/loyalties/{CAMPAIGN}/members"

    async def listed(query: str) -> list[int]:
        answered = await served.client.get(f"{path}?{query}")
        assert answered.status_code == 200, answered.text
        return [codes.index(row["code"]) for row in answered.json()["vouchers"]]

    assert await listed("") == [0, 1, 2, 3]
    assert await listed("order=-created_at&limit=2") == [3, 2]
    assert await listed("order=-created_at&limit=2&page=2") == [1, 0]
    assert (await listed("order=-updated_at"))[0] == 1
    assert await listed("customer=C-2") == [2]
    assert await listed(f"customer={served.customer_id('C-2')}") == [2]
    assert await listed("customer=nobody") == []
    assert await listed(f"code={codes[3]}") == [3]
    card_id = (await show(served, codes[2]))["id"]
    assert await listed(f"ids={card_id}") == [2]
    assert await listed("ids[0]=v_0") == []
    assert await listed("created_at[before]=2020-01-01T00:00:00Z") == []
    assert await listed("created_at[after]=2020-01-01T00:00:00Z") == [0, 1, 2, 3]
    for query, said in (
        ("limit=101", "Property .limit cannot be greater than 100"),
        ("page=0", "Property .page cannot be lower than 1"),
        ("order=code", None),
        ("colour=red", "Query must NOT have additional properties ('colour')"),
        ("created_at[before]=soon", None),
    ):
        refused = error_of(await served.client.get(f"{path}?{query}"))
        assert refused[:2] == (400, "invalid_query_params"), query
        assert said in (None, refused[2])


async def test_points_are_added_until_the_day_that_is_said(serve_shop: ServeVouch) -> None:
    served = await serve_shop(make_shop(points_expiry_days=30))
    code = await give_card(served)
    day = (datetime.now(UTC) + timedelta(days=10)).date()
    await adjust(served, code, points=10, expiration_type="PROGRAM_RULES")
    await adjust(
        served, code, points=20, expiration_type="CUSTOM_DATE", expiration_date=day.isoformat()
    )
    await adjust(served, code, points=40, expiration_type="NON_EXPIRING")
    card = (await show(served, code))["loyalty_card"]
    assert (card["next_expiration_date"], card["next_expiration_points"]) == (day.isoformat(), 20)
    path = f"/v1/loyalties/{CAMPAIGN}/members/{code}/points-expiration"
    listed = (await served.client.get(path)).json()
    assert [row["bucket"]["total_points"] for row in listed["data"]] == [20, 10]
    assert (listed["total"], listed["data"][0]["expires_at"]) == (2, day.isoformat())
    assert listed["data"][0]["id"].startswith("lopb_")
    second = (await served.client.get(f"{path}?limit=1&page=2")).json()
    assert second["data"] == listed["data"][1:]
    assert (await verify(served.pool)).drifts == []


async def test_balances_that_cannot_be(served: ServedVouch) -> None:
    code = await give_card(served, points=100)
    before = await entries(served)
    path = f"/v1/loyalties/{CAMPAIGN}/members/{code}/balance"
    for body, said in (
        ({"points": 0}, "Property .points must be an integer in range, and not 0"),
        ({"points": 1.5}, "Property .points must be integer"),
        ({}, "Payload must have required property 'points'"),
        ({"points": 5, "expiration_type": "CUSTOM_DATE"}, None),
        ({"points": 5, "expiration_date": "2099-01-01"}, None),
        (
            {"points": 5, "expiration_type": "CUSTOM_DATE", "expiration_date": "2020-01-01"},
            "Property .expiration_date must be in the future",
        ),
        ({"points": -5, "expiration_type": "NON_EXPIRING"}, None),
        ({"points": 5, "expiration_type": "LATER"}, None),
    ):
        refused = error_of(await served.client.post(path, json=body))
        assert refused[:2] == (400, "invalid_payload"), body
        assert said in (None, refused[2])
    short = await served.client.post(path, json={"points": -101})
    assert error_of(short) == (400, "loyalty_card_points_exceeded", code)
    assert short.json()["error"] == {"message": "loyalty card points exceeded"}
    only = await served.client.post(path, json={"points": 5}, headers=READ_KEYS)
    assert only.status_code == 403
    assert await entries(served) == before


async def test_a_balance_told_twice_under_a_key_is_one(served: ServedVouch) -> None:
    code = await give_card(served)
    path = f"/v1/loyalties/members/{code}/balance"
    told = {"json": {"points": 70}, "headers": {"Idempotency-Key": "one"}}
    first, again = [await served.client.post(path, **told) for _ in range(2)]  # type: ignore[arg-type]
    assert first.json() == again.json()
    assert (again.headers["idempotent-replayed"], first.json()["balance"]) == ("true", 70)


async def test_points_move_from_several_cards_or_from_none(served: ServedVouch) -> None:
    source, other, target = [
        await give_card(served, f"C-{number}", points=50) for number in range(3)
    ]
    path = f"/v1/loyalties/{CAMPAIGN}/members/{target}/transfers"
    parts = [
        {"code": source, "points": 30, "source_id": "T-1", "reason": "Family"},
        {"code": other, "points": 51, "source_id": "T-2"},
    ]
    before = await entries(served)
    short = await served.client.post(path, json=parts)
    assert error_of(short)[:2] == (400, "loyalty_card_points_exceeded")
    for wrong, status in (
        ([], 400),
        ({"code": source}, 400),
        ([parts[0] | {"points": 0}], 400),
        ([{"code": source, "points": 5}], 400),
        ([parts[0] | {"code": "NOBODY"}], 404),
        ([parts[0] | {"code": target}], 400),
    ):
        assert (await served.client.post(path, json=wrong)).status_code == status, wrong
    assert await entries(served) == before
    parts[1]["points"] = 50
    moved = await served.client.post(path, json=parts)
    assert moved.json()["loyalty_card"]["balance"] == 130
    assert (await show(served, other))["loyalty_card"]["balance"] == 0
    shown = await served.client.get(f"/v1/loyalties/members/{source}/transactions?limit=1")
    last = shown.json()["data"][0]
    assert (last["type"], last["reason"], last["source"]) == (
        "POINTS_TRANSFER_OUT",
        "Family",
        "API",
    )


async def test_transactions_are_paged_and_filtered(served: ServedVouch) -> None:
    code = await give_card(served)
    for points in (5, -1, 7, -2, 9):
        await adjust(served, code, points=points)
    path = f"/v1/loyalties/members/{code}/transactions"

    async def points_of(query: str) -> list[int]:
        answered = await served.client.get(f"{path}?{query}")
        assert answered.status_code == 200, answered.text
        return [row["details"]["balance"]["points"] for row in answered.json()["data"]]

    assert await points_of("") == [9, -2, 7, -1, 5]
    assert await points_of("order=id&limit=2") == [5, -1]
    whole = (await served.client.get(f"{path}?order=id")).json()
    assert [row["details"]["balance"]["total"] for row in whole["data"]] == [5, 5, 12, 12, 21]
    assert [row["details"]["balance"]["balance"] for row in whole["data"]] == [5, 4, 11, 9, 18]
    ids = [row["id"] for row in whole["data"]]
    assert await points_of(f"order=id&starting_after_id={ids[1]}") == [7, -2, 9]
    assert await points_of(f"starting_after_id={ids[3]}&limit=1") == [7]
    assert await points_of(f"filters[id][conditions][$in][0]={ids[2]}") == [7]
    one = (await served.client.get(f"{path}?filters[id][conditions][$is]={ids[4]}")).json()
    assert one["data"] == [whole["data"][4]]
    assert await points_of("filters[created_at][conditions][$before]=2020-01-01") == []
    page = (await served.client.get(f"{path}?limit=5")).json()
    assert (page["has_more"], page["more_starting_after"]) == (False, None)
    for query in ("order=created_at", "starting_after_id=x", "filters[type][conditions][$is]=x"):
        refused = error_of(await served.client.get(f"{path}?{query}"))
        assert refused[:2] == (400, "invalid_query_params")


async def test_who_left_has_no_card_any_more(served: ServedVouch) -> None:
    code = await give_card(served, points=10)
    await leave(served)
    assert (await served.client.get(f"/v1/loyalties/members/{code}")).status_code == 404
    listed = (await served.client.get(f"/v1/loyalties/{CAMPAIGN}/members")).json()
    assert (listed["total"], listed["vouchers"]) == (0, [])
    refused = await served.client.post(f"/v1/loyalties/members/{code}/balance", json={"points": 5})
    assert refused.status_code == 404
    assert await give_card(served) != code


async def leave(served: ServedVouch) -> None:
    leave = Leave(program_id=PROGRAM, member=MemberRef(external_id="C-1"))
    assert isinstance(await served.ledger.submit(served.shop.id, leave), Done)
