"""Members enrolled in bulk: by a worker, in portions, each once, whatever happens in between."""

import asyncio
import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from guerdon.dialects.voucherify.ids import write_customer_id, write_id
from guerdon.engine import enlisting
from guerdon.engine.erasing import erase_customer
from guerdon.engine.runtime import utc_now
from tests.builders.shop import make_shop
from tests.builders.vouch import PROGRAM_ID, READ_KEYS, ServedVouch, error_of, problem_of
from tests.dialects.voucherify.conftest import ServeVouch

MEMBERS = f"/v2/loyalties/programs/{PROGRAM_ID}/members"
BATCH = f"{MEMBERS}/batch"


def by_source(external_id: str, **more: Any) -> dict[str, Any]:
    identification = {"type": "customer_source_id", "customer_source_id": external_id}
    return {"customer_identification": identification, **more}


async def stated(served: ServedVouch, *external_ids: str) -> None:
    for external_id in external_ids:
        answer = await served.client.post("/v1/customers", json={"source_id": external_id})
        assert answer.status_code == 200, answer.text


async def listed(served: ServedVouch, *entries: Any) -> str:
    answer = await served.client.post(BATCH, json=list(entries))
    assert answer.status_code == 202, answer.text
    assert set(answer.json()) == {"async_action_id"}
    action_id: str = answer.json()["async_action_id"]
    return action_id


async def action(served: ServedVouch, action_id: str) -> dict[str, Any]:
    answer = await served.client.get(f"/v1/async-actions/{action_id}")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def report(served: ServedVouch, action_id: str) -> list[dict[str, str]]:
    told = await action(served, action_id)
    url = told["result"]["url"]
    assert url.startswith("/voucherify/") or "/voucherify/" in url
    answer = await served.client.get(url.partition("/voucherify")[2])
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.text)))


async def test_a_list_is_enrolled_and_reported_entry_by_entry(served: ServedVouch) -> None:
    await stated(served, "A", "B", "C")
    await served.enrol("M-1", email=None)
    action_id = await listed(
        served,
        by_source("A", metadata={"n": 1}),
        {"customer_id": write_customer_id("B"), "status": "INACTIVE"},
        by_source("M-1"),
        by_source("nobody"),
        {"customer_identification": {"type": "email"}},
        7,
        by_source("=C+1"),
        by_source("A"),
    )
    assert action_id.startswith("aa_")
    told = await action(served, action_id)
    assert (told["status"], told["operation_status"], told["progress"]) == (
        "ENQUEUED",
        "UNKNOWN",
        25,
    )
    portion = await enlisting.enrol_listed(served.ledger, served.shop.id, 100)
    assert (portion.done, portion.has_more) == (6, False)
    told = await action(served, action_id)
    assert set(told) == {
        "id",
        "type",
        "status",
        "operation_status",
        "progress",
        "processing_time",
        "result",
        "created_at",
        "updated_at",
        "object",
    }
    assert (told["status"], told["operation_status"], told["progress"]) == ("DONE", "SUCCESS", 100)
    assert (told["result"]["done_count"], told["result"]["failed_count"]) == (2, 6)
    rows = await report(served, action_id)
    assert list(rows[0]) == [
        "identification_type",
        "customer_id",
        "customer_source_id",
        "program_id",
        "member_id",
        "created",
        "error",
    ]
    assert [row["created"] for row in rows] == ["true", "true"] + ["false"] * 6
    assert rows[0]["customer_source_id"] == "A"
    assert rows[1]["customer_id"] == write_customer_id("B")
    assert rows[2]["error"] == (f"Customer 'M-1' already is a member of program '{PROGRAM_ID}'")
    assert rows[3]["error"] == "Cannot find customer with id nobody"
    assert rows[4]["error"].startswith("Property .customer_identification.type must be equal to")
    assert rows[5]["error"] == "Payload must be object"
    # A spreadsheet must not run what a caller wrote.
    assert rows[6]["customer_source_id"] == "'=C+1"
    assert rows[7]["error"].startswith("Customer 'A' already is a member")
    for row, status in ((rows[0], "ACTIVE"), (rows[1], "INACTIVE")):
        member = (await served.client.get(f"{MEMBERS}/{row['member_id']}")).json()
        assert member["status"] == status


async def test_a_list_that_makes_no_sense_is_refused(serve_shop: ServeVouch) -> None:
    served = await serve_shop(make_shop(status="inactive"))
    for content in (b"", b"null", b"[]"):
        answer = await served.client.post(
            BATCH, content=content, headers={"content-type": "application/json"}
        )
        assert error_of(answer)[:2] == (400, "invalid_request_payload")
    answer = await served.client.post(BATCH, json=by_source("A"))
    assert error_of(answer)[:2] == (400, "top_level_object_should_be_an_array")
    problem = problem_of(await served.client.post(BATCH, json=[by_source("A")]))
    assert (problem["code"], problem["key"]) == (423, "non_active_program")
    nowhere = f"/v2/loyalties/programs/{write_id('program', 99)}/members/batch"
    problem = problem_of(await served.client.post(nowhere, json=[by_source("A")]))
    assert problem["resource_type"] == "program"
    answer = await served.client.post(BATCH, json=[by_source("A")], headers=READ_KEYS)
    assert error_of(answer)[0] == 403
    for path in ("aa_9", write_id("async_action", 12)):
        for end in ("", "/report"):
            problem = problem_of(await served.client.get(f"/v1/async-actions/{path}{end}"))
            assert (problem["code"], problem["resource_type"]) == (404, "async_action")
    async with served.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM async_actions") == 0


async def test_the_same_key_lists_once(served: ServedVouch) -> None:
    headers = {"Idempotency-Key": "k"}
    first = await served.client.post(BATCH, json=[by_source("A")], headers=headers)
    again = await served.client.post(BATCH, json=[by_source("A")], headers=headers)
    assert again.json() == first.json()
    async with served.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM async_action_entries") == 1


async def test_whoever_goes_on_after_a_crash_learns_what_was_done(
    served: ServedVouch, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"N-{number}" for number in range(9)]
    await stated(served, *names)
    action_id = await listed(served, *(by_source(name) for name in names))

    async def crash(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr("guerdon.store.async_actions.close_action_entries", crash)
        with pytest.raises(ConnectionError):
            await enlisting.enrol_listed(served.ledger, served.shop.id, 4)
    assert len((await served.client.get(MEMBERS)).json()["data"]) == 4
    portions = await asyncio.gather(
        *(enlisting.enrol_listed(served.ledger, served.shop.id, 4) for _ in range(2))
    )
    assert all(portion.has_more for portion in portions)
    assert (await action(served, action_id))["status"] == "IN_PROGRESS"
    while (await enlisting.enrol_listed(served.ledger, served.shop.id, 4)).has_more:
        pass
    told = await action(served, action_id)
    assert (told["status"], told["result"]["done_count"]) == ("DONE", 9)
    rows = await report(served, action_id)
    assert [row["customer_source_id"] for row in rows] == names
    assert {row["created"] for row in rows} == {"true"}
    assert len({row["member_id"] for row in rows}) == 9


async def test_who_is_erased_is_taken_out_of_lists(served: ServedVouch) -> None:
    await stated(served, "A", "B")
    action_id = await listed(served, by_source("A"), by_source("B"))
    await erase_customer(served.ledger, served.shop.id, "shopify", external_id="A", email=None)
    await enlisting.enrol_listed(served.ledger, served.shop.id, 100)
    rows = await report(served, action_id)
    assert [(row["customer_source_id"], row["error"]) for row in rows] == [
        ("", "The customer was erased"),
        ("B", ""),
    ]


async def test_lists_that_are_over_are_forgotten_after_a_month(serve_shop: ServeVouch) -> None:
    begun = utc_now()
    moments = [begun]
    served = await serve_shop(now=lambda: moments[0])
    action_id = await listed(served, by_source("A"))
    await enlisting.enrol_listed(served.ledger, served.shop.id, 100)
    moments[0] = begun + enlisting.ACTIONS_KEPT
    assert (await enlisting.purge_actions(served.ledger, served.shop.id, 10)).done == 0
    moments[0] += timedelta(seconds=1)
    assert (await enlisting.purge_actions(served.ledger, served.shop.id, 10)).done == 1
    answer = await served.client.get(f"/v1/async-actions/{action_id}")
    assert answer.status_code == 404
