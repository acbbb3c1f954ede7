"""Letters to Klaviyo on real connections: what goes out, and what each answer makes of them."""

import logging
from collections.abc import AsyncIterator
from typing import get_args

import pytest
from hypothesis import given

from guerdon.adapters.klaviyo.deliver import KlaviyoCourier
from guerdon.adapters.klaviyo.translate import event_to_wire
from guerdon.domain.delivery import (
    Deferred,
    Delivered,
    Dropped,
    Letter,
    Skipped,
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

_in_form = form_of("klaviyo_event")


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
    destination = make_destination("klaviyo", url, **definition)
    return list(await KlaviyoCourier(caller).carry(destination, letters))


@given(LETTERS)
def test_every_letter_fits_the_published_form(letter: Letter) -> None:
    _in_form(event_to_wire(letter))


def test_wants_what_can_be_said() -> None:
    courier = KlaviyoCourier(Caller())
    destination = make_destination("klaviyo")
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
    assert heard.headers["authorization"] == f"Klaviyo-API-Key {SECRET}"
    assert heard.headers["revision"] == "2026-07-15"
    assert heard.headers["content-type"] == heard.headers["accept"] == "application/vnd.api+json"
    assert heard.data == {
        "data": {
            "type": "event",
            "attributes": {
                "metric": {"data": {"type": "metric", "attributes": {"name": "Points Awarded"}}},
                "profile": {
                    "data": {
                        "type": "profile",
                        "attributes": {"email": "7001@shopper.example", "external_id": "7001"},
                    }
                },
                "properties": {
                    "Points Awarded": 70,
                    "Earning Rule": "Rule 1",
                    "Status": "approved",
                    "Order Number": "#1042",
                },
                "time": "2026-03-14T09:26:53Z",
                "unique_id": "guerdon-1-101-1773480413589",
            },
        }
    }


async def test_revision_is_a_setting(server: PlayedServer, caller: Caller) -> None:
    await _carry(caller, server.url, earned_letter(), revision="2026-10-15")
    assert server.heard[0].headers["revision"] == "2026-10-15"


def _said(letter: Letter) -> tuple[str, dict[str, object], object, object]:
    attributes = _in_form(event_to_wire(letter))["data"]["attributes"]
    name = attributes["metric"]["data"]["attributes"]["name"]
    return (
        name,
        attributes["properties"],
        attributes.get("value"),
        attributes.get("value_currency"),
    )


@pytest.mark.parametrize(
    ("letter", "name", "properties"),
    [
        (
            make_letter("points.adjusted", points=5),
            "Points Awarded",
            {"Points Awarded": 5, "Earning Rule": "Manual", "Status": "approved"},
        ),
        (
            tier_letter(),
            "VIP Tier Changed",
            {"New Tier Name": "Jade", "Previous Tier Name": "Amber"},
        ),
        (tier_letter(None), "VIP Tier Changed", {"New Tier Name": "Jade"}),
        (
            tier_letter("Jade", None),
            "VIP Tier Changed",
            {"New Tier Name": "", "Previous Tier Name": "Jade"},
        ),
    ],
)
def test_what_is_no_redemption_has_no_value(
    letter: Letter, name: str, properties: dict[str, object]
) -> None:
    assert _said(letter) == (name, properties, None, None)


def test_redemption_carries_what_it_is_worth() -> None:
    reward = make_reward(name="£10 voucher")
    assert _said(redeemed_letter(reward)) == (
        "Reward Redeemed",
        {"Reward Name": "£10 voucher", "Points Spent": 100, "Discount Type": "fixed"},
        10,
        "GBP",
    )


def test_redemption_worth_no_money_has_no_value() -> None:
    free = make_reward(discount=None, kind="free_shipping")
    assert _said(redeemed_letter(free, points=0)) == (
        "Reward Redeemed",
        {"Reward Name": "Reward 1", "Points Spent": 0, "Discount Type": "free_shipping"},
        None,
        None,
    )


async def test_repeated_letter_has_the_same_id(server: PlayedServer, caller: Caller) -> None:
    await _carry(caller, server.url, earned_letter())
    await _carry(caller, server.url, earned_letter(attempt=2))
    assert server.heard[0].body == server.heard[1].body


_REFUSED = {
    "errors": [
        {
            "id": "1",
            "status": 400,
            "code": "invalid",
            "title": "Invalid input.",
            "detail": "'7001@shopper.example' is not an address",
            "source": {"pointer": "/data/attributes/profile/data/attributes/email"},
        }
    ]
}


@pytest.mark.parametrize(
    ("play", "verdict"),
    [
        (Play(202), Delivered()),
        (Play(202, b"half", manner="cut_inside"), Delivered()),
        (Play(200), Delivered()),
        (Play(202, after_seconds=0.1), Delivered()),
        (
            Play.json(400, _REFUSED),
            Dropped("Klaviyo answered 400 invalid /data/attributes/profile/data/attributes/email"),
        ),
        (Play(400, b"<html>"), Dropped("Klaviyo answered 400")),
        (Play.json(400, {"errors": 3}), Dropped("Klaviyo answered 400")),
        (
            Play.json(401, {"errors": [{"code": "not_authenticated"}]}),
            Dropped("Klaviyo answered 401 not_authenticated"),
        ),
        (Play(403), Dropped("Klaviyo answered 403")),
        (Play(409), Dropped("Klaviyo answered 409")),
        (Play(410), Dropped("Klaviyo answered 410")),
        (Play(302, headers={"Location": "http://127.0.0.1:1/"}), Dropped("Klaviyo answered 302")),
        (Play(408), Deferred("Klaviyo answered 408")),
        (Play(429, headers={"Retry-After": "7"}), Deferred("Klaviyo answered 429", 7.0)),
        (Play(429), Deferred("Klaviyo answered 429")),
        (Play(429, headers={"Retry-After": "soon"}), Deferred("Klaviyo answered 429")),
        (Play(500), Deferred("Klaviyo answered 500")),
        (Play(502), Deferred("Klaviyo answered 502")),
        (Play(503, headers={"Retry-After": "3"}), Deferred("Klaviyo answered 503", 3.0)),
        (
            Play(manner="cut_before"),
            Deferred("Klaviyo: the connection was lost"),
        ),
        (
            Play(manner="cut_after"),
            Deferred("Klaviyo: the connection was lost"),
        ),
        (Play(manner="silence"), Deferred("Klaviyo: no answer in time")),
    ],
)
async def test_answer_makes_the_verdict(
    server: PlayedServer, caller: Caller, hasty: Caller, play: Play, verdict: Verdict
) -> None:
    server.plays = [play]
    chosen = hasty if play.manner == "silence" else caller
    assert await _carry(chosen, server.url, earned_letter()) == [verdict]


def test_letter_may_be_sent_again() -> None:
    assert KlaviyoCourier.repeats_safely


async def test_refused_connection_sent_nothing(caller: Caller) -> None:
    async with played_server() as server:
        url = server.url
    assert await _carry(caller, url, earned_letter()) == [Deferred("Klaviyo: no connection")]


async def test_after_a_deferred_letter_the_members_later_ones_wait(
    server: PlayedServer, caller: Caller
) -> None:
    other = make_member(2)
    server.plays = [Play(500)]
    verdicts = await _carry(caller, server.url, earned_letter(), earned_letter(number=2))
    assert verdicts == [Deferred("Klaviyo answered 500"), None]
    verdicts = await _carry(
        caller, server.url, earned_letter(), earned_letter(number=2, member=other)
    )
    assert verdicts == [Delivered(), Delivered()]


async def test_refusal_for_too_many_calls_spares_the_others(
    server: PlayedServer, caller: Caller
) -> None:
    """The whole account is left alone, not only the letter that met it."""
    courier = KlaviyoCourier(caller)
    destination = make_destination("klaviyo", server.url)
    server.plays = [Play(429, headers={"Retry-After": "45"})]
    first = await courier.carry(destination, [earned_letter()])
    assert first == [Deferred("Klaviyo answered 429", 45.0)]
    (second,) = await courier.carry(destination, [earned_letter(number=2)])
    assert isinstance(second, Deferred)
    assert second.reason == "Klaviyo asked to be left alone"
    assert second.after_seconds is not None
    assert 30 < second.after_seconds <= 45
    assert len(server.heard) == 1


async def test_waits_grow_while_the_platform_goes_on_asking(
    server: PlayedServer, caller: Caller
) -> None:
    for attempt, seconds in ((1, 2.0), (2, 2.0), (6, 32.0), (29, 3600.0)):
        server.plays = [Play(429, headers={"Retry-After": "2"})]
        verdicts = await _carry(caller, server.url, earned_letter(attempt=attempt))
        assert verdicts == [Deferred("Klaviyo answered 429", seconds)]


async def test_calls_keep_to_what_the_platform_allows(server: PlayedServer, caller: Caller) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    courier = KlaviyoCourier(caller, clock=lambda: 1000.0, sleep=sleep)
    destination = make_destination("klaviyo", server.url)
    letters = [
        earned_letter(number=number, member=make_member(number)) for number in range(350 + 3)
    ]
    verdicts = await courier.carry(destination, letters)
    assert verdicts == [Delivered()] * (350 + 3)
    assert sorted(waits) == [0.0] * 350 + [6.0] * 3


async def test_secret_is_nowhere_but_in_the_call(
    server: PlayedServer, caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = {"errors": [{"field": f"key {SECRET}", "detail": SECRET}], "error_message": SECRET}
    server.plays = [Play.json(400, echo), Play(401), Play(manner="cut_after"), Play()]
    destination = make_destination("klaviyo", server.url)
    courier = KlaviyoCourier(caller)
    for number in range(4):
        verdicts = await courier.carry(destination, [earned_letter(number=number)])
        assert SECRET not in repr(verdicts)
    assert all(SECRET in str(heard.headers) for heard in server.heard)
    assert SECRET not in caplog.text
    assert SECRET not in repr((destination, destination.connected, courier, vars(courier)))
