"""From the till to the ledger: webhooks as Shopify sends them, over HTTP, to a served shop."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
import uvicorn

from guerdon.adapters.shopify.translate_webhooks import ShopifyReader
from guerdon.domain.command import Enrol, Redeem
from guerdon.domain.ids import RewardId
from guerdon.domain.member import MemberRef
from guerdon.engine.acting import act_on_inbox
from guerdon.engine.receiving import hook_path
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal
from guerdon.engine.submitting import Ledger
from guerdon.web import WebApp, create_app
from tests.builders.http import Clock
from tests.builders.integration import connect_platform
from tests.builders.ledgers import SHOP, drifts, redemption_of
from tests.builders.orders import make_order, make_refund
from tests.builders.sandbox import SHOP as DOMAIN
from tests.builders.sandbox import running_sandbox
from tests.builders.shop import PROGRAM, make_reward, make_rule, make_shop, save_shop

SEAL = Seal(b"a sealing key of thirty-two bytes or more")
SECRET = "shpss_what_the_app_is_known_by"


@asynccontextmanager
async def served(app: WebApp) -> AsyncIterator[str]:
    """Serve an application on loopback; give its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(cast("Any", app), lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


async def test_an_order_is_bought_with_a_code_and_partly_given_back(pool: asyncpg.Pool) -> None:
    clock = Clock()
    runtime = Runtime(pool=pool, now=clock, seal=SEAL, readers={"shopify": ShopifyReader()})
    ledger = Ledger(runtime)
    rule = make_rule(1, trigger="order_paid", action_key=None, points=2, is_per_unit=True)
    shop = await save_shop(pool, make_shop(rules=(rule,), rewards=(make_reward(1, points_cost=0),)))
    await connect_platform(runtime, SHOP, secrets={"webhook_secret": SECRET}, shop=DOMAIN)
    await ledger.submit(SHOP, Enrol(program_id=PROGRAM, external_id="9001"))
    redeem = Redeem(
        program_id=PROGRAM, member=MemberRef(external_id="9001"), reward_id=RewardId(1001)
    )
    code = redemption_of(await ledger.submit(SHOP, redeem)).code
    paid = make_order(
        1,
        financial_status="paid",
        processed_at=clock().isoformat(),
        discount_codes=[{"code": code, "amount": "10.00", "type": "fixed_amount"}],
    )
    async with served(create_app(ledger)) as url, running_sandbox() as sandbox:

        async def send(topic: str, body: Any, secret: str = SECRET, **headers: str) -> int:
            notice = {
                "topic": topic,
                "url": url + hook_path(SEAL, "shopify", shop.merchant.slug),
                "secret": secret,
                "body": body,
                "headers": headers,
            }
            came = await sandbox.control(f"shops/{DOMAIN}/webhooks/send", notice)
            status: int = came["status"]
            return status

        assert await send("refunds/create", make_refund(1, "25.00")) == 200
        assert await send("orders/paid", paid, "shpss_of_a_stranger") == 401
        assert await send("orders/paid", paid, **{"X-Shopify-Webhook-Id": "again"}) == 200
        assert await send("orders/paid", paid, **{"X-Shopify-Webhook-Id": "again"}) == 200
    portion = await act_on_inbox(ledger, SHOP, 10)
    assert portion.done == 2
    assert await pool.fetchval("SELECT points_available FROM wallets") == 150
    assert await pool.fetchval("SELECT status FROM redemptions") == "used"
    assert await drifts(pool) == []
    await ledger.close()
