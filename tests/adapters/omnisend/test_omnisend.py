"""Letters to Omnisend on real connections: what goes out, and what each answer makes of them."""

import logging
from collections.abc import AsyncIterator
from typing import get_args

import pytest
from hypothesis import given

from guerdon.adapters.omnisend.deliver import OmnisendCourier
from guerdon.adapters.omnisend.translate import event_to_wire
from guerdon.domain.delivery import (
    Deferred,
    Delivered,
    Dropped,
    Letter,
    Skipped,
    Uncertain,
    Verdict,
)
from guerdon.domain.event import EventKind
from guerdon.http.calling import Caller
from tests.adapters.forms import LETTERS, form_of
from tests.builders.letters import (
    SECRET,
    earned_letter,
    make_destination,
    make_earning,
    make_letter,
    make_member,
    redeemed_letter,
    tier_letter,
)
from tests.builders.shop import make_reward, make_rule
from tests.support.played_server import Play, PlayedServer, played_server

_in_form = form_of("omnisend_event")


@pytest.fixture
async def server() -> AsyncIterator[PlayedServer]:
    async with played_server() as served:
        yield served


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    made = Caller(seconds_max=60)
    yield made
    await made.aclose()


@pytest.fixture
async def hasty() -> AsyncIterator[Caller]:
    made = Caller(seconds_max=1)
    yield made
    await made.aclose()


async def _carry(
    caller: Caller, url: str, *letters: Letter, **definition: str | None
) -> list[Verdict | None]:
    destination = make_destination("omnisend", url, **definition)
    return list(await OmnisendCourier(caller).carry(destination, letters))


@given(LETTERS)
def test_every_letter_fits_the_published_form(letter: Letter) -> None:
    _in_form(event_to_wire(letter))


def test_wants_what_can_be_said() -> None:
    courier = OmnisendCourier(Caller())
    destination = make_destination("omnisend")
    assert {kind for kind in get_args(EventKind) if courier.wants(destination, kind)} == {
        "points.earned",
        "points.adjusted",
        "redemption.approved",
        "member.tier_changed",
    }


@pytest.mark.parametrize(
    ("letter", "reason"),
    [
        (earned_letter(member=make_member(email=None)), "the member has no e-mail address"),
        (tier_letter(is_frozen=True), "the member is frozen"),
        (make_letter("points.adjusted", points=-5), "no points were given"),
        (make_letter("points.expired"), "events of this kind are not announced"),
    ],
)
async def test_letter_with_nothing_to_say_is_skipped_without_a_call(
    server: PlayedServer, caller: Caller, letter: Letter, reason: str
) -> None:
    assert await _carry(caller, server.url, letter) == [Skipped(reason)]
    assert server.heard == []


async def test_points_go_out_with_what_the_platform_asks_for(
    server: PlayedServer, caller: Caller
) -> None:
    letter = make_letter(
        "points.earned", rule=make_rule(), earning=make_earning(order_number="#1042"), points=70
    )
    assert await _carry(caller, f"{server.url}/", letter) == [Delivered()]
    (heard,) = server.heard
    assert (heard.method, heard.path) == ("POST", "/api/events")
    assert heard.headers["authorization"] == f"Omnisend-API-Key {SECRET}"
    assert heard.headers["omnisend-version"] == "2026-03-15"
    assert "x-api-key" not in heard.headers
    assert heard.headers["content-type"] == "application/json"
    assert heard.data == {
        "eventName": "Points Awarded",
        "eventID": "aa36cf06-abcb-51f2-9c6f-4b50494bf0b8",
        "eventTime": "2026-03-14T09:26:53.589Z",
        "origin": "api",
        "contact": {"email": "7001@shopper.example"},
        "properties": {
            "Points Awarded": 70,
            "Earning Rule": "Rule 1",
            "Status": "approved",
            "Order Number": "#1042",
        },
    }


async def test_generation_before_has_its_own_address_and_key(
    server: PlayedServer, caller: Caller
) -> None:
    await _carry(caller, server.url, earned_letter())
    await _carry(caller, server.url, earned_letter(), generation="v5")
    dated, before = server.heard
    assert before.path == "/v5/events"
    assert before.headers["x-api-key"] == SECRET
    assert not {"authorization", "omnisend-version"} & before.headers.keys()
    assert before.body == dated.body


async def test_later_generation_is_asked_for_by_its_date(
    server: PlayedServer, caller: Caller
) -> None:
    await _carry(caller, server.url, earned_letter(), generation="2027-03-15")
    (heard,) = server.heard
    assert (heard.path, heard.headers["omnisend-version"]) == ("/api/events", "2027-03-15")


def _said(letter: Letter) -> tuple[str, dict[str, object]]:
    event = _in_form(event_to_wire(letter))
    return event["eventName"], event["properties"]


@pytest.mark.parametrize(
    ("letter", "name", "properties"),
    [
        (
            make_letter("points.adjusted", points=5),
            "Points Awarded",
            {"Points Awarded": 5, "Earning Rule": "Manual", "Status": "approved"},
        ),
        (
            redeemed_letter(make_reward(name="£10 voucher")),
            "Reward Redeemed",
            {"Reward Name": "£10 voucher", "Points Spent": 100, "Discount Type": "fixed"},
        ),
        (
            redeemed_letter(make_reward(discount=None, kind="free_shipping"), points=0),
            "Reward Redeemed",
            {"Reward Name": "Reward 1", "Points Spent": 0, "Discount Type": "free_shipping"},
        ),
        (
            tier_letter(),
            "VIP Tier Changed",
            {"New Tier Name": "Jade", "Previous Tier Name": "Amber"},
        ),
        (tier_letter(None), "VIP Tier Changed", {"New Tier Name": "Jade"}),
    ],
)
def test_events_say_what_happened(letter: Letter, name: str, properties: dict[str, object]) -> None:
    assert _said(letter) == (name, properties)


async def test_repeated_letter_is_the_same_event(server: PlayedServer, caller: Caller) -> None:
    await _carry(caller, server.url, earned_letter())
    await _carry(caller, server.url, earned_letter(attempt=2))
    await _carry(caller, server.url, earned_letter(number=2))
    assert server.heard[0].body == server.heard[1].body
    assert server.heard[2].data["eventID"] not in server.heard[0].body.decode()


_LOST = [
    (Play(manner="cut_before"), "Omnisend: the connection was lost"),
    (Play(manner="cut_after"), "Omnisend: the connection was lost"),
    (Play(manner="silence"), "Omnisend: no answer in time"),
    (Play(502), "Omnisend answered 502"),
    (Play(504), "Omnisend answered 504"),
    (Play(520, headers={"Retry-After": "1"}), "Omnisend answered 520"),
]


_REFUSED = {
    "type": "https://problems.omnisend.com/validation",
    "title": "Validation failed",
    "status": 400,
    "detail": "7001@shopper.example is not an address",
    "errors": [
        {"field": "contact.email", "code": "invalid_format", "message": "7001@shopper.example"}
    ],
}


@pytest.mark.parametrize(
    ("play", "verdict"),
    [
        (Play(202), Delivered()),
        (Play(202, b"half", manner="cut_inside"), Delivered()),
        (Play(202, after_seconds=0.1), Delivered()),
        (
            Play.json(400, _REFUSED),
            Dropped("Omnisend answered 400 contact.email invalid_format"),
        ),
        (Play(400, b"<html>"), Dropped("Omnisend answered 400")),
        (Play(401), Dropped("Omnisend answered 401")),
        (Play(403), Dropped("Omnisend answered 403")),
        (Play(410), Dropped("Omnisend answered 410")),
        (Play(302, headers={"Location": "http://127.0.0.1:1/"}), Dropped("Omnisend answered 302")),
        (Play(408), Deferred("Omnisend answered 408")),
        (Play.json(429, {"retryAfter": 12}), Deferred("Omnisend answered 429", 12.0)),
        (Play.json(429, {"retryAfter": -1}), Deferred("Omnisend answered 429")),
        (Play(429, headers={"Retry-After": "7"}), Deferred("Omnisend answered 429", 7.0)),
        (Play(429), Deferred("Omnisend answered 429")),
        (Play(500), Deferred("Omnisend answered 500")),
        (Play(503), Deferred("Omnisend answered 503")),
    ],
)
async def test_answer_makes_the_verdict(
    server: PlayedServer, caller: Caller, play: Play, verdict: Verdict
) -> None:
    server.plays = [play]
    # Whatever the setting: nothing here is uncertain.
    assert await _carry(caller, server.url, earned_letter()) == [verdict]
    server.plays = [play]
    verdicts = await _carry(caller, server.url, earned_letter(attempt=2), retry_uncertain="true")
    assert verdicts == [verdict]


@pytest.mark.parametrize(("play", "reason"), _LOST)
async def test_letter_that_may_have_arrived_is_uncertain(
    server: PlayedServer, caller: Caller, hasty: Caller, play: Play, reason: str
) -> None:
    server.plays = [play]
    chosen = hasty if play.manner == "silence" else caller
    assert await _carry(chosen, server.url, earned_letter()) == [Uncertain(reason)]


@pytest.mark.parametrize(
    ("play", "reason"), [lost for lost in _LOST if lost[0].manner != "silence"]
)
async def test_merchant_may_have_it_repeated_once(
    server: PlayedServer, caller: Caller, play: Play, reason: str
) -> None:
    for attempt, verdict in ((1, Deferred(reason)), (2, Uncertain(reason)), (3, Uncertain(reason))):
        server.plays = [play]
        letter = earned_letter(attempt=attempt)
        assert await _carry(caller, server.url, letter, retry_uncertain="true") == [verdict]


def test_letter_whose_sender_died_is_not_sent_again() -> None:
    assert not OmnisendCourier.repeats_safely


async def test_refused_connection_sent_nothing(caller: Caller) -> None:
    async with played_server() as server:
        url = server.url
    assert await _carry(caller, url, earned_letter()) == [Deferred("Omnisend: no connection")]


async def test_after_a_deferred_letter_the_members_later_ones_wait(
    server: PlayedServer, caller: Caller
) -> None:
    other = make_member(2)
    server.plays = [Play(500)]
    verdicts = await _carry(caller, server.url, earned_letter(), earned_letter(number=2))
    assert verdicts == [Deferred("Omnisend answered 500"), None]
    verdicts = await _carry(
        caller, server.url, earned_letter(), earned_letter(number=2, member=other)
    )
    assert verdicts == [Delivered(), Delivered()]


async def test_refusal_for_too_many_calls_spares_the_others(
    server: PlayedServer, caller: Caller
) -> None:
    """The whole account is left alone, not only the letter that met it."""
    courier = OmnisendCourier(caller)
    destination = make_destination("omnisend", server.url)
    server.plays = [Play(429, headers={"Retry-After": "45"})]
    first = await courier.carry(destination, [earned_letter()])
    assert first == [Deferred("Omnisend answered 429", 45.0)]
    (second,) = await courier.carry(destination, [earned_letter(number=2)])
    assert isinstance(second, Deferred)
    assert second.reason == "Omnisend asked to be left alone"
    assert second.after_seconds is not None
    assert 30 < second.after_seconds <= 45
    assert len(server.heard) == 1


async def test_waits_grow_while_the_platform_goes_on_asking(
    server: PlayedServer, caller: Caller
) -> None:
    for attempt, seconds in ((1, 2.0), (2, 2.0), (6, 32.0), (29, 3600.0)):
        server.plays = [Play(429, headers={"Retry-After": "2"})]
        verdicts = await _carry(caller, server.url, earned_letter(attempt=attempt))
        assert verdicts == [Deferred("Omnisend answered 429", seconds)]


async def test_calls_keep_to_what_the_platform_allows(server: PlayedServer, caller: Caller) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    courier = OmnisendCourier(caller, clock=lambda: 1000.0, sleep=sleep)
    destination = make_destination("omnisend", server.url)
    letters = [earned_letter(number=number, member=make_member(number)) for number in range(20 + 3)]
    verdicts = await courier.carry(destination, letters)
    assert verdicts == [Delivered()] * (20 + 3)
    assert sorted(waits) == [0.0] * 20 + [3.0] * 3


async def test_secret_is_nowhere_but_in_the_call(
    server: PlayedServer, caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = {"errors": [{"field": f"key {SECRET}", "detail": SECRET}], "error_message": SECRET}
    server.plays = [Play.json(400, echo), Play(401), Play(manner="cut_after"), Play()]
    destination = make_destination("omnisend", server.url)
    courier = OmnisendCourier(caller)
    for number in range(4):
        verdicts = await courier.carry(destination, [earned_letter(number=number)])
        assert SECRET not in repr(verdicts)
    assert all(SECRET in str(heard.headers) for heard in server.heard)
    assert SECRET not in caplog.text
    assert SECRET not in repr((destination, destination.connected, courier, vars(courier)))
