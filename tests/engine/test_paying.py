"""Orders paid with points: how much is paid, what bounds it, and that it is never paid twice."""

import asyncio
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from guerdon.domain.catalogue import PointType
from guerdon.domain.command import Done, Outcome, Paid, PayOrder, Refused
from guerdon.domain.errors import (
    BalanceEmpty,
    ExchangeRatioInvalid,
    MemberUnknown,
    NothingToPay,
    PaymentNotOffered,
    PaymentTooSmall,
)
from guerdon.domain.order_payment import OrderPayment
from guerdon.domain.point_terms import SpendLimits
from guerdon.engine.submitting import Ledger
from guerdon.store.card_transactions import Slice
from guerdon.store.order_payments import list_payments
from guerdon.store.snapshot import snapshot
from tests.builders.ledgers import SHOP, balance, drifts, enrol, ledgers, ref
from tests.builders.shop import POINT_TYPE, PROGRAM, make_shop, save_shop


def point_type(**changes: Any) -> PointType:
    made = PointType(id=POINT_TYPE, slug="points", name="Points", exchange_ratio="0.05")
    return replace(made, **changes)


async def begin(ledger: Ledger, points: int = 1000, **changes: Any) -> None:
    shop = make_shop()
    shop = shop.__class__(**{**vars(shop), "point_type": point_type(**changes)})
    await save_shop(ledger.runtime.pool, shop)
    await enrol(ledger, "anna", points)


async def pay(ledger: Ledger, total: int = 4000, order: str = "1001", **more: Any) -> Outcome:
    command = PayOrder(
        program_id=PROGRAM, member=ref("anna"), order_key=order, order_total_minor=total, **more
    )
    return await ledger.submit(SHOP, command)


def payment_of(outcome: Outcome) -> OrderPayment:
    assert isinstance(outcome, Done), outcome
    assert isinstance(outcome.result, Paid)
    return outcome.result.payment


async def test_a_payment_is_bounded_by_the_order_and_by_the_balance(database_url: str) -> None:
    async with ledgers(database_url, 1) as (ledger,):
        await begin(ledger)
        first = payment_of(await pay(ledger, total=1203))
        # 0.05 is 5 pence a point: 241 points are worth 12.05, of which 12.03 are due.
        assert (first.points, first.amount_minor, first.cap_kind) == (241, 1203, "order_total")
        second = payment_of(await pay(ledger, order="1002"))
        assert (second.points, second.amount_minor) == (759, 3795)
        assert (second.cap_kind, second.cap_unit, second.cap_value) == ("balance", "points", 759)
        assert await balance(ledger.runtime.pool, "anna") == 0
        refused = await pay(ledger, order="1003")
        assert refused == Refused((BalanceEmpty(),))
        async with snapshot(ledger.runtime.pool) as view:
            wanted = Slice(is_rising=False, limit=10)
            found = await list_payments(view, SHOP, first.member_id, wanted)
        assert found == [second, first]
        assert await drifts(ledger.runtime.pool) == []


@pytest.mark.parametrize(
    ("limits", "asked", "points", "cap"),
    [
        ({}, {"points_max": 70}, 70, "request"),
        ({}, {"amount_max_minor": 333}, 67, "request"),
        ({"points_max": 90}, {}, 90, "wallet_ever"),
        ({"at_once_max": 25}, {"points_max": 70}, 25, "wallet_at_once"),
    ],
)
async def test_limits_cap_a_payment(
    database_url: str, limits: dict[str, Any], asked: dict[str, Any], points: int, cap: str
) -> None:
    async with ledgers(database_url, 1) as (ledger,):
        await begin(ledger, spend_limits=SpendLimits(**limits))
        payment = payment_of(await pay(ledger, **asked))
        assert (payment.points, payment.cap_kind) == (points, cap)
        assert payment.amount_minor <= payment.points * 5
        assert await drifts(ledger.runtime.pool) == []


async def test_what_cannot_be_paid_is_refused_and_changes_nothing(database_url: str) -> None:
    async with ledgers(database_url, 1) as (ledger,):
        await begin(ledger)
        assert await pay(ledger, total=0) == Refused((NothingToPay(),))
        assert await pay(ledger, amount_max_minor=0) == Refused((PaymentTooSmall(0, 0),))
        stranger = PayOrder(
            program_id=PROGRAM, member=ref("nobody"), order_key="1", order_total_minor=1
        )
        assert await ledger.submit(SHOP, stranger) == Refused((MemberUnknown("nobody"),))
        assert await balance(ledger.runtime.pool, "anna") == 1000
        pool: asyncpg.Pool = ledger.runtime.pool
        assert await pool.fetchval("SELECT count(*) FROM order_payments") == 0


@pytest.mark.parametrize(
    ("ratio", "refusal"),
    [(None, PaymentNotOffered()), ("points / 2", ExchangeRatioInvalid("points / 2"))],
)
async def test_points_pay_only_at_a_rate(
    database_url: str, ratio: str | None, refusal: Any
) -> None:
    async with ledgers(database_url, 1) as (ledger,):
        await begin(ledger, exchange_ratio=ratio)
        assert await pay(ledger) == Refused((refusal,))


async def test_many_payments_at_once_never_pay_an_order_twice(database_url: str) -> None:
    async with ledgers(database_url, 3) as those:
        await begin(those[0], points=100_000)
        outcomes = await asyncio.gather(
            *(pay(those[n % 3], total=10_000, points_max=150) for n in range(30))
        )
        paid = [payment_of(each) for each in outcomes if isinstance(each, Done)]
        assert sum(each.amount_minor for each in paid) == 10_000
        refused = [each for each in outcomes if isinstance(each, Refused)]
        assert all(each == Refused((NothingToPay(),)) for each in refused)
        pool: asyncpg.Pool = those[0].runtime.pool
        assert await balance(pool, "anna") == 100_000 - sum(each.points for each in paid)
        assert await drifts(pool) == []
