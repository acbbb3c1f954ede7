"""Customers: stated, found by either id, and told of to their memberships."""

from typing import Any

import httpx
from msgspec.structs import replace

from guerdon.dialects.voucherify.ids import write_customer_id
from guerdon.engine.erasing import erase_customer
from guerdon.store import offers, sequences
from guerdon.store.transaction import transaction
from tests.builders.vouch import READ_KEYS, ServedVouch, error_of, problem_of


async def state(served: ServedVouch, **body: Any) -> dict[str, Any]:
    answer = await served.client.post("/v1/customers", json=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def show(served: ServedVouch, named: str) -> httpx.Response:
    return await served.client.get(f"/v1/customers/{named}")


async def test_a_customer_is_stated_and_found_by_either_id(served: ServedVouch) -> None:
    told = await state(
        served,
        source_id="C-7",
        name="Ana Maria Silva",
        email="Ana@Shop.example",
        birthdate="1990-02-03",
        address={"city": "Porto"},
        metadata={"vip": True, "visits": 3},
    )
    assert set(told) == {
        "id",
        "source_id",
        "name",
        "email",
        "phone",
        "description",
        "birthday",
        "birthdate",
        "address",
        "metadata",
        "system_metadata",
        "loyalty",
        "created_at",
        "updated_at",
        "object",
    }
    assert told["id"] == write_customer_id("C-7")
    assert (told["source_id"], told["object"], told["updated_at"]) == ("C-7", "customer", None)
    assert (told["email"], told["birthdate"]) == ("ana@shop.example", "1990-02-03")
    assert told["loyalty"] == {"points": 0, "referred_customers": 0, "campaigns": {}}
    assert (await show(served, "C-7")).json() == told
    assert (await show(served, told["id"])).json() == told


async def test_what_is_stated_again_is_merged(served: ServedVouch) -> None:
    first = await state(
        served,
        source_id="C-7",
        name="Ana",
        phone="1",
        metadata={"a": 1, "b": 2},
        birthdate="1990-02-03",
    )
    again = await state(
        served, id=first["id"], phone=None, metadata={"b": 3}, address={"city": "Porto"}
    )
    assert (again["name"], again["phone"], again["birthdate"]) == ("Ana", None, "1990-02-03")
    assert again["metadata"] == {"a": 1, "b": 3}
    assert again["address"]["city"] == "Porto"
    assert again["created_at"] == first["created_at"]
    assert again["updated_at"] is not None
    assert (await state(served, source_id="C-7", metadata=None))["metadata"] == {}


async def test_without_an_id_somebody_new_is_stated_each_time(served: ServedVouch) -> None:
    first = await state(served, email="one@shop.example")
    second = await state(served, email="one@shop.example")
    assert first["id"] != second["id"]
    assert first["source_id"] is None
    assert (await show(served, first["id"])).json() == first
    # What we called them is not an id of the shop's.
    own = bytes.fromhex(first["id"].removeprefix("cust_")).decode()
    assert (await show(served, own)).status_code == 404
    refused = await served.client.post("/v1/customers", json={"source_id": own})
    assert error_of(refused)[:2] == (400, "invalid_payload")


async def test_a_customer_nobody_knows_is_not_found(served: ServedVouch) -> None:
    for named in ("C-9", write_customer_id("C-9"), "cust_zz", "cust_"):
        problem = problem_of(await show(served, named))
        assert (problem["code"], problem["key"]) == (404, "not_found")
        assert (problem["resource_type"], problem["resource_id"]) == ("customer", named)
    refused = await served.client.post("/v1/customers", json={"id": write_customer_id("C-9")})
    assert problem_of(refused)["resource_type"] == "customer"


async def test_a_member_is_a_customer_of_whom_nothing_was_stated(served: ServedVouch) -> None:
    await served.enrol("C-1", points=120)
    told = (await show(served, "C-1")).json()
    assert (told["source_id"], told["email"], told["metadata"]) == ("C-1", "ana@shop.example", {})
    assert told["loyalty"]["points"] == 120
    stated = await state(served, source_id="C-1", phone="123")
    assert (stated["email"], stated["phone"]) == ("ana@shop.example", "123")


async def test_points_of_a_program_that_was_deleted_are_not_told(served: ServedVouch) -> None:
    await served.enrol("C-1", points=120)
    now = served.ledger.runtime.now()
    async with transaction(served.pool) as tx:
        deleted = replace(served.shop.program, archived_at=now)
        await offers.put_program(tx, served.shop.id, deleted, now)
        await sequences.bump_catalogue_version(tx, served.shop.id)
    told = (await show(served, "C-1")).json()
    assert (told["source_id"], told["loyalty"]["campaigns"]) == ("C-1", {})
    assert told["loyalty"]["points"] == 0


async def test_what_is_stated_of_a_member_is_told_to_their_memberships(
    served: ServedVouch,
) -> None:
    await served.enrol("C-1")
    await state(
        served, source_id="C-1", name="Ana Silva", email="NEW@shop.example", birthdate="1990-02-03"
    )
    async with served.pool.acquire() as connection:
        told = await connection.fetchval(
            "SELECT concat_ws(' ', email, first_name, last_name, birthday) FROM members "
            "WHERE merchant_id = $1 AND external_id = 'C-1'",
            served.shop.id,
        )
    assert told == "new@shop.example Ana Silva 1990-02-03"


async def test_bad_bodies_name_the_property(served: ServedVouch) -> None:
    for body, said in (
        ({"source_id": 7}, "Property .source_id must be string"),
        ({"email": "nobody"}, "Property .email must match pattern"),
        ({"birthdate": "yesterday"}, "Property .birthdate is invalid"),
        ({"metadata": [1]}, "Property .metadata must be object"),
        ({"adress": {}}, "Payload must NOT have additional properties"),
        ({"address": {"town": "X"}}, "Property .address must NOT have additional properties"),
    ):
        status, key, details = error_of(await served.client.post("/v1/customers", json=body))
        assert (status, key) == (400, "invalid_payload")
        assert details is not None
        assert details.startswith(said)
    refused = await served.client.post("/v1/customers", json={}, headers=READ_KEYS)
    assert error_of(refused)[0] == 403


async def test_the_same_key_states_once(served: ServedVouch) -> None:
    headers = {"Idempotency-Key": "one"}
    first = await served.client.post("/v1/customers", json={"name": "Ana"}, headers=headers)
    again = await served.client.post("/v1/customers", json={"name": "Ana"}, headers=headers)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    other = await served.client.post("/v1/customers", json={"name": "Bea"}, headers=headers)
    assert error_of(other)[:2] == (409, "duplicate_found")


async def test_erasing_forgets_what_was_stated(served: ServedVouch) -> None:
    await state(served, source_id="C-1", name="Ana", email="ana@shop.example")
    await served.enrol("C-1")
    await erase_customer(served.ledger, served.shop.id, "shopify", external_id="C-1", email=None)
    assert (await show(served, "C-1")).status_code == 404
    async with served.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM customers") == 0
        answers = await connection.fetch("SELECT answer FROM idempotency_records")
    assert not [each for each in answers if b"ana@shop.example" in each[0]]
