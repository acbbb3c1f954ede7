"""Activities judged: approved, declined, void; at once, late and again."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from guerdon.domain.command import Adjust
from guerdon.domain.member import MemberRef
from guerdon.engine.approving import approve_due
from tests.builders.lion import ServedLion, error_of
from tests.builders.lion_activities import (
    OK,
    REVIEW,
    change,
    judge,
    post,
)
from tests.builders.lion_orders import (
    NOON,
    Clock,
    figures,
    states,
)
from tests.builders.shop import PROGRAM, make_rule, make_shop

ServeLion = Callable[..., Awaitable[ServedLion]]


# -- judged ----------------------------------------------------------------------------------

# From what a rule with a delay gives: which judgements, and what stands then.
PENDING_JUDGED = [
    (["approved"], "approved", (20, 0, 20)),
    (["declined"], "declined", (0, 0, 0)),
    (["void"], "declined", (0, 0, 0)),
    (["approved", "approved"], "approved", (20, 0, 20)),
    (["approved", "void"], "void", (0, 0, 0)),
    (["approved", "declined"], "void", (0, 0, 0)),
    (["approved", "void", "void"], "void", (0, 0, 0)),
    (["approved", "void", "declined"], "void", (0, 0, 0)),
    (["declined", "declined"], "declined", (0, 0, 0)),
    (["declined", "void"], "declined", (0, 0, 0)),
]


@pytest.mark.parametrize(("judgements", "state", "wanted"), PENDING_JUDGED)
async def test_judgements(
    desk: ServedLion, judgements: list[str], state: str, wanted: tuple[int, int, int]
) -> None:
    await post(desk, name="survey", merchant_id="S-1")
    for judgement in judgements:
        assert await judge(desk, "survey/S-1", judgement) == OK
    assert await states(desk) == [(state, 20)]
    assert await figures(desk) == wanted


@pytest.mark.parametrize(
    ("judgements", "known"), [(["declined"], "declined"), (["approved", "void"], "void")]
)
async def test_what_is_over_cannot_be_approved(
    desk: ServedLion, judgements: list[str], known: str
) -> None:
    await post(desk, name="survey", merchant_id="S-1")
    for judgement in judgements:
        assert await judge(desk, "survey/S-1", judgement) == OK
    response = await desk.client.put("/v2/activities/survey/S-1", json={"state": "approved"})
    assert error_of(response) == (
        422,
        "activity_state_conflict",
        f"The activity is {known} and cannot be approved",
    )
    assert await states(desk) == [(known, 20)]
    assert await figures(desk) == (0, 0, 0)


async def test_declined_may_be_told_again_under_another_id(serve_shop: ServeLion) -> None:
    rule = make_rule(1, action_key="survey", points=20, approval_days=7, is_once=True)
    served = await serve_shop(make_shop(rules=(rule,)))
    await post(served, name="survey", merchant_id="S-1")
    assert await judge(served, "survey/S-1", "declined") == OK
    await post(served, name="survey", merchant_id="S-1")
    assert await figures(served) == (0, 0, 0)
    await post(served, name="survey", merchant_id="S-2")
    assert await figures(served) == (0, 20, 0)


async def test_delay_passes_and_the_activity_is_approved(desk: ServedLion) -> None:
    clock = desk.ledger.runtime.now
    assert isinstance(clock, Clock)
    await post(desk, name="survey")
    clock.now += timedelta(days=7) - timedelta(milliseconds=1)
    await approve_due(desk.ledger, desk.shop.id, 10)
    assert await states(desk) == [("pending", 20)]
    clock.now += timedelta(milliseconds=1)
    await approve_due(desk.ledger, desk.shop.id, 10)
    assert await states(desk) == [("approved", 20)]


async def test_spent_points_of_a_void_activity_are_owed(desk: ServedLion) -> None:
    await post(desk, merchant_id="R-1")
    spend = Adjust(program_id=PROGRAM, member=MemberRef(external_id="C-1"), points=-30)
    await desk.ledger.submit(desk.shop.id, spend)
    assert await judge(desk, "review/R-1", "void") == OK
    assert await states(desk) == [("void", 50)]
    assert (await figures(desk))[0] == 0


async def test_judged_at_once_is_judged_once(desk: ServedLion) -> None:
    await post(desk, name="survey", merchant_id="S-1")
    wanted = ["approved", "declined", "void"] * 4
    answers = await asyncio.gather(*(judge(desk, "survey/S-1", each) for each in wanted))
    # An approval comes too late, or before what takes it back; nothing else can go wrong.
    assert {status for status, _ in answers} <= {204, 422}
    assert all(
        status == 204
        for (status, _), each in zip(answers, wanted, strict=True)
        if each != "approved"
    )
    ((state, _),) = await states(desk)
    assert state in ("declined", "void")
    assert await figures(desk) == (0, 0, 0)


@pytest.mark.parametrize("path", ["review/R-9", "survey/R-1", "unheard-of/R-1"])
async def test_unknown_activity_is_not_found(desk: ServedLion, path: str) -> None:
    await post(desk, merchant_id="R-1")
    name, merchant_id = path.split("/")
    response = await desk.client.put(f"/v2/activities/{path}", json={"state": "void"})
    assert error_of(response) == (
        404,
        "not_found",
        f"Activity '{name}' with merchant_id '{merchant_id}' not found",
    )
    assert await states(desk) == [("approved", 50)]


async def test_activity_of_a_rule_that_is_gone_can_be_judged(desk: ServedLion) -> None:
    await post(desk, merchant_id="R-1")
    await change(desk, replace(REVIEW, archived_at=NOON))
    assert await judge(desk, "review/R-1", "void") == OK
    assert await states(desk) == [("void", 50)]
    await post(desk, merchant_id="R-2")
    assert await states(desk) == [("void", 50)]


async def test_key_of_a_judgement(desk: ServedLion) -> None:
    await post(desk, merchant_id="R-1")
    headers = {"Idempotency-Key": "j-1"}
    for replays in (False, True):
        response = await desk.client.put(
            "/v2/activities/review/R-1", json={"state": "void"}, headers=headers
        )
        assert response.status_code == 204
        assert ("idempotent-replayed" in response.headers) is replays
    conflict = await desk.client.put(
        "/v2/activities/review/R-1", json={"state": "approved"}, headers=headers
    )
    assert conflict.status_code in (409, 422)
    assert await figures(desk) == (0, 0, 0)
