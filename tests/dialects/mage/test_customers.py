"""Customers over HTTP: listed, shown, enrolled, changed, adjusted."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from msgspec.structs import replace as changed

from guerdon.dialects.mage.translate import dress
from guerdon.domain.command import Adjust, ChangeMember, Done
from guerdon.domain.member import MemberRef
from tests.builders.http import READ_SECRET, Clock, Served, error_of, everything
from tests.builders.shop import PROGRAM, make_rule, make_shop, make_tier
from tests.dialects.mage.conftest import Serve


async def _enrol(served: Served, **body: object) -> dict[str, object]:
    response = await served.client.post("/v1/customers", json=body)
    assert response.status_code == 201
    data: dict[str, object] = response.json()["data"]
    return data


async def test_first_enrolment_gives_the_lowest_tier_and_signup_points(
    serve_shop: Serve,
) -> None:
    shop = make_shop(
        tiers=(
            make_tier(1, 0, badge_color="#ffbf00", multiplier_permille=1250),
            make_tier(2, 1000),
        ),
        rules=(make_rule(1, trigger="signup", category="signup", action="signup", points=80),),
        points_expiry_days=365,
    )
    served = await serve_shop(shop, now=Clock())
    data = await _enrol(
        served,
        shopify_customer_id="7045518822",
        email=" Omar.Haddad@Shop.Example",
        first_name="Omar",
        last_name="Haddad",
    )
    attributes = data["attributes"]
    assert isinstance(attributes, dict)
    code = attributes["referral_code"]
    assert re.fullmatch(r"[A-Z0-9]{10}", code)
    assert data == {
        "type": "customer",
        "id": "7045518822",
        "attributes": {
            "shopify_customer_id": "7045518822",
            "email": "omar.haddad@shop.example",
            "first_name": "Omar",
            "last_name": "Haddad",
            "current_points": 100,
            "lifetime_points": 100,
            "redeemed_points": 0,
            "loyalty_status": "member",
            "date_of_birth": None,
            "referral_url": f"https://shop-1.myshopify.com?referral_code={code}",
            "referral_code": code,
            "vip_tier": {
                "id": dress("tier", 3001),
                "name": "Tier 1",
                "points_required": 0,
                "points_multiplier": 1.25,
                "badge_image_url": None,
                "badge_color": "#ffbf00",
            },
            "points_expire_at": "2027-03-14T09:26:53.589Z",
            "created_at": "2026-03-14T09:26:53.589Z",
            "updated_at": "2026-03-14T09:26:53.589Z",
        },
    }


async def test_second_enrolment_shows_and_does_nothing(served: Served) -> None:
    first = await _enrol(served, shopify_customer_id="7001", first_name="Ana")
    before = await everything(served.pool)
    for body in (
        {"shopify_customer_id": "7001"},
        {"shopify_customer_id": "gid://shopify/Customer/7001", "first_name": "Bea"},
    ):
        again = await served.client.post("/v1/customers", json=body)
        assert (again.status_code, again.json()["data"]) == (200, first)
    assert await everything(served.pool) == before


async def test_enrolment_repeated_under_its_key_is_new_again(served: Served) -> None:
    body = {"shopify_customer_id": "7001", "first_name": "Ana"}
    headers = {"Idempotency-Key": "enrol-1"}
    first = await served.client.post("/v1/customers", json=body, headers=headers)
    again = await served.client.post("/v1/customers", json=body, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"


async def test_bare_id_of_nobody_is_not_found(served: Served) -> None:
    before = await everything(served.pool)
    response = await served.client.post("/v1/customers", json={"shopify_customer_id": "7009"})
    assert error_of(response) == (404, "Not Found", "Customer '7009' not found")
    assert await everything(served.pool) == before


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "shopify_customer_id is required"),
        ({"shopify_customer_id": " "}, "shopify_customer_id is required"),
        ({"shopify_customer_id": 7001}, "shopify_customer_id must be a string"),
        ({"shopify_customer_id": "ana"}, "shopify_customer_id must be a Shopify customer ID"),
        (
            {"shopify_customer_id": "1" * 21},
            "shopify_customer_id must be a Shopify customer ID",
        ),
        ({"shopify_customer_id": "1", "email": 5}, "email must be a string or null"),
        ({"shopify_customer_id": "1", "email": "no"}, "email must be an e-mail address"),
        (
            {"shopify_customer_id": "1", "email": "\u0130@x.example"},
            "email must be an e-mail address",
        ),
        (
            {"shopify_customer_id": "1", "last_name": "x" * 256},
            "last_name is invalid: Expected `str` of length <= 255",
        ),
    ],
)
async def test_enrolment_body_is_checked(
    served: Served, body: dict[str, object], detail: str
) -> None:
    before = await everything(served.pool)
    response = await served.client.post("/v1/customers", json=body)
    assert error_of(response) == (400, "Bad Request", detail)
    assert await everything(served.pool) == before


@pytest.mark.parametrize(
    "identifier",
    ["7001", "ana@shop.example", "ANA%40shop.example", quote("gid://shopify/Customer/7001", "")],
)
async def test_customer_is_shown_by_any_name(served: Served, identifier: str) -> None:
    await served.enrol(points=30)
    response = await served.client.get(f"/v1/customers/{identifier}")
    assert response.status_code == 200
    assert response.json()["data"]["id"] == "7001"
    assert response.json()["data"]["attributes"]["current_points"] == 30


@pytest.mark.parametrize("identifier", ["7999", "no@body.example", "%00", "%20", "%FF", "a%2Fb"])
async def test_unknown_customer_is_not_found(served: Served, identifier: str) -> None:
    for path in ("", "/reward-history", "/earning-history"):
        response = await served.client.get(f"/v1/customers/{identifier}{path}")
        assert error_of(response)[:2] == (404, "Not Found")
        assert error_of(response)[2].endswith(" not found")
    response = await served.client.put(f"/v1/customers/{identifier}", json={})
    assert response.status_code == 404


async def test_tier_can_be_left_out(serve_shop: Serve) -> None:
    served = await serve_shop(make_shop(tiers=(make_tier(1, 0),)))
    await served.enrol()
    for query, is_there in (("", True), ("?exclude_vip=true", False), ("?exclude_vip=1", True)):
        shown = await served.client.get(f"/v1/customers/7001{query}")
        assert (shown.json()["data"]["attributes"]["vip_tier"] is not None) == is_there


@pytest.mark.parametrize(
    ("storefront", "url"),
    [
        ("https://north.example", "https://north.example?referral_code="),
        ("https://north.example/?utm=1", "https://north.example/?utm=1&referral_code="),
    ],
)
async def test_referral_link_leads_to_the_storefront(
    serve_shop: Serve, storefront: str, url: str
) -> None:
    shop = make_shop()
    merchant = changed(shop.merchant, storefront_url=storefront)
    served = await serve_shop(replace(shop, merchant=merchant))
    await served.enrol()
    customer = await served.customer()
    assert customer["referral_url"] == url + customer["referral_code"]


@pytest.mark.parametrize("is_wrapped", [False, True])
async def test_customer_is_changed_in_either_shape(serve_shop: Serve, *, is_wrapped: bool) -> None:
    clock = Clock()
    served = await serve_shop(now=clock)
    await served.enrol(points=10)
    before = await served.customer()
    clock.advance(minutes=1)

    async def put(change: dict[str, object]) -> dict[str, object]:
        body = {"data": {"attributes": change}} if is_wrapped else change
        response = await served.client.put("/v1/customers/ana@shop.example", json=body)
        assert response.status_code == 200
        attributes: dict[str, object] = response.json()["data"]["attributes"]
        return attributes

    changed = await put({"date_of_birth": "1990-05-17"})
    assert changed == before | {
        "date_of_birth": "1990-05-17T00:00:00.000Z",
        "updated_at": "2026-03-14T09:27:53.589Z",
    }
    assert (await put({}))["date_of_birth"] == "1990-05-17T00:00:00.000Z"
    full = await put({"date_of_birth": "1991-01-31T23:30:00.000-02:00", "is_excluded": True})
    assert full["date_of_birth"] == "1991-02-01T00:00:00.000Z"
    assert full["loyalty_status"] == "excluded"
    cleared = await put({"date_of_birth": None, "is_excluded": False})
    assert (cleared["date_of_birth"], cleared["loyalty_status"]) == (None, "member")


async def test_anniversary_is_written_and_not_shown(served: Served) -> None:
    await served.enrol()
    response = await served.client.put(
        "/v1/customers/7001", json={"anniversary_date": "2020-02-29T00:00:00.000Z"}
    )
    assert "anniversary_date" not in response.json()["data"]["attributes"]
    async with served.pool.acquire() as connection:
        assert str(await connection.fetchval("SELECT anniversary FROM members")) == "2020-02-29"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"date_of_birth": "17.05.1990"}, "date_of_birth must be an ISO 8601 date"),
        ({"date_of_birth": "1990-02-30"}, "date_of_birth must be an ISO 8601 date"),
        ({"date_of_birth": "1990-W01-1"}, "date_of_birth must be an ISO 8601 date"),
        ({"date_of_birth": ""}, "date_of_birth must be an ISO 8601 date"),
        (
            {"anniversary_date": "0001-01-01T00:00:00+23:00"},
            "anniversary_date must be an ISO 8601 date",
        ),
        ({"date_of_birth": 19900517}, "date_of_birth must be a string or null"),
        ({"is_excluded": "true"}, "is_excluded must be a boolean"),
        ({"is_excluded": None}, "is_excluded must be a boolean"),
        ({"data": {}}, "data.attributes is required"),
        ({"data": []}, "data must be an object"),
        (
            {"data": {"attributes": {"is_excluded": 1}}},
            "data.attributes.is_excluded must be a boolean",
        ),
    ],
)
async def test_change_is_checked(served: Served, body: dict[str, object], detail: str) -> None:
    await served.enrol()
    before = await everything(served.pool)
    response = await served.client.put("/v1/customers/7001", json=body)
    assert error_of(response) == (400, "Bad Request", detail)
    assert await everything(served.pool) == before


async def test_reading_key_writes_nothing(served: Served) -> None:
    await served.enrol(points=100)
    before = await everything(served.pool)
    for method, path in (
        ("POST", "/v1/customers"),
        ("PUT", "/v1/customers/7001"),
        ("POST", "/v1/customers/7001/points"),
    ):
        response = await served.client.request(
            method, path, json={}, headers={"Authorization": READ_SECRET}
        )
        assert response.status_code == 403
    shown = await served.client.get("/v1/customers/7001", headers={"Authorization": READ_SECRET})
    assert shown.status_code == 200
    assert await everything(served.pool) == before


@pytest.mark.parametrize(
    ("adjustment", "after", "lifetime"), [(50, 150, 150), (-30, 70, 70), (-500, 0, 0)]
)
async def test_points_are_adjusted_down_to_zero_at_most(
    served: Served, adjustment: int, after: int, lifetime: int
) -> None:
    await served.enrol(points=100)
    response = await served.client.post(
        "/v1/customers/ana@shop.example/points",
        json={"adjustment": adjustment, "note": "goodwill", "send_email": False},
    )
    assert response.status_code == 200
    assert response.json() == {
        "data": {
            "type": "points_adjustment",
            "id": "7001",
            "attributes": {
                "shopify_customer_id": "7001",
                "adjustment": adjustment,
                "points_before": 100,
                "points_after": after,
                "current_points": after,
                "note": "goodwill",
            },
        }
    }
    customer = await served.customer()
    assert (customer["current_points"], customer["lifetime_points"]) == (after, lifetime)
    history = (await served.client.get("/v1/customers/7001/earning-history")).json()
    newest = history["data"][0]["attributes"]
    assert newest["manual_intervention"] is True
    assert newest["points"] == newest["base_points"] == after - 100


async def test_lifetime_points_may_be_left_alone(served: Served) -> None:
    await served.enrol(points=100)
    for adjustment in (40, -20):
        response = await served.client.post(
            "/v1/customers/7001/points",
            json={"adjustment": adjustment, "update_lifetime_points": False},
        )
        assert response.json()["data"]["attributes"]["note"] is None
    customer = await served.customer()
    assert (customer["current_points"], customer["lifetime_points"]) == (120, 100)


@pytest.mark.parametrize(
    ("adjustment", "detail"),
    [
        ("absent", "adjustment is required"),
        (None, "adjustment must be an integer"),
        (0, "adjustment must be a non-zero integer"),
        (True, "adjustment must be an integer"),
        (1.5, "adjustment must be an integer"),
        ("5", "adjustment must be an integer"),
        (10**13, "adjustment must be a non-zero integer within range"),
    ],
)
async def test_adjustment_is_a_whole_number_not_zero(
    served: Served, adjustment: object, detail: str
) -> None:
    await served.enrol(points=100)
    before = await everything(served.pool)
    body = {} if adjustment == "absent" else {"adjustment": adjustment}
    response = await served.client.post("/v1/customers/7001/points", json=body)
    assert error_of(response) == (400, "Bad Request", detail)
    assert await everything(served.pool) == before


async def test_excluded_customer_is_shown_but_not_adjusted(served: Served) -> None:
    ref = await served.enrol(points=100)
    freeze = ChangeMember(program_id=PROGRAM, member=ref, is_frozen=True)
    assert isinstance(await served.ledger.submit(served.shop.id, freeze), Done)
    assert (await served.customer())["loyalty_status"] == "excluded"
    before = await everything(served.pool)
    response = await served.client.post("/v1/customers/7001/points", json={"adjustment": 5})
    assert error_of(response) == (
        403,
        "Forbidden",
        "Customer is excluded from the loyalty program",
    )
    assert await everything(served.pool) == before


async def _people(served: Served) -> None:
    for number, points in ((1, 50), (2, 20), (3, 70), (4, 20)):
        side = "north" if number % 2 else "south"
        await served.enrol(f"700{number}", f"p{number}@{side}.example")
        adjust = Adjust(
            program_id=PROGRAM, member=MemberRef(external_id=f"700{number}"), points=points
        )
        assert isinstance(await served.ledger.submit(served.shop.id, adjust), Done)
    ref = MemberRef(external_id="7003")
    freeze = ChangeMember(program_id=PROGRAM, member=ref, is_frozen=True)
    assert isinstance(await served.ledger.submit(served.shop.id, freeze), Done)


@pytest.mark.parametrize(
    ("query", "ids", "meta"),
    [
        ("", [4, 3, 2, 1], (4, 1, 20, 1)),
        ("sort=-created_at", [4, 3, 2, 1], (4, 1, 20, 1)),
        ("sort=created_at", [1, 2, 3, 4], (4, 1, 20, 1)),
        ("sort=points", [2, 4, 1, 3], (4, 1, 20, 1)),
        ("sort=-lifetime_points", [3, 1, 4, 2], (4, 1, 20, 1)),
        ("sort=redeemed_points", [1, 2, 3, 4], (4, 1, 20, 1)),
        ("filter[email]=NORTH", [3, 1], (2, 1, 20, 1)),
        ("filter[email]=%25", [], (0, 1, 20, 0)),
        ("filter[email]=north&sort=points", [1, 3], (2, 1, 20, 1)),
        ("filter[loyalty_status]=excluded", [3], (1, 1, 20, 1)),
        ("filter[loyalty_status]=member&sort=created_at", [1, 2, 4], (3, 1, 20, 1)),
        ("filter%5Bloyalty_status%5D=member&sort=-points", [1, 4, 2], (3, 1, 20, 1)),
        ("filter[shoe_size]=9", [4, 3, 2, 1], (4, 1, 20, 1)),
        ("page[size]=3", [4, 3, 2], (4, 1, 3, 2)),
        ("page%5Bsize%5D=3&page%5Bnumber%5D=2", [1], (4, 2, 3, 2)),
        ("page[size]=3&page[number]=2&sort=points", [3], (4, 2, 3, 2)),
        ("page[number]=9", [], (4, 9, 20, 1)),
        ("page[size]=1000", [4, 3, 2, 1], (4, 1, 100, 1)),
        ("page[size]=0&page[number]=-1", [4, 3, 2, 1], (4, 1, 20, 1)),
        ("page[size]=two&page[number]=1.0", [4, 3, 2, 1], (4, 1, 20, 1)),
        (f"page[number]={10**17}", [], (4, 10**9, 20, 1)),
    ],
)
async def test_customers_come_in_order_by_page_and_filter(
    served: Served, query: str, ids: list[int], meta: tuple[int, int, int, int]
) -> None:
    await _people(served)
    response = await served.client.get(f"/v1/customers?{query}")
    assert response.status_code == 200
    body = response.json()
    assert [each["id"] for each in body["data"]] == [f"700{number}" for number in ids]
    names = ("total", "page", "per_page", "total_pages")
    assert body["meta"] == dict(zip(names, meta, strict=True))


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("sort=email", "sort must be one of created_at, points, lifetime_points, redeemed_points"),
        ("sort=--points", "sort must be one of created_at, points"),
        ("filter[loyalty_status]=vip", "filter[loyalty_status] must be one of member, excluded"),
        ("filter[email]=a%00b", "filter[email] holds a NUL character"),
    ],
)
async def test_word_that_means_nothing_is_refused(served: Served, query: str, detail: str) -> None:
    response = await served.client.get(f"/v1/customers?{query}")
    assert response.status_code == 400
    assert error_of(response)[2].startswith(detail)


async def test_listed_customer_is_as_shown(served: Served) -> None:
    await served.enrol(points=10)
    (listed,) = (await served.client.get("/v1/customers")).json()["data"]
    assert listed == (await served.client.get("/v1/customers/7001")).json()["data"]


async def test_expired_points_are_not_shown_before_any_sweep(serve_shop: Serve) -> None:
    clock = Clock()
    served = await serve_shop(make_shop(points_expiry_days=30), now=clock)
    await served.enrol(points=40)
    assert (await served.customer())["points_expire_at"] == "2026-04-13T09:26:53.589Z"
    clock.now = datetime(2026, 4, 13, 9, 26, 53, 588000, tzinfo=UTC)
    assert (await served.customer())["current_points"] == 40
    clock.advance(milliseconds=1)
    customer = await served.customer()
    assert (customer["current_points"], customer["lifetime_points"]) == (0, 40)
    assert customer["points_expire_at"] is None
