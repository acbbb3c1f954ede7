"""An order as a platform tells of it, in several messages that come in any order, any often."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from guerdon.domain.catalogue import Catalogue, EarningRule
from guerdon.domain.ids import EarningId, MemberId, ProgramId, RedemptionId, RuleId
from guerdon.domain.member import Member
from guerdon.domain.money import minor_exponent

# Who becomes a member at the till is one when the order is paid for, if only by a moment. Orders
# of long before must not earn when something is noted on them.
ENROLLED_WITHIN = timedelta(days=1)


class Amounts(Struct, frozen=True, kw_only=True):
    """What points may be earned for, in minor units of one currency: discounts are taken off,
    gift cards left out. Whether goods and shipping hold their tax, the order says."""

    goods_minor: int = 0
    goods_tax_minor: int = 0
    shipping_minor: int = 0
    shipping_tax_minor: int = 0

    def eligible_minor(
        self, *, counts_shipping: bool, counts_tax: bool, is_tax_included: bool
    ) -> int:
        """Add up what a rule counts."""
        sign = int(counts_tax) - int(is_tax_included)
        total = self.goods_minor + sign * self.goods_tax_minor
        if counts_shipping:
            total += self.shipping_minor + sign * self.shipping_tax_minor
        return total


class OrderRefund(Struct, frozen=True, kw_only=True):
    """One refund; `amounts` are by currency, like those of its order."""

    key: str
    amounts: dict[str, Amounts]


class OrderSeen(Struct, frozen=True, kw_only=True):
    """An order as one message shows it. `amounts` are as ordered, whatever was refunded since;
    they are told in `currency` and, where the shopper paid in another, in `paid_currency`."""

    order_key: str
    number: str | None = None
    external_id: str | None = None
    email: str | None = None
    currency: str
    paid_currency: str
    amounts: dict[str, Amounts]
    is_paid: bool = False
    is_refunded: bool = False
    is_test: bool = False
    is_tax_included: bool = False
    cancelled_at: datetime | None = None
    codes: tuple[str, ...] = ()
    refunds: tuple[OrderRefund, ...] = ()
    ordered_at: datetime
    updated_at: datetime


class RefundSeen(Struct, frozen=True, kw_only=True):
    """A refund, told without its order."""

    order_key: str
    refund: OrderRefund


class Award(Struct, frozen=True, kw_only=True):
    """What the order earns by one rule, decided once. `earning_id` and `points` are there once it
    was carried out, `refusal` where it could not be."""

    program_id: ProgramId
    member_id: MemberId
    rule_id: RuleId
    base_points: int
    currency: str
    eligible_minor: int
    counts_shipping: bool
    counts_tax: bool
    is_tax_included: bool
    earning_id: EarningId | None = None
    points: int = 0
    refusal: str | None = None


CodeUse = Literal["to_use", "used", "to_reopen", "reopened", "refused"]


class Order(Struct, frozen=True, kw_only=True):
    """All that is known of an order. `seen` is None as long as only refunds have come. `awards` is
    None until it was decided what is earned; from then on, what was ordered stays as it was.
    `uses` tells for each redemption whose code was used what is to be done, or was."""

    seen: OrderSeen | None = None
    refunds: dict[str, dict[str, Amounts]] = field(default_factory=dict)
    awards: tuple[Award, ...] | None = None
    uses: dict[RedemptionId, CodeUse] = field(default_factory=dict)

    @property
    def is_reversed(self) -> bool:
        """Whether all of it was given back."""
        return self.seen is not None and (
            self.seen.cancelled_at is not None or self.seen.is_refunded
        )


def merge(order: Order, news: OrderSeen | RefundSeen) -> Order:
    """Add what a message tells. The order in which messages are added makes no difference, nor
    does adding one twice: flags only rise, refunds are by key, the newest tells the rest."""
    if isinstance(news, RefundSeen):
        return replace(order, refunds={news.refund.key: news.refund.amounts} | order.refunds)
    refunds = {each.key: each.amounts for each in news.refunds} | order.refunds
    known = order.seen
    if known is None:
        return replace(order, seen=replace(news, refunds=()), refunds=refunds)
    newest = news if news.updated_at >= known.updated_at and order.awards is None else known
    cancels = [each for each in (known.cancelled_at, news.cancelled_at) if each is not None]
    seen = replace(
        newest,
        is_paid=known.is_paid or news.is_paid,
        is_refunded=known.is_refunded or news.is_refunded,
        is_test=known.is_test or news.is_test,
        cancelled_at=min(cancels, default=None),
        codes=tuple(sorted({*known.codes, *news.codes})),
        updated_at=max(known.updated_at, news.updated_at),
        refunds=(),
    )
    return replace(order, seen=seen, refunds=refunds)


def earns_now(order: Order) -> bool:
    """Say whether it is time to decide what the order earns."""
    seen = order.seen
    return (
        seen is not None
        and order.awards is None
        and seen.is_paid
        and not seen.is_test
        and not order.is_reversed
    )


def plan_awards(
    seen: OrderSeen,
    catalogue: Catalogue,
    members: Mapping[ProgramId, Member],
    *,
    enrolled_within: timedelta | None = ENROLLED_WITHIN,
) -> tuple[Award, ...]:
    """Say what a paid order earns: by each rule for purchases, in each program that the shopper
    was a member of when it was placed, or became one soon after; None is however late."""
    awards = []
    for rule in sorted(catalogue.rules.values(), key=lambda each: each.id):
        member = members.get(rule.program_id)
        if (
            member is None
            or rule.trigger != "order_paid"
            or not rule.is_active
            or rule.archived_at is not None
            or (
                enrolled_within is not None
                and seen.ordered_at < member.created_at - enrolled_within
            )
        ):
            continue
        award = _award(seen, rule, member, catalogue.merchant.currency)
        if award is not None:
            awards.append(award)
    return tuple(awards)


def _award(
    seen: OrderSeen, rule: EarningRule, member: Member, merchant_currency: str
) -> Award | None:
    currency, rate = _rate(seen, rule, merchant_currency)
    amounts = seen.amounts.get(currency, Amounts())
    eligible = amounts.eligible_minor(
        counts_shipping=rule.counts_shipping,
        counts_tax=rule.counts_tax,
        is_tax_included=seen.is_tax_included,
    )
    if eligible <= 0 or rate is None:
        return None
    base = _base_points(rule, rate, eligible, currency)
    if base == 0:
        return None
    return Award(
        program_id=rule.program_id,
        member_id=member.id,
        rule_id=rule.id,
        base_points=base,
        currency=currency,
        eligible_minor=eligible,
        counts_shipping=rule.counts_shipping,
        counts_tax=rule.counts_tax,
        is_tax_included=seen.is_tax_included,
    )


def _base_points(rule: EarningRule, rate: int, eligible_minor: int, currency: str) -> int:
    if not rule.is_per_unit:
        return rule.points
    if rule.every_minor is not None:
        # So many points for each whole span, and none for what is left over.
        return eligible_minor // rule.every_minor * rate
    whole: int = 10 ** minor_exponent(currency)
    return eligible_minor * rate // whole


def _rate(seen: OrderSeen, rule: EarningRule, merchant_currency: str) -> tuple[str, int | None]:
    """Choose the currency a rule counts in: the one paid in, where the rule has a rate for it."""
    if not rule.is_per_unit:
        return seen.currency, rule.points
    if seen.paid_currency in rule.rates and seen.paid_currency in seen.amounts:
        return seen.paid_currency, rule.rates[seen.paid_currency]
    if seen.currency in rule.rates:
        return seen.currency, rule.rates[seen.currency]
    return seen.currency, rule.points if seen.currency == merchant_currency else None


def reversed_points(order: Order, award: Award, points: int) -> int:
    """Say how many of an award's points are to be taken back in all: the refunded share of what
    they were earned for, rounded half up, and never more than were earned."""
    if order.is_reversed:
        return points
    refunded = sum(
        refund.get(award.currency, Amounts()).eligible_minor(
            counts_shipping=award.counts_shipping,
            counts_tax=award.counts_tax,
            is_tax_included=award.is_tax_included,
        )
        for refund in order.refunds.values()
    )
    return share_of(points, refunded, award.eligible_minor)


def share_of(points: int, part_minor: int, whole_minor: int) -> int:
    """Give the share of points that a part of a sum has, rounded half up: from none to all."""
    if part_minor <= 0:
        return 0
    if part_minor >= whole_minor:
        return points
    return (2 * points * part_minor + whole_minor) // (2 * whole_minor)


def plan_uses(
    order: Order, found: Sequence[RedemptionId], reenabled: frozenset[RedemptionId]
) -> dict[RedemptionId, CodeUse]:
    """Say what is to be done with the redemptions whose codes the order used; `reenabled` are those
    that may be used again once all of it was given back."""
    uses = dict(order.uses)
    for redemption_id in found:
        uses.setdefault(redemption_id, "to_use")
        if (
            order.is_reversed
            and redemption_id in reenabled
            and uses[redemption_id]
            in (
                "to_use",
                "used",
            )
        ):
            uses[redemption_id] = "to_reopen"
    return uses


def note_awards(known: Sequence[Award], settled: Sequence[Award]) -> tuple[Award, ...]:
    """Add what was carried out, or could not be; what others have noted meanwhile stays."""
    by_rule = {award.rule_id: award for award in settled}
    return tuple(
        by_rule.get(award.rule_id, award)
        if award.earning_id is None and award.refusal is None
        else award
        for award in known
    )


def note_uses(
    known: Mapping[RedemptionId, CodeUse], settled: Mapping[RedemptionId, CodeUse]
) -> dict[RedemptionId, CodeUse]:
    """Add what was done, unless something else is to be done by now."""
    done = dict(known)
    for redemption_id, use in settled.items():
        before = {"used": "to_use", "reopened": "to_reopen"}.get(use)
        if use == "refused" or done.get(redemption_id) == before:
            done[redemption_id] = use
    return done
