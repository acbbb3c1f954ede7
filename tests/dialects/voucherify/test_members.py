"""Members: enrolled, listed, shown, changed, let go; and a customer's memberships."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from guerdon.dialects.voucherify.ids import write_customer_id, write_id
from guerdon.domain.command import Adjust, ChangeMember
from guerdon.domain.ids import PointTypeId
from guerdon.domain.member import MemberRef
from tests.builders.shop import POINT_TYPE, PROGRAM, make_point_type, make_shop, make_tier
from tests.builders.vouch import PROGRAM_ID, READ_KEYS, ServedVouch, error_of, problem_of
from tests.dialects.voucherify.conftest import ServeVouch

MEMBERS = f"/v2/loyalties/programs/{PROGRAM_ID}/members"
MILES = PointTypeId(21)
MEMBER_KEYS = {
    "id",
    "customer_id",
    "program_id",
    "status",
    "metadata",
    "created_at",
    "updated_at",
    "object",
}


def by_source(external_id: str, **more: Any) -> dict[str, Any]:
    identification = {"type": "customer_source_id", "customer_source_id": external_id}
    return {"customer_identification": identification, **more}


async def stated(served: ServedVouch, *external_ids: str) -> None:
    for external_id in external_ids:
        answer = await served.client.post("/v1/customers", json={"source_id": external_id})
        assert answer.status_code == 200, answer.text


async def enrol(served: ServedVouch, external_id: str = "C-1", **more: Any) -> dict[str, Any]:
    await stated(served, external_id)
    answer = await served.client.post(MEMBERS, json=by_source(external_id, **more))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_a_customer_becomes_a_member_with_a_card_of_each_definition(
    serve_shop: ServeVouch,
) -> None:
    served = await serve_shop(make_shop(point_types=(make_point_type(11, id=MILES),)))
    told = await enrol(served, metadata={"colour": "blue"})
    assert set(told) == MEMBER_KEYS | {"cards"}
    assert (told["status"], told["object"]) == ("ACTIVE", "member")
    assert told["customer_id"] == write_customer_id("C-1")
    assert (told["program_id"], told["metadata"]) == (PROGRAM_ID, {"colour": "blue"})
    assert told["updated_at"] is None
    assert [each["card"]["card_definition_id"] for each in told["cards"]] == [
        write_id("card_definition", POINT_TYPE),
        write_id("card_definition", MILES),
    ]
    for each in told["cards"]:
        assert set(each) == {"member_role", "created_at", "card", "object"}
        assert (each["member_role"], each["object"]) == ("OWNER", "member_card")
        card = each["card"]
        assert set(card) == {
            "id",
            "card_definition_id",
            "card_type",
            "code",
            "lifetime_bucket",
            "balance",
            "next_expiration",
            "next_activation",
            "object",
        }
        assert (card["card_type"], card["object"]) == ("INDIVIDUAL", "card")
        assert len(card["code"]) == 12
        assert card["balance"] == {"points": 0, "pending_points": 0}
        assert set(card["lifetime_bucket"]["points"].values()) == {0}
    shown = await served.client.get(f"{MEMBERS}/{told['id']}")
    assert shown.json() == told


async def test_a_customer_is_enrolled_by_any_of_the_forms(served: ServedVouch) -> None:
    await stated(served, "A", "B")
    older = await served.client.post(MEMBERS, json={"customer_id": write_customer_id("A")})
    newer = await served.client.post(
        MEMBERS,
        json={
            "customer_identification": {
                "type": "customer_id",
                "customer_id": write_customer_id("B"),
            },
            "customer_id": write_customer_id("B"),
            "status": "INACTIVE",
            "metadata": None,
        },
    )
    assert [older.status_code, newer.status_code] == [200, 200]
    assert [older.json()["status"], newer.json()["status"]] == ["ACTIVE", "INACTIVE"]


async def test_enrolling_is_refused_in_the_order_of_the_vendors_checks(
    serve_shop: ServeVouch,
) -> None:
    served = await serve_shop(make_shop(status="inactive"))
    await stated(served, "C-1")
    nowhere = f"/v2/loyalties/programs/{write_id('program', 99)}/members"
    problem = problem_of(await served.client.post(nowhere, json=by_source("C-9")))
    assert (problem["code"], problem["resource_type"]) == (404, "program")
    problem = problem_of(await served.client.post(MEMBERS, json=by_source("C-9")))
    assert (problem["code"], problem["resource_type"]) == (404, "customer")
    assert problem["resource_id"] == "C-9"
    problem = problem_of(await served.client.post(MEMBERS, json=by_source("C-1")))
    assert (problem["code"], problem["key"]) == (423, "non_active_program")
    assert "create member" in problem["message"]


async def test_who_is_a_member_already_is_told_by_the_name_they_were_given(
    served: ServedVouch,
) -> None:
    await enrol(served)
    again = await served.client.post(MEMBERS, json=by_source("C-1"))
    assert error_of(again) == (
        409,
        "member_already_exists",
        f"Customer 'C-1' already is a member of program '{PROGRAM_ID}'",
    )
    own = write_customer_id("C-1")
    again = await served.client.post(MEMBERS, json={"customer_id": own})
    assert own in problem_of(again)["details"]


async def test_a_bad_body_names_the_property(served: ServedVouch) -> None:
    allowed = "must be equal to one of the allowed values"
    kinds = "[ customer_id, customer_source_id ]"
    several = {**by_source("A"), "customer_id": write_customer_id("B")}
    bad: tuple[tuple[Any, str], ...] = (
        ({}, "Payload must have required property 'customer_identification'"),
        ([], "Payload must be object"),
        (
            {"customer_identification": {"type": "customer_id"}},
            "Property .customer_identification must have required property 'customer_id'",
        ),
        (
            {"customer_identification": {"type": "email"}},
            f"Property .customer_identification.type {allowed} {kinds}",
        ),
        (several, "Property .customer_identification names several customers"),
        (by_source("A", status="GONE"), f"Property .status {allowed} [ ACTIVE, INACTIVE ]"),
        (by_source("A", metadata=[]), "Property .metadata must be object"),
        (by_source("A", tier="x"), "Payload must NOT have additional properties ('tier')"),
    )
    for body, said in bad:
        answer = await served.client.post(MEMBERS, json=body)
        assert error_of(answer) == (400, "invalid_payload", said)


async def test_the_same_key_enrols_once(served: ServedVouch) -> None:
    await stated(served, "C-1")
    headers = {"Idempotency-Key": "k-1"}
    first = await served.client.post(MEMBERS, json=by_source("C-1"), headers=headers)
    again = await served.client.post(MEMBERS, json=by_source("C-1"), headers=headers)
    assert again.status_code == 200
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"


async def test_status_moves_both_ways_and_no_further(served: ServedVouch) -> None:
    told = await enrol(served)
    path = f"{MEMBERS}/{told['id']}"
    problem = problem_of(await served.client.post(f"{path}/activate"))
    assert (problem["code"], problem["key"]) == (400, "invalid_state_transition")
    assert problem["details"] == "Cannot activate member from current state: 'ACTIVE'"
    off = await served.client.post(f"{path}/deactivate", json={})
    assert (off.status_code, off.json()["status"]) == (200, "INACTIVE")
    assert set(off.json()) == MEMBER_KEYS
    assert off.json()["updated_at"] is not None
    assert (await served.client.get(path)).json()["status"] == "INACTIVE"
    assert error_of(await served.client.post(f"{path}/deactivate"))[0] == 400
    on = await served.client.post(f"{path}/activate")
    assert on.json()["status"] == "ACTIVE"
    assert error_of(await served.client.post(f"{path}/activate", headers=READ_KEYS))[0] == 403


async def test_metadata_is_merged_and_cleared(served: ServedVouch) -> None:
    told = await enrol(served, metadata={"a": 1, "b": {"c": [1]}})
    path = f"{MEMBERS}/{told['id']}"
    merged = await served.client.put(path, json={"metadata": {"a": "x", "d": None}})
    assert merged.status_code == 200, merged.text
    assert merged.json()["metadata"] == {"a": "x", "b": {"c": [1]}, "d": None}
    assert set(merged.json()) == MEMBER_KEYS
    cleared = await served.client.put(path, json={"metadata": None})
    assert cleared.json()["metadata"] == {}
    refused = await served.client.put(path, json={"metadata": {}, "status": "INACTIVE"})
    assert error_of(refused)[:2] == (400, "invalid_payload")


async def test_who_is_let_go_is_gone_and_may_come_again(served: ServedVouch) -> None:
    told = await enrol(served, metadata={"a": 1})
    path = f"{MEMBERS}/{told['id']}"
    headers = {"Idempotency-Key": "go"}
    gone = await served.client.delete(path, headers=headers)
    assert gone.status_code == 200
    assert set(gone.json()) == MEMBER_KEYS
    assert gone.json()["status"] == "DELETED"
    assert gone.json()["customer_id"] == told["customer_id"]
    replayed = await served.client.delete(path, headers=headers)
    assert replayed.json() == gone.json()
    assert problem_of(await served.client.delete(path))["resource_type"] == "member"
    assert (await served.client.get(path)).status_code == 404
    assert (await served.client.post(f"{path}/activate")).status_code == 404
    assert (await served.client.get(MEMBERS)).json()["data"] == []
    again = await served.client.post(MEMBERS, json=by_source("C-1"))
    assert again.status_code == 200
    assert again.json()["id"] != told["id"]
    known = await served.client.get("/v2/loyalties/memberships/" + told["customer_id"])
    assert [each["member"]["id"] for each in known.json()["memberships"]] == [again.json()["id"]]


async def test_members_are_paged_filtered_and_sorted(serve_shop: ServeVouch) -> None:
    served = await serve_shop()
    ids = [await served.enrol(f"C-{number}", email=None) for number in (3, 1, 2, 5, 4)]
    for external_id in ("C-1", "C-5"):
        ref = MemberRef(external_id=external_id)
        await served.ledger.submit(
            served.shop.id, ChangeMember(program_id=PROGRAM, member=ref, is_frozen=True)
        )

    async def walk(**query: Any) -> list[str]:
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            answer = await served.client.get(MEMBERS, params={"limit": 2, **query, **cursor})
            assert answer.status_code == 200, answer.text
            body = answer.json()
            found += [each["id"] for each in body["data"]]
            if body["cursor"] is None:
                return found
            cursor = {"cursor": body["cursor"]["next"]}

    by_name = [ids[1], ids[2], ids[0], ids[4], ids[3]]
    assert await walk() == ids[::-1]
    assert await walk(order="created_at") == ids
    assert await walk(order="customer_id") == by_name
    assert await walk(order="-customer_id") == by_name[::-1]
    assert await walk(order=["status", "-customer_id"]) == [
        ids[4],
        ids[0],
        ids[2],
        ids[3],
        ids[1],
    ]
    assert await walk(order="-status") == [ids[3], ids[1], ids[4], ids[2], ids[0]]
    inactive = {"filters[status][conditions][$is]": "INACTIVE"}
    assert await walk(**inactive) == [ids[3], ids[1]]
    named = {"filters[customer_id][conditions][$in]": [write_customer_id("C-2"), "cust_no"]}
    assert await walk(**named) == [ids[2]]
    assert await walk(**inactive, **named) == []
    assert await walk(**inactive, **named, **{"filters[junction]": "OR"}) == [
        ids[3],
        ids[2],
        ids[1],
    ]
    assert await walk(**{"filters[id][conditions][$not_in]": ids[:3]}) == [ids[4], ids[3]]
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert await walk(**{"filters[created_at][conditions][$after]": soon}) == []
    refused = await served.client.get(MEMBERS, params={"order": "name"})
    assert error_of(refused)[:2] == (400, "invalid_query_params")


async def memberships(served: ServedVouch, named: str, **query: str) -> httpx.Response:
    return await served.client.get(f"/v2/loyalties/memberships/{named}", params=query)


async def test_memberships_are_found_by_each_kind_of_id(served: ServedVouch) -> None:
    member_id = await served.enrol("C-1", points=40)
    by_id = await memberships(served, write_customer_id("C-1"))
    assert by_id.status_code == 200, by_id.text
    told = by_id.json()
    assert told["customer"] == {
        "id": write_customer_id("C-1"),
        "source_id": "C-1",
        "object": "customer",
    }
    (only,) = told["memberships"]
    assert set(only) == {"member", "program", "cards", "object"}
    assert set(only["member"]) == MEMBER_KEYS
    assert only["program"] == {
        "id": PROGRAM_ID,
        "name": "Main",
        "status": "ACTIVE",
        "metadata": {},
        "object": "program",
    }
    assert "tier_progress" not in only["cards"][0]
    assert only["cards"][0]["card"]["balance"]["points"] == 40
    by_source_id = await memberships(served, "C-1", identification_type="customer_source_id")
    assert by_source_id.json() == told
    assert (await memberships(served, member_id, identification_type="member_id")).json() == told
    await stated(served, "C-2")
    assert (await memberships(served, write_customer_id("C-2"))).json()["memberships"] == []
    for named, query, kind in (
        (write_customer_id("C-9"), {}, "customer"),
        ("C-1", {}, "customer"),
        ("lmbr_no", {"identification_type": "member_id"}, "member"),
    ):
        problem = problem_of(await memberships(served, named, **query))
        assert (problem["code"], problem["resource_type"]) == (404, kind)
        assert problem["resource_id"] == named
    refused = await memberships(served, "C-1", identification_type="email")
    assert error_of(refused)[:2] == (400, "invalid_query_params")


async def test_one_membership_tells_of_tiers(serve_shop: ServeVouch) -> None:
    tiers = (make_tier(1, 0, name="Amber"), make_tier(2, 100, name="Jade"), make_tier(3, 500))
    served = await serve_shop(make_shop(tiers=tiers))
    await served.enrol("C-1")
    path = f"/v2/loyalties/programs/{PROGRAM_ID}/memberships/{write_customer_id('C-1')}"
    ref = MemberRef(external_id="C-1")
    await served.ledger.submit(served.shop.id, Adjust(program_id=PROGRAM, member=ref, points=120))
    told = (await served.client.get(path)).json()
    progress = told["cards"][0]["tier_progress"]
    assert set(progress) == {
        "current",
        "tier_structure",
        "deferred",
        "risks",
        "opportunities",
        "object",
    }
    assert progress["current"]["tier"] == {"id": write_id("tier", tiers[1].id), "name": "Jade"}
    assert progress["current"]["points"] == {"current": 120, "min": 100, "max": 499}
    assert progress["current"]["expires_at"] is None
    assert progress["current"]["start_at"] is not None
    assert progress["opportunities"] == [
        {
            "valid_until": None,
            "tier": {"id": write_id("tier", tiers[2].id), "name": tiers[2].name},
            "points": 380,
        }
    ]
    assert progress["tier_structure"]["object"] == "tier_structure"
    await served.ledger.submit(served.shop.id, Adjust(program_id=PROGRAM, member=ref, points=400))
    progress = (await served.client.get(path)).json()["cards"][0]["tier_progress"]
    assert progress["current"]["points"] == {"current": 520, "min": 500}
    assert progress["opportunities"] == []


async def test_of_who_is_no_member_there_is_no_membership(served: ServedVouch) -> None:
    await stated(served, "C-2")
    base = f"/v2/loyalties/programs/{PROGRAM_ID}/memberships"
    for named in (write_customer_id("C-2"), write_customer_id("C-9"), "lmbr_x"):
        problem = problem_of(await served.client.get(f"{base}/{named}"))
        assert (problem["code"], problem["resource_type"]) == (404, "member")
        assert problem["resource_id"] == named
    missing = f"/v2/loyalties/programs/{write_id('program', 99)}/memberships/x"
    assert problem_of(await served.client.get(missing))["resource_type"] == "program"


async def test_many_at_once_state_one_customer_and_enrol_one_member(served: ServedVouch) -> None:
    stated_at_once = await asyncio.gather(
        *(
            served.client.post(
                "/v1/customers", json={"source_id": "C-1", "metadata": {f"k{number}": number}}
            )
            for number in range(8)
        )
    )
    assert {answer.status_code for answer in stated_at_once} == {200}
    known = (await served.client.get("/v1/customers/C-1")).json()
    assert known["metadata"] == {f"k{number}": number for number in range(8)}
    enrolled = await asyncio.gather(
        *(served.client.post(MEMBERS, json=by_source("C-1")) for _ in range(8))
    )
    assert Counter(answer.status_code for answer in enrolled) == {200: 1, 409: 7}
    (member_id,) = (each["id"] for each in (await served.client.get(MEMBERS)).json()["data"])
    merged = await asyncio.gather(
        *(
            served.client.put(f"{MEMBERS}/{member_id}", json={"metadata": {f"m{number}": True}})
            for number in range(8)
        )
    )
    assert {answer.status_code for answer in merged} == {200}
    metadata = (await served.client.get(f"{MEMBERS}/{member_id}")).json()["metadata"]
    assert metadata == {f"m{number}": True for number in range(8)}
    switched = await asyncio.gather(
        *(served.client.post(f"{MEMBERS}/{member_id}/deactivate") for _ in range(8))
    )
    assert Counter(answer.status_code for answer in switched) == {200: 1, 400: 7}
    gone = await asyncio.gather(*(served.client.delete(f"{MEMBERS}/{member_id}") for _ in range(8)))
    assert Counter(answer.status_code for answer in gone) == {200: 1, 404: 7}
