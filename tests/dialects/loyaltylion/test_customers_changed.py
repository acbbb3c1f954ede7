"""Customers changed: blocked, their birthday set, points given and taken; and who may."""

from typing import Any
from urllib.parse import quote

import httpx
import pytest

from guerdon.engine.verifying import verify
from tests.builders.http import everything
from tests.builders.lion import ServedLion, basic, details_of, error_of


async def show(served: ServedLion, merchant_id: str = "C-1") -> dict[str, Any]:
    response = await served.client.get(f"/v2/customers/{quote(merchant_id, safe='')}")
    assert response.status_code == 200, response.text
    customer: dict[str, Any] = response.json()["customer"]
    return customer


async def test_blocks_a_customer_and_lets_them_in_again(served: ServedLion) -> None:
    await served.enrol("C-1", points=300)
    blocked = await served.client.patch("/v2/customers/C-1", json={"customer": {"blocked": True}})
    assert blocked.status_code == 200
    assert blocked.json()["customer"]["blocked"] is True
    before = await everything(served.pool)
    for path, body in (("points", {"points": 1}), ("remove_points", {"points": 1})):
        refused = await served.client.post(f"/v2/customers/C-1/{path}", json=body)
        assert error_of(refused) == (422, "customer_blocked", "Customer is blocked")
    assert await everything(served.pool) == before
    freed = await served.client.put("/v2/customers/C-1", json={"customer": {"blocked": False}})
    assert freed.json()["customer"]["blocked"] is False
    assert (
        await served.client.post("/v2/customers/C-1/points", json={"points": 1})
    ).status_code == 201


async def test_a_birthday_is_set_and_cleared(served: ServedLion) -> None:
    await served.enrol("C-1")

    async def change(**fields: Any) -> dict[str, Any]:
        response = await served.client.patch("/v2/customers/C-1", json={"customer": fields})
        assert response.status_code == 200, response.text
        customer: dict[str, Any] = response.json()["customer"]
        return customer

    assert (await change(birthday="2000-02-29"))["birthday"] == "2000-02-29"
    untouched = await change(nickname="of no matter")
    assert (untouched["birthday"], untouched["blocked"]) == ("2000-02-29", False)
    assert (await change(birthday=None))["birthday"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"[]", "body"),
        (b"{}", "customer"),
        (b'{"customer": 1}', "customer"),
        (b'{"customer": {"birthday": "29/02/2000"}}', "customer.birthday"),
        (b'{"customer": {"birthday": "2001-02-29"}}', "customer.birthday"),
        (b'{"customer": {"birthday": 7}}', "customer.birthday"),
        (b'{"customer": {"blocked": "yes"}}', "customer.blocked"),
        (b'{"customer": {"blocked": null}}', "customer.blocked"),
    ],
)
async def test_a_bad_change_names_the_field_and_changes_nothing(
    served: ServedLion, body: bytes, field: str
) -> None:
    await served.enrol("C-1")
    before = await everything(served.pool)
    response = await served.client.patch("/v2/customers/C-1", content=body)
    assert list(details_of(response)) == [field]
    assert await everything(served.pool) == before


async def test_gives_and_takes_points(served: ServedLion) -> None:
    await served.enrol("C-1")
    added = await served.client.post(
        "/v2/customers/C-1/points", json={"points": 120, "reason": "A parcel was late"}
    )
    assert (added.status_code, added.content) == (201, b'""')
    taken = await served.client.post(
        "/v2/customers/C-1/remove_points", json={"points": 50, "reason": None}
    )
    assert (taken.status_code, taken.content) == (204, b"")
    assert (await show(served))["points_approved"] == 70
    too_much = await served.client.post("/v2/customers/C-1/remove_points", json={"points": 71})
    assert error_of(too_much) == (
        422,
        "insufficient_points",
        "Customer has 70 points, 71 required",
    )
    assert (await show(served))["points_approved"] == 70
    rest = await served.client.post("/v2/customers/C-1/remove_points", json={"points": 70})
    assert rest.status_code == 204
    assert (await show(served))["points_approved"] == 0
    assert (await verify(served.pool)).is_clean


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("points", {}, "points"),
        ("points", {"points": 0}, "points"),
        ("points", {"points": -5}, "points"),
        ("points", {"points": 1_000_001}, "points"),
        ("points", {"points": "5"}, "points"),
        ("points", {"points": 1.5}, "points"),
        ("points", {"points": True}, "points"),
        ("points", {"points": None}, "points"),
        ("points", {"points": 5, "reason": 7}, "reason"),
        ("points", {"points": 5, "reason": "x" * 1001}, "reason"),
        ("remove_points", {"points": 0}, "points"),
        ("remove_points", {"points": 10**13}, "points"),
        ("remove_points", {}, "points"),
    ],
)
async def test_bad_points_name_the_field_and_move_nothing(
    served: ServedLion, path: str, body: dict[str, Any], field: str
) -> None:
    await served.enrol("C-1", points=10)
    before = await everything(served.pool)
    response = await served.client.post(f"/v2/customers/C-1/{path}", json=body)
    assert list(details_of(response)) == [field]
    assert await everything(served.pool) == before


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"customer": {}}),
        ("POST", "/points", {"points": 1}),
        ("POST", "/remove_points", {"points": 1}),
        ("GET", "/transactions", None),
    ],
)
async def test_an_unknown_customer_is_not_found(
    served: ServedLion, method: str, path: str, body: Any
) -> None:
    response = await served.client.request(method, f"/v2/customers/C-404{path}", json=body)
    assert error_of(response) == (404, "not_found", "Customer 'C-404' not found")


async def test_a_repeated_key_acts_once(served: ServedLion) -> None:
    await served.enrol("C-1")

    async def send(method: str, path: str, key: str, body: Any) -> httpx.Response:
        return await served.client.request(
            method, f"/v2/customers/C-1{path}", json=body, headers={"Idempotency-Key": key}
        )

    first = await send("POST", "/points", "parcel-7", {"points": 20})
    again = await send("POST", "/points", "parcel-7", {"points": 20})
    other = await send("POST", "/points", "parcel-7", {"points": 21})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert error_of(other)[:2] == (409, "idempotency_key_conflict")
    assert (await show(served))["points_approved"] == 20
    changed = await send("PATCH", "", "parcel-8", {"customer": {"birthday": "1990-04-01"}})
    repeated = await send("PATCH", "", "parcel-8", {"customer": {"birthday": "1990-04-01"}})
    assert changed.json() == repeated.json()
    assert repeated.headers["idempotent-replayed"] == "true"
    taken = [await send("POST", "/remove_points", "parcel-9", {"points": 5}) for _ in range(2)]
    assert [each.status_code for each in taken] == [204, 204]
    assert (await show(served))["points_approved"] == 15


async def test_a_pair_may_do_all_of_this(served: ServedLion) -> None:
    await served.enrol("C-1")
    for method, path, body, status in (
        ("GET", "/v2/customers", None, 200),
        ("GET", "/v2/customers/C-1", None, 200),
        ("PATCH", "/v2/customers/C-1", {"customer": {}}, 200),
        ("POST", "/v2/customers/C-1/points", {"points": 1}, 201),
        ("POST", "/v2/customers/C-1/remove_points", {"points": 1}, 204),
        ("GET", "/v2/customers/C-1/transactions", None, 200),
        ("GET", "/v2/transactions", None, 200),
    ):
        response = await served.client.request(method, path, json=body, headers=basic())
        assert response.status_code == status


async def test_reading_and_writing_need_their_scopes(served: ServedLion) -> None:
    await served.enrol("C-1")
    reading = await served.add_key("read_customers")
    for path in ("/v2/customers", "/v2/customers/C-1", "/v2/transactions"):
        assert (await served.client.get(path, headers=reading)).status_code == 200
    for method, path in (
        ("PATCH", "/v2/customers/C-1"),
        ("PUT", "/v2/customers/C-1"),
        ("POST", "/v2/customers/C-1/points"),
        ("POST", "/v2/customers/C-1/remove_points"),
    ):
        refused = await served.client.request(method, path, json={}, headers=reading)
        assert error_of(refused) == (
            403,
            "forbidden",
            "This API key lacks the scope write_customers",
        )
