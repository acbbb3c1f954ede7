"""`guerdon sandbox`: the command that serves it, and the one that compares."""

import asyncio
import re
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

import guerdon.sandbox
from guerdon.cli.sandbox_comparing import Said, compare
from guerdon.domain.catalogue import FulfilBy
from guerdon.domain.command import Redeem
from guerdon.domain.ids import DeliveryId, EventId, MemberId, MerchantId, RedemptionId
from guerdon.domain.redemption import RedemptionStatus
from guerdon.engine.redeeming import redeem
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.store.delivery_views import DeliveryView
from guerdon.store.redemption_views import PlatformRedemption
from tests.builders.ledgers import SHOP as MERCHANT
from tests.builders.ledgers import connect, redemption_of, ref
from tests.builders.program_file import SECRETS, make_file
from tests.builders.sandbox import SHOP, RunningSandbox, running_sandbox
from tests.builders.shopify_calls import CREATE, VERSION, basic_input
from tests.support.commands import START_SECONDS_MAX, Ran, environment, run_here

_NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
_KEY = "a sealing key of thirty-two bytes or more"


def _redemption(
    status: RedemptionStatus = "approved",
    *,
    expires_at: datetime | None = None,
    fulfil_by: FulfilBy = "shopify",
) -> PlatformRedemption:
    return PlatformRedemption(
        id=RedemptionId(9),
        status=status,
        code="LOY-9",
        expires_at=expires_at,
        fulfil_by=fulfil_by,
    )


def _discount(number: int = 1, **changes: Any) -> dict[str, Any]:
    given = {
        "id": f"discount-{number}",
        "codes": ["loy-9"],
        "status": "ACTIVE",
        "tags": ["loyalty", "guerdon-shelf-9"],
    }
    return given | changes


def _differences(
    redemption: PlatformRedemption | None,
    *discounts: dict[str, Any],
    cards: tuple[dict[str, Any], ...] = (),
) -> list[str]:
    said = Said(MerchantId(1), "shelf", [redemption] if redemption else [], [], {})
    shop = {"discounts": list(discounts), "gift_cards": list(cards)}
    state = {"shopify": {SHOP: shop}, "klaviyo": [], "omnisend": [], "postscript": []}
    return compare(said, state, SHOP, _NOW)


@pytest.mark.parametrize("status", ["approved", "used"])
def test_one_live_discount_stands_for_what_was_handed_over(status: RedemptionStatus) -> None:
    assert _differences(_redemption(status), _discount()) == []
    assert _differences(_redemption(status), _discount(status="SCHEDULED")) == []


@pytest.mark.parametrize("status", ["approved", "used"])
@pytest.mark.parametrize("discounts", [[], [_discount(status="EXPIRED")]])
def test_missing_discount_is_found(
    status: RedemptionStatus, discounts: list[dict[str, Any]]
) -> None:
    assert _differences(_redemption(status), *discounts) == [
        f"redemption 9 is {status} and nothing live stands for it (code LOY-9)"
    ]


def test_second_discount_is_found_by_its_tag() -> None:
    assert _differences(_redemption(), _discount(), _discount(2, codes=["LOY-OTHER"])) == [
        "redemption 9 is approved and 2 live things stand for it: discount-1, discount-2"
    ]


@pytest.mark.parametrize("status", ["pending", "declined", "void", "expired"])
def test_discount_that_should_be_gone_is_found(status: RedemptionStatus) -> None:
    assert _differences(_redemption(status), _discount()) == [
        f"redemption 9 is {status} and discount-1 is still live"
    ]
    assert _differences(_redemption(status), _discount(status="EXPIRED")) == []
    assert _differences(_redemption(status)) == []


def test_discount_may_be_over_when_its_time_is() -> None:
    expired = _redemption(expires_at=_NOW)
    assert _differences(expired, _discount(status="EXPIRED")) == []
    later = _redemption(expires_at=_NOW + timedelta(seconds=1))
    assert len(_differences(later, _discount(status="EXPIRED"))) == 1


def test_discount_of_no_redemption_is_found() -> None:
    assert _differences(None, _discount()) == [
        "discount-1 is live and stands for no redemption (tag guerdon-shelf-9)"
    ]
    for tags in (["loyalty"], ["guerdon-other-9"], ["guerdon-shelf-reward-9"]):
        assert _differences(None, _discount(tags=tags)) == []


def test_gift_cards_are_compared_too() -> None:
    card = {"id": "card-1", "code": "loy-9", "enabled": True}
    redemption = _redemption(fulfil_by="gift_card")
    assert _differences(redemption, cards=(card,)) == []
    assert len(_differences(redemption, cards=(card | {"enabled": False},))) == 1


def _delivery(destination: str, status: Any, event_id: int = 5) -> DeliveryView:
    return DeliveryView(
        id=DeliveryId(event_id),
        destination=destination,
        event_id=EventId(event_id),
        kind=None,
        member_id=MemberId(1),
        external_id=None,
        status=status,
        attempts=1,
        next_at=_NOW,
        leased_until=None,
        last_error=None,
        created_at=_NOW,
        updated_at=_NOW,
    )


@pytest.mark.parametrize(
    ("delivery", "received", "expected"),
    [
        (_delivery("klaviyo", "delivered"), ["key-5"], []),
        (
            _delivery("klaviyo", "delivered"),
            ["key-6"],
            ["event 5 has not reached klaviyo: it is delivered"],
        ),
        (
            _delivery("postscript", "dead"),
            [],
            ["event 5 has not reached postscript: it is dead"],
        ),
        (_delivery("klaviyo", "skipped"), [], []),
        (_delivery("omnisend", "delivered"), ["a-uuid"], []),
        (_delivery("omnisend", "delivered"), [], ["omnisend received 0 events of 1"]),
    ],
)
def test_event_that_did_not_arrive_is_found(
    delivery: DeliveryView, received: list[str], expected: list[str]
) -> None:
    said = Said(MerchantId(1), "shelf", [], [delivery], {5: "key-5"})
    state: dict[str, Any] = {"shopify": {}, "klaviyo": [], "omnisend": [], "postscript": []}
    state[delivery.destination] = [{"unique_id": key} for key in received]
    assert compare(said, state, SHOP, _NOW) == expected


class _Shop:
    """A shop whose only redemption waits to be handed over by the sandbox."""

    def __init__(self, url: str, folder: Path, sandbox: RunningSandbox) -> None:
        self._url = url
        self._path = folder
        self._sandbox = sandbox
        self._run = partial(run_here, GUERDON_DATABASE_URL=url, GUERDON_SECRET_KEY=_KEY, **SECRETS)

    def apply(self) -> None:
        file = make_file(integrations={"shopify": {"shop": SHOP, "token_env": "TOKEN"}})
        file["integrations"]["shopify"]["base_url"] = self._sandbox.shopify
        file["programs"][0]["rewards"][0] |= {"points_cost": 10, "fulfil": {"by": "shopify"}}
        path = self._path / "shop.yaml"
        path.write_text(yaml.safe_dump(file))
        assert self._run("apply", str(path)).code == 0
        members = self._path / "members.csv"
        members.write_text("external_id,points\n7001,100\n")
        assert self._run("import", "members", str(members)).code == 0

    async def pend(self) -> str:
        """Redeem without handing over; give the code."""
        pool = await connect(self._url)
        ledger = Ledger(Runtime(pool=pool))
        catalogue = await ledger.catalogues.get(MERCHANT)
        reward = next(each for each in catalogue.rewards.values() if each.slug == "ten")
        command = Redeem(program_id=reward.program_id, member=ref("7001"), reward_id=reward.id)
        redemption = redemption_of(await redeem(ledger, MERCHANT, command, waits=False))
        await ledger.close()
        await pool.close()
        assert redemption.code is not None
        return redemption.code

    def compare(self) -> Ran:
        return self._run("sandbox", "compare", "--url", self._sandbox.url)


async def test_compare_reads_ledger_and_sandbox(database_url: str, tmp_path: Path) -> None:
    async with running_sandbox() as sandbox:
        shop = _Shop(database_url, tmp_path, sandbox)
        await asyncio.to_thread(shop.apply)
        code = await shop.pend()
        clean = await asyncio.to_thread(shop.compare)
        assert (clean.code, clean.out) == (0, "1 redemption(s) and 0 deliveries: all as told\n")
        async with httpx.AsyncClient(trust_env=False) as client:
            came = await client.post(
                f"{sandbox.shopify}/admin/api/{VERSION}/graphql.json",
                headers={"X-Shopify-Access-Token": "a-token"},
                json={"query": CREATE, "variables": {"input": basic_input(code=code)}},
            )
        assert came.json()["data"]["discountCodeBasicCreate"]["userErrors"] == []
        ran = await asyncio.to_thread(shop.compare)
        assert ran.code == 1
        assert re.fullmatch(r"redemption \d+ is pending and gid://\S+ is still live\n", ran.out)
        assert "1 difference(s)" in ran.err


def test_compare_says_that_no_sandbox_answers() -> None:
    ran = run_here("sandbox", "compare", "--url", "http://127.0.0.1:9")
    assert ran.code == 1
    assert "no sandbox answers at http://127.0.0.1:9" in ran.err


def test_sandbox_stays_on_loopback_unless_told() -> None:
    ran = run_here("sandbox", "--host", "0.0.0.0")  # noqa: S104 -- it is refused
    assert ran.code == 1
    assert "--beyond-loopback" in ran.err


def test_missing_graphql_core_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    # The package holds on to what is imported last; afterwards it is to hold what it held before.
    monkeypatch.setattr(guerdon, "sandbox", guerdon.sandbox)
    for name in [name for name in sys.modules if name.startswith("guerdon.sandbox")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "graphql", None)
    ran = run_here("sandbox")
    assert ran.code == 1
    assert "pip install 'guerdon[sandbox]'" in ran.err


def test_command_prints_a_program_file_s_part_and_serves() -> None:
    command = [sys.executable, "-m", "guerdon", "sandbox", "--port", str(_free_port())]
    with subprocess.Popen(
        command, env=environment(PYTHONUNBUFFERED="1"), stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(5)]
            integrations = yaml.safe_load("".join(lines))["integrations"]
            url = integrations["klaviyo"]["base_url"].removesuffix("/klaviyo")
            assert integrations["shopify"]["base_url"] == f"{url}/shopify/{SHOP}"
            transport = httpx.HTTPTransport(retries=8)
            with httpx.Client(transport=transport, timeout=START_SECONDS_MAX) as client:
                assert "Guerdon sandbox" in client.get(f"{url}/").text
        finally:
            process.terminate()
            process.wait(START_SECONDS_MAX)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
