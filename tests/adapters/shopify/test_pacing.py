"""How fast a shop is called, when it is left alone, and with which token; by a test's clock."""

import asyncio
import json
from collections.abc import Mapping

import pytest

from guerdon.adapters.shopify.breaker import (
    FAILURES_MAX,
    OPEN_SECONDS,
    OPEN_SECONDS_FIRST,
    Breaker,
)
from guerdon.adapters.shopify.failures import NotExecuted
from guerdon.adapters.shopify.throttling import Bucket, Ticket
from guerdon.adapters.shopify.tokens import FixedToken, GrantedToken
from guerdon.http.calling import Answer, Caller, NotSent


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def cost_of(requested: int, left: float, *, rate: float = 100.0) -> Mapping[str, object]:
    status = {"maximumAvailable": 2000.0, "currentlyAvailable": left, "restoreRate": rate}
    return {"requestedQueryCost": requested, "throttleStatus": status}


def taken(bucket: Bucket, seconds_max: float = 10.0) -> Ticket:
    ticket = bucket.take("create", seconds_max)
    assert ticket is not None
    return ticket


def wait_of(bucket: Bucket) -> float:
    """Take a call's points; give how long it has to wait."""
    return taken(bucket).wait_seconds


def settled(clock: Clock, left: float, *, requested: int = 10, rate: float = 100.0) -> Bucket:
    bucket = Bucket(clock)
    bucket.settle(taken(bucket, 0.0), cost_of(requested, left, rate=rate))
    return bucket


def test_with_points_left_nobody_waits(clock: Clock) -> None:
    assert wait_of(settled(clock, 10.0)) == 0.0


def test_a_call_waits_until_its_points_have_flowed_in(clock: Clock) -> None:
    assert wait_of(settled(clock, 2.0, rate=50.0)) == pytest.approx(8 / 50)


def test_each_of_many_waits_for_those_before_it(clock: Clock) -> None:
    bucket = settled(clock, 0.0)
    assert [wait_of(bucket) for _ in range(3)] == pytest.approx([0.1, 0.2, 0.3])


def test_a_wait_that_is_too_long_takes_nothing(clock: Clock) -> None:
    bucket = settled(clock, 0.0)
    assert bucket.take("create", 0.05) is None
    assert bucket.wait_of("create") == pytest.approx(0.1)


def test_points_flow_back_with_time_and_never_above_the_brim(clock: Clock) -> None:
    bucket = settled(clock, 0.0)
    clock.now += 0.06
    ticket = taken(bucket)
    assert ticket.wait_seconds == pytest.approx(0.04)
    bucket.put_back(ticket)
    clock.now += 3600
    assert [wait_of(bucket) for _ in range(200)] == [0.0] * 200
    assert bucket.take("create", 0.0) is None


def test_what_is_under_way_is_not_counted_as_left(clock: Clock) -> None:
    bucket = settled(clock, 30.0)
    first, _ = taken(bucket), taken(bucket)
    # Shopify answers the first, and has not seen the second.
    bucket.settle(first, cost_of(10, 15.0))
    assert wait_of(bucket) == pytest.approx(0.05)


def test_a_guess_at_the_cost_that_was_wrong_leaves_no_trace(clock: Clock) -> None:
    bucket = Bucket(clock)
    tickets = [taken(bucket) for _ in range(20)]
    for ticket in tickets:
        bucket.settle(ticket, cost_of(1, 1000.0))
    assert [wait_of(bucket) for _ in range(1000)] == [0.0] * 1000
    assert wait_of(bucket) > 0


def test_the_cost_is_what_the_document_cost_last(clock: Clock) -> None:
    bucket = settled(clock, 100.0, requested=80)
    assert bucket.cost_of("create") == 80
    assert wait_of(bucket) == 0.0
    assert wait_of(bucket) == pytest.approx(0.6)


@pytest.mark.parametrize("cost", [None, {}, {"throttleStatus": "?", "requestedQueryCost": "?"}])
def test_an_answer_without_figures_changes_none(
    clock: Clock, cost: Mapping[str, object] | None
) -> None:
    bucket = settled(clock, 10.0)
    bucket.settle(taken(bucket), cost)
    assert wait_of(bucket) == pytest.approx(0.1)


def test_the_breaker_opens_after_failures_in_a_row_and_lets_one_probe_through(
    clock: Clock,
) -> None:
    breaker = Breaker(clock)
    for _ in range(FAILURES_MAX - 1):
        breaker.failed()
    assert breaker.admit() is None
    breaker.failed()
    assert breaker.admit() == OPEN_SECONDS_FIRST
    clock.now += OPEN_SECONDS_FIRST
    assert breaker.admit() is None
    # The others wait for the probe.
    assert breaker.admit() == OPEN_SECONDS
    breaker.failed()
    assert breaker.admit() == 2 * OPEN_SECONDS_FIRST
    for _ in range(2000):
        breaker.failed()
    assert breaker.admit() == OPEN_SECONDS
    clock.now += OPEN_SECONDS
    assert breaker.admit() is None
    breaker.succeeded()
    assert [breaker.admit() for _ in range(3)] == [None] * 3


def test_a_success_in_between_keeps_the_breaker_closed(clock: Clock) -> None:
    breaker = Breaker(clock)
    for _ in range(10 * FAILURES_MAX):
        breaker.failed()
        breaker.succeeded()
        assert breaker.admit() is None


class Grants(Caller):
    """Answers requests for tokens: token-1, token-2, … each good for 1000 seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.is_broken = False

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes = b"",
        seconds_max: float | None = None,
    ) -> Answer:
        assert (method, url) == ("POST", "http://shop/token")
        assert headers
        assert seconds_max
        assert b"client_secret=hush" in content
        await asyncio.sleep(0)
        if self.is_broken:
            raise NotSent("no connection")
        self.asked += 1
        body = {"access_token": f"token-{self.asked}", "scope": "all", "expires_in": 1000}
        return Answer(200, {}, json.dumps(body).encode(), is_whole=True)


def granted(clock: Clock) -> tuple[GrantedToken, Grants]:
    grants = Grants()
    return GrantedToken(grants, "http://shop/token", "app", "hush", clock), grants


async def test_a_token_is_fetched_once_by_many_and_renewed_at_four_fifths(clock: Clock) -> None:
    tokens, grants = granted(clock)
    assert set(await asyncio.gather(*(tokens.get() for _ in range(20)))) == {"token-1"}
    clock.now += 799
    assert await tokens.get() == "token-1"
    clock.now += 1
    assert set(await asyncio.gather(*(tokens.get() for _ in range(20)))) == {"token-2"}
    assert grants.asked == 2


async def test_of_many_refused_at_once_one_fetches_and_all_get_the_new_token(
    clock: Clock,
) -> None:
    tokens, grants = granted(clock)
    refused = await tokens.get()
    found = await asyncio.gather(*(tokens.replace(refused) for _ in range(20)))
    assert set(found) == {"token-2"}
    assert grants.asked == 2


async def test_a_renewal_that_fails_early_leaves_the_old_token_in_use(clock: Clock) -> None:
    tokens, grants = granted(clock)
    await tokens.get()
    grants.is_broken = True
    clock.now += 900
    assert await tokens.get() == "token-1"
    clock.now += 100
    with pytest.raises(NotExecuted):
        await tokens.get()


async def test_a_fixed_token_has_no_other() -> None:
    tokens = FixedToken("shpat")
    assert await tokens.get() == "shpat"
    assert await tokens.replace("shpat") is None
