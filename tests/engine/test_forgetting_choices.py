"""Where a member chose a reward is told to whoever asks for it, and forgotten with them."""

import json

import asyncpg

from guerdon.domain.command import Redeem
from guerdon.domain.redemption import Context, Session
from guerdon.engine.disclosing import disclose
from guerdon.engine.erasing import erase_customer
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.store import members
from guerdon.store.snapshot import snapshot
from tests.builders.ledgers import SHOP, drifts, enrol, redemption_of, ref
from tests.builders.shop import PROGRAM, make_shop, save_shop


async def test_a_cart_is_told_and_forgotten(pool: asyncpg.Pool) -> None:
    shop = await save_shop(pool, make_shop())
    ledger = Ledger(Runtime(pool=pool))
    context = Context(session=Session("cart", "ct-1"), variant_id="7")
    made = {}
    for name in ("anna", "bela"):
        await enrol(ledger, name, 300)
        command = Redeem(
            program_id=PROGRAM, member=ref(name), reward_id=shop.rewards[0].id, context=context
        )
        made[name] = redemption_of(await ledger.submit(SHOP, command))
    async with snapshot(pool) as view:
        (anna,) = await members.list_members(view, SHOP, [made["anna"].member_id])
    told = json.loads(await disclose(ledger.runtime, SHOP, anna))
    assert told["redemptions"][0]["context"] == {
        "session": {"kind": "cart", "token": "ct-1"},
        "variant_id": "7",
    }
    await erase_customer(ledger, SHOP, "shopify", external_id=anna.external_id, email=None)
    kept = await pool.fetch("SELECT id, context IS NULL FROM redemptions ORDER BY id")
    assert [tuple(row) for row in kept] == [(made["anna"].id, True), (made["bela"].id, False)]
    assert await drifts(pool) == []
