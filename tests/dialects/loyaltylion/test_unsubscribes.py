"""The list of those who want no loyalty e-mails."""

import asyncio
import json

import pytest

from guerdon.engine.disclosing import disclose
from guerdon.engine.erasing import erase_customer
from guerdon.store.shoppers import list_shoppers
from guerdon.store.snapshot import snapshot
from tests.builders.http import everything
from tests.builders.lion import ServedLion, details_of, error_of

_PATH = "/v2/loyalty_emails/unsubscribes"


async def test_an_address_is_added_once(served: ServedLion) -> None:
    await served.enrol("C-1", "ana@shop.example")
    first = await served.client.post(_PATH, json={"email": "Ana@Shop.example "})
    assert (first.status_code, first.json()) == (201, {"email": "ana@shop.example", "id": "C-1"})
    again = await served.client.post(_PATH, json={"email": "ana@shop.example"})
    assert (again.status_code, again.json()) == (200, first.json())
    assert (await served.client.get(_PATH)).json() == [first.json()]


async def test_it_is_announced_once_of_a_member_and_of_nobody_else(served: ServedLion) -> None:
    await served.enrol("C-1", "ana@shop.example")
    for email in ("ana@shop.example", "ana@shop.example", "stranger@shop.example"):
        await served.client.post(_PATH, json={"email": email})
    async with snapshot(served.ledger.runtime.pool) as view:
        rows = await view.fetch(
            "SELECT m.external_id, e.facts FROM events e JOIN members m ON m.id = e.member_id "
            "WHERE e.kind = 'member.unsubscribed'"
        )
    assert [(row[0], row[1]) for row in rows] == [("C-1", "{}")]


async def test_of_rivals_one_adds(served: ServedLion) -> None:
    answers = await asyncio.gather(
        *(served.client.post(_PATH, json={"email": "ana@shop.example"}) for _ in range(8))
    )
    assert sorted(each.status_code for each in answers) == [200] * 7 + [201]


async def test_a_retry_with_its_key_is_the_same_answer(served: ServedLion) -> None:
    headers = {"Idempotency-Key": "once"}
    for is_replay in (False, True):
        response = await served.client.post(_PATH, json={"email": "a@b.example"}, headers=headers)
        assert response.status_code == 201
        assert ("idempotent-replayed" in response.headers) is is_replay
    other = await served.client.post(_PATH, json={"email": "c@d.example"}, headers=headers)
    assert error_of(other)[:2] == (409, "idempotency_key_conflict")


async def test_the_list_is_a_bare_array_newest_first(served: ServedLion) -> None:
    emails = [f"{number}@shop.example" for number in range(5)]
    for email in emails:
        await served.client.post(_PATH, json={"email": email})

    async def ask(query: str) -> list[str]:
        response = await served.client.get(f"{_PATH}?{query}")
        assert response.status_code == 200
        return [each["email"] for each in response.json()]

    assert await ask("") == emails[::-1]
    assert await ask("limit=2") == emails[:2:-1]
    assert await ask("limit=2&page=3") == emails[:1]
    assert await ask("page=2") == []
    assert await ask("since_id=0&limit=2") == emails[:2]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=ten", "limit"),
        ("limit=%D9%A3", "limit"),
        ("limit=1%00", "limit"),
        ("page=0", "page"),
        ("page=1000001", "page"),
        ("since_id=-1", "since_id"),
        ("since_id=9007199254740992", "since_id"),
    ],
)
async def test_a_query_that_makes_no_sense_is_named(
    served: ServedLion, query: str, field: str
) -> None:
    assert list(details_of(await served.client.get(f"{_PATH}?{query}"))) == [field]


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({}, {"email": "required"}),
        ({"email": None}, {"email": "expected string, received null"}),
        ({"email": 7}, {"email": "expected string, received integer"}),
    ],
)
async def test_a_body_of_another_shape_is_named(
    served: ServedLion, body: object, details: dict[str, str]
) -> None:
    assert details_of(await served.client.post(_PATH, json=body)) == details


@pytest.mark.parametrize(
    "email", ["", "ana", "ana@shop", "a b@shop.example", "a@b@shop.example", "a" * 300 + "@b.co"]
)
async def test_what_is_no_address_changes_nothing(served: ServedLion, email: str) -> None:
    before = await everything(served.pool, "email_unsubscribes", "idempotency_records")
    response = await served.client.post(_PATH, json={"email": email})
    assert error_of(response) == (422, "invalid_email", "The email address is invalid")
    assert await everything(served.pool, "email_unsubscribes", "idempotency_records") == before


async def test_an_address_is_part_of_what_is_kept_of_a_member(served: ServedLion) -> None:
    await served.enrol("C-1", "ana@shop.example")
    for email in ("ana@shop.example", "omar@shop.example"):
        await served.client.post(_PATH, json={"email": email})
    async with snapshot(served.pool) as view:
        (member,) = await list_shoppers(
            view, served.shop.id, [served.shop.program.id], external_id="C-1", email=None
        )
    kept = json.loads(await disclose(served.ledger.runtime, served.shop.id, member))
    assert [each["email"] for each in kept["email_unsubscribes"]] == ["ana@shop.example"]


async def test_an_erased_customers_address_is_forgotten(served: ServedLion) -> None:
    await served.enrol("C-1", "ana@shop.example")
    for email in ("ana@shop.example", "omar@shop.example"):
        await served.client.post(_PATH, json={"email": email})
    await erase_customer(
        served.ledger, served.shop.id, "shopify", external_id="C-1", email="Ana@shop.example"
    )
    left = (await served.client.get(_PATH)).json()
    assert left == [{"email": "omar@shop.example", "id": None}]
