"""The layers at which a call fails, and what is known of its effect at each."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest
import structlog

from guerdon.adapters.shopify.client import Shop
from guerdon.adapters.shopify.documents import document
from guerdon.adapters.shopify.failures import AnswerLost, NotExecuted
from guerdon.adapters.shopify.platform import make_shopify
from guerdon.adapters.shopify.tokens import RENEWED_AT, GrantedToken
from guerdon.engine.ports import FulfilmentFailed
from guerdon.engine.runtime import utc_now
from guerdon.http.calling import Caller
from guerdon.sandbox.shopify.throttle import Rate
from tests.adapters.shopify.conftest import MakeSandbox
from tests.adapters.shopify.sandboxed import SHOP, TOKEN, Sandboxed

CREATE = "discountCodeBasicCreate"
LOOK = "codeDiscountNodeByCode"


def shop_of(sandbox: Sandboxed, **definition: str) -> Shop:
    return sandbox.shopify.shops.of(sandbox.connected(None, **definition))


async def look(sandbox: Sandboxed, seconds: float = 7.0, **definition: str) -> Any:
    shop = shop_of(sandbox, **definition)
    return await shop.call(document("discount_by_code"), {"code": "X"}, shop.budget(seconds))


async def create(sandbox: Sandboxed, seconds: float = 7.0) -> Any:
    shop = shop_of(sandbox)
    wish: dict[str, Any] = {
        "title": "A",
        "code": "A-1",
        "startsAt": "2026-01-01T00:00:00Z",
        "context": {"all": "ALL"},
        "customerGets": {"value": {"percentage": 0.1}, "items": {"all": True}},
    }
    return await shop.call(document("basic_create"), {"input": wish}, shop.budget(seconds))


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "cut_before"},
        {"kind": "cut_after"},
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 503, "headers": {"Retry-After": "1"}},
        {"kind": "status", "status": 200, "body": ["no", "object"]},
    ],
)
async def test_an_answer_lost_to_what_changes_nothing_is_asked_for_again(
    sandbox: Sandboxed, fault: dict[str, Any]
) -> None:
    sandbox.fail(match=LOOK, **fault)
    assert await look(sandbox) == {LOOK: None}


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "cut_before"},
        {"kind": "cut_after"},
        {"kind": "status", "status": 500},
        {"kind": "top_error", "code": "INTERNAL_SERVER_ERROR"},
    ],
)
async def test_an_answer_lost_to_what_may_have_changed_something_is_not(
    sandbox: Sandboxed, fault: dict[str, Any]
) -> None:
    sandbox.fail(match=CREATE, **fault)
    with pytest.raises(AnswerLost):
        await create(sandbox)
    assert sandbox.calls(CREATE) == 1


@pytest.mark.parametrize(
    ("status", "is_permanent"),
    [(401, False), (402, False), (403, False), (423, False), (404, True), (400, True)],
)
async def test_a_shut_shop_has_done_nothing(
    sandbox: Sandboxed, status: int, *, is_permanent: bool
) -> None:
    sandbox.fail("status", CREATE, status=status)
    with pytest.raises(NotExecuted) as caught:
        await create(sandbox)
    assert caught.value.is_permanent == is_permanent
    assert sandbox.discounts() == []


@pytest.mark.parametrize("code", ["ACCESS_DENIED", "BAD_REQUEST", "MAX_INPUT_SIZE_EXCEEDED"])
async def test_an_error_of_the_whole_call_has_done_nothing_and_would_not_do_better(
    sandbox: Sandboxed, code: str
) -> None:
    sandbox.fail("top_error", CREATE, code=code, message="that will not do")
    with pytest.raises(NotExecuted, match="that will not do") as caught:
        await create(sandbox)
    assert caught.value.is_permanent


@pytest.mark.parametrize("fault", [{}, {"status": 429, "headers": {"Retry-After": "0.2"}}])
async def test_what_was_throttled_is_sent_again_within_the_budget(
    sandbox: Sandboxed, fault: dict[str, Any]
) -> None:
    sandbox.fail("throttled", CREATE, **fault)
    data = await create(sandbox)
    assert data[CREATE]["userErrors"] == []
    assert sandbox.calls(CREATE) == 2


async def test_what_is_throttled_for_longer_fails_and_says_for_how_long(
    sandbox: Sandboxed,
) -> None:
    sandbox.fail("throttled", CREATE, status=429, headers={"Retry-After": "30"})
    with pytest.raises(NotExecuted) as caught:
        await create(sandbox, seconds=2.0)
    assert (caught.value.after_seconds, caught.value.is_permanent) == (30.0, False)


async def test_a_slow_shop_is_called_no_faster_than_it_likes(make_sandbox: MakeSandbox) -> None:
    sandbox = await make_sandbox(rate=Rate(maximum=20.0, restored=200.0))
    await asyncio.gather(*(look(sandbox) for _ in range(30)))
    # The first answers teach the pace; after them none is thrown out.
    thrown_out = sandbox.calls(LOOK) - 30
    for _ in range(30):
        await look(sandbox)
    assert sandbox.calls(LOOK) - 60 == thrown_out


async def test_a_shop_that_asks_for_a_pause_gets_it_or_is_not_asked_again(
    sandbox: Sandboxed,
) -> None:
    sandbox.fail("status", LOOK, status=503, headers={"Retry-After": "30"})
    with pytest.raises(AnswerLost) as caught:
        await look(sandbox)
    assert caught.value.after_seconds == 30
    assert sandbox.calls(LOOK) == 1


async def test_no_answer_in_time_is_unknown(make_sandbox: MakeSandbox) -> None:
    # Long enough to make the first connection, also on a busy machine.
    sandbox = await make_sandbox(answer_seconds=1.0)
    sandbox.fail("never", CREATE)
    with pytest.raises(AnswerLost):
        await create(sandbox)


async def test_a_shop_out_of_reach_has_done_nothing(sandbox: Sandboxed) -> None:
    with pytest.raises(NotExecuted) as caught:
        await look(sandbox, base_url="http://127.0.0.1:1/shopify")
    assert not caught.value.is_permanent


async def test_a_shop_that_does_not_answer_is_left_alone_and_then_tried_once(
    sandbox: Sandboxed,
) -> None:
    sandbox.fail("status", CREATE, status=500, nth=1, times=5)
    for _ in range(5):
        with pytest.raises(AnswerLost):
            await create(sandbox)
    shop = shop_of(sandbox)
    for _ in range(10):
        # As if many more had failed beside: the rest is then longer than this test takes.
        shop.breaker.failed()
    with pytest.raises(NotExecuted) as caught:
        await create(sandbox)
    assert caught.value.after_seconds == pytest.approx(10, abs=1)
    assert sandbox.calls(CREATE) == 5
    shop.breaker._open_until = 0.0
    await create(sandbox)
    assert shop.breaker.admit() is None


async def test_another_version_than_was_asked_for_is_warned_of_once(sandbox: Sandboxed) -> None:
    sandbox.fail("wrong_version", LOOK, nth=None)
    with structlog.testing.capture_logs() as logs:
        await look(sandbox)
        await look(sandbox)
    assert [each["event"] for each in logs] == ["shopify_version_differs"]


async def test_a_refused_token_is_replaced_once_by_client_credentials(
    sandbox: Sandboxed,
) -> None:
    secrets = {"client_secret": "hush"}
    connected = sandbox.connected(secrets, client_id="sandbox-app")
    shop = sandbox.shopify.shops.of(connected)
    sandbox.fail("status", LOOK, status=401)
    found = await asyncio.gather(
        *(shop.call(document("discount_by_code"), {"code": "X"}, shop.budget()) for _ in range(5))
    )
    assert found == [{LOOK: None}] * 5
    tokens = [call for call in sandbox.app.world.calls if "token" in str(call["name"])]
    assert len(tokens) == 2


async def test_a_token_that_cannot_be_renewed_is_used_to_its_end_without_asking_each_time(
    sandbox: Sandboxed,
) -> None:
    """Asking takes seconds where nobody answers, and every call would wait for it."""
    now = 0.0
    address = sandbox.shopify.shops.of(sandbox.connected()).address
    async with aclosing(Caller()) as caller:
        tokens = GrantedToken(caller, address.token, "sandbox-app", "hush", lambda: now)
        first = await tokens.get()
        sandbox.fail("status", "token", status=503, times=1000)
        asked = len(sandbox.app.world.calls)
        now = 86_399 * (RENEWED_AT + 0.01)
        assert [await tokens.get() for _ in range(20)] == [first] * 20
        assert len(sandbox.app.world.calls) == asked + 1
        now += 120
        assert await tokens.get() == first
        assert len(sandbox.app.world.calls) == asked + 2
        now = 86_400
        with pytest.raises(NotExecuted):
            await tokens.get()


async def test_credentials_that_are_refused_are_told_without_being_shown(
    sandbox: Sandboxed,
) -> None:
    connected = sandbox.connected({"client_secret": "bad-secret"}, client_id="sandbox-app")
    shop = sandbox.shopify.shops.of(connected)
    with pytest.raises(NotExecuted) as caught, structlog.testing.capture_logs() as logs:
        await shop.call(document("discount_by_code"), {"code": "X"}, shop.budget())
    assert "bad-secret" not in f"{caught.value!r} {logs}"


async def test_no_secret_is_shown_whatever_fails(sandbox: Sandboxed) -> None:
    handover = sandbox.handover(connected=sandbox.connected({"token": f"bad-{TOKEN}"}))
    with pytest.raises(FulfilmentFailed) as caught, structlog.testing.capture_logs() as logs:
        await sandbox.shopify.fulfillers["shopify"].fulfil(handover)
    shop = sandbox.shopify.shops.of(handover.connected)
    assert TOKEN not in f"{caught.value!r} {caught.value} {logs} {shop!r} {handover!r}"


async def test_a_connection_that_says_too_little_is_refused(sandbox: Sandboxed) -> None:
    for connected in (
        sandbox.connected({"client_secret": "hush"}),
        sandbox.connected(shop=""),
    ):
        with pytest.raises(NotExecuted) as caught:
            sandbox.shopify.shops.of(connected)
        assert caught.value.is_permanent


async def test_a_changed_connection_gets_a_client_of_its_own(sandbox: Sandboxed) -> None:
    shops = sandbox.shopify.shops
    first = shops.of(sandbox.connected())
    assert shops.of(sandbox.connected()) is first
    assert shops.of(sandbox.connected({"token": "shpat_other"})) is not first


async def test_without_a_stand_in_the_shop_itself_is_called() -> None:
    shopify = make_shopify(utc_now)
    sandboxed = Sandboxed(None, "", shopify)  # type: ignore[arg-type]
    connected = sandboxed.connected()
    connected.definition["base_url"] = None
    address = shopify.shops.of(connected).address
    assert address.graphql == f"https://{SHOP}/admin/api/2026-10/graphql.json"
    assert address.token == f"https://{SHOP}/admin/oauth/access_token"
