"""Orders told in pieces: the pieces add up the same in every order, and the shares are exact."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from guerdon.domain.ids import MemberId, PointTypeId, ProgramId, RedemptionId, RuleId
from guerdon.domain.order import (
    Amounts,
    Award,
    Order,
    OrderRefund,
    OrderSeen,
    RefundSeen,
    earns_now,
    merge,
    plan_awards,
    plan_uses,
    reversed_points,
)
from tests.builders.letters import make_member
from tests.builders.shop import make_rule, make_shop
from tests.builders.state import make_catalogue

PLACED = datetime(2026, 3, 1, tzinfo=UTC)


def seen(minute: int = 0, goods_minor: int = 10_000, **changes: object) -> OrderSeen:
    facts = {
        "order_key": "7001",
        "currency": "GBP",
        "paid_currency": "GBP",
        "amounts": {"GBP": Amounts(goods_minor=goods_minor)},
        "ordered_at": PLACED,
        "updated_at": PLACED + timedelta(minutes=minute),
    }
    return OrderSeen(**{**facts, **changes})  # type: ignore[arg-type]


def refund(key: str, goods_minor: int) -> OrderRefund:
    return OrderRefund(key=key, amounts={"GBP": Amounts(goods_minor=goods_minor)})


def award(**changes: object) -> Award:
    facts = {
        "program_id": ProgramId(11),
        "member_id": MemberId(1),
        "rule_id": RuleId(4001),
        "base_points": 100,
        "currency": "GBP",
        "eligible_minor": 10_000,
        "counts_shipping": False,
        "counts_tax": False,
        "is_tax_included": False,
    }
    return Award(**{**facts, **changes})  # type: ignore[arg-type]


NEWS: list[OrderSeen | RefundSeen] = [
    seen(0, codes=("A",)),
    seen(1, is_paid=True, is_test=False, codes=("B",)),
    seen(2, 9_000, cancelled_at=PLACED + timedelta(hours=2), refunds=(refund("1", 500),)),
    seen(3, 9_500, is_refunded=True, cancelled_at=PLACED + timedelta(hours=1)),
    seen(4, 9_500),
    RefundSeen(order_key="7001", refund=refund("1", 500)),
    RefundSeen(order_key="7001", refund=refund("2", 700)),
]


def test_pieces_add_up_alike_in_every_order() -> None:
    ends = set()
    for told in permutations(NEWS):
        order = Order()
        for news in told:
            order = merge(order, news)
            assert merge(order, news) == order
        ends.add(repr((order.seen, sorted(order.refunds.items()))))
    assert len(ends) == 1
    order = Order()
    for news in NEWS:
        order = merge(order, news)
    assert order.seen is not None
    assert order.seen.amounts["GBP"].goods_minor == 9_500
    assert (order.seen.codes, order.seen.is_paid, order.is_reversed) == (("A", "B"), True, True)
    assert order.seen.cancelled_at == PLACED + timedelta(hours=1)
    assert order.seen.is_refunded
    assert not earns_now(order)


def test_what_was_ordered_stays_once_it_earned() -> None:
    order = merge(Order(), seen(1, is_paid=True))
    assert earns_now(order)
    order = Order(seen=order.seen, awards=(award(),))
    changed = merge(order, seen(9, 55_000))
    assert changed.seen is not None
    assert changed.seen.amounts["GBP"].goods_minor == 10_000
    assert not earns_now(changed)


def test_tax_is_added_or_taken_out() -> None:
    amounts = Amounts(
        goods_minor=1000, goods_tax_minor=200, shipping_minor=500, shipping_tax_minor=100
    )
    counted = {
        (shipping, tax, included): amounts.eligible_minor(
            counts_shipping=shipping, counts_tax=tax, is_tax_included=included
        )
        for shipping in (False, True)
        for tax in (False, True)
        for included in (False, True)
    }
    assert counted == {
        (False, False, False): 1000,
        (False, False, True): 800,
        (False, True, False): 1200,
        (False, True, True): 1000,
        (True, False, False): 1500,
        (True, False, True): 1200,
        (True, True, False): 1800,
        (True, True, True): 1500,
    }


@given(
    points=st.integers(0, 10**9),
    parts=st.lists(st.integers(0, 10**7), min_size=1, max_size=12),
    seed=st.integers(0, 2**32),
)
def test_shares_cumulate_exactly(points: int, parts: list[int], seed: int) -> None:
    eligible = max(sum(parts), 1)
    order = merge(Order(), seen(0, eligible))
    whole = award(eligible_minor=eligible)
    Random(seed).shuffle(parts)  # noqa: S311 -- repeatable
    before = 0
    for number, part in enumerate(parts):
        news = RefundSeen(order_key="7001", refund=refund(str(number), part))
        order = merge(order, news)
        share = reversed_points(order, whole, points)
        exact = points * sum(parts[: number + 1]) / eligible
        assert before <= share <= points
        assert abs(share - exact) <= 0.5 + points * 1e-9
        before = share
    if sum(parts):
        assert before == points


def test_more_given_back_than_ordered_takes_no_more_than_was_earned() -> None:
    order = merge(Order(), RefundSeen(order_key="7001", refund=refund("1", 99_999)))
    assert reversed_points(merge(order, seen()), award(), 100) == 100
    less = RefundSeen(order_key="7001", refund=refund("2", -99_999_999))
    assert reversed_points(merge(merge(order, seen()), less), award(), 100) == 0


def test_other_currency_and_cancellation() -> None:
    news = RefundSeen(order_key="7001", refund=refund("1", 5_000))
    order = merge(merge(Order(), seen()), news)
    assert reversed_points(order, award(currency="EUR"), 100) == 0
    gone = merge(order, seen(4, cancelled_at=PLACED))
    assert reversed_points(gone, award(currency="EUR"), 100) == 100


def test_code_is_used_and_opened_again_once() -> None:
    first = RedemptionId(5)
    order = merge(Order(), seen(codes=("A",)))
    used = plan_uses(order, [first], frozenset([first]))
    assert used == {first: "to_use"}
    gone = merge(order, seen(1, cancelled_at=PLACED, codes=("A",)))
    for before, after in (
        ("to_use", "to_reopen"),
        ("used", "to_reopen"),
        ("reopened", "reopened"),
        ("refused", "refused"),
    ):
        known = Order(seen=gone.seen, uses={first: before})  # type: ignore[dict-item]
        assert plan_uses(known, [first], frozenset([first])) == {first: after}
    assert plan_uses(gone, [first], frozenset()) == {first: "to_use"}


def test_a_rule_may_count_whole_spans_of_money_alone() -> None:
    member = make_member()
    spans = make_rule(
        trigger="order_paid",
        points=3,
        is_per_unit=True,
        every_minor=1000,
        point_type_id=PointTypeId(21),
    )
    units = make_rule(2, trigger="order_paid", points=3, is_per_unit=True)
    shop = make_shop(rules=(spans, units))
    for goods_minor, base_points in ((999, [29]), (1000, [3, 30]), (4599, [12, 137])):
        found = plan_awards(
            seen(goods_minor=goods_minor),
            make_catalogue(shop),
            {member.program_id: member},
            enrolled_within=None,
        )
        assert [each.base_points for each in found] == base_points
