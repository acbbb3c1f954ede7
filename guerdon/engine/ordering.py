"""Orders that a platform tells of: what they earn, what they give back, which rewards they used."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import structlog
from msgspec.structs import replace

from guerdon.domain.catalogue import Catalogue
from guerdon.domain.clawback import gross_points
from guerdon.domain.command import (
    ClawBack,
    Command,
    Done,
    Earn,
    Earned,
    MarkUsed,
    Outcome,
    Refused,
    Reopen,
)
from guerdon.domain.ids import MerchantId, ProgramId, RedemptionId
from guerdon.domain.member import Member, MemberRef
from guerdon.domain.order import (
    Award,
    CodeUse,
    Order,
    OrderSeen,
    RefundSeen,
    earns_now,
    merge,
    note_awards,
    note_uses,
    plan_awards,
    plan_uses,
    reversed_points,
)
from guerdon.engine.ports import TryLater
from guerdon.engine.remembering import remember
from guerdon.engine.submitting import Ledger
from guerdon.store import shoppers
from guerdon.store.connection import Connection
from guerdon.store.shoppers import UsedCode

_log = structlog.get_logger(__name__)


async def follow_order(
    ledger: Ledger, merchant_id: MerchantId, source: str, news: OrderSeen | RefundSeen
) -> bool:
    """Add what a message tells to what is known of its order, and bring the ledger to where that
    leads. Says whether there was anything to do.

    First, in one transaction, it is remembered what is to be done; then it is done, by commands
    that are each the same twice as once; then it is remembered that it was. So the end is the same
    whatever the order of the messages, however often each comes, and wherever a process dies. What
    an order earns is decided once, when it is first seen paid, and by what its shopper is a member
    of then."""
    catalogue = await ledger.catalogues.newest(merchant_id)
    order = await _learn(ledger, merchant_id, source, news, catalogue)
    if order.seen is None:
        return True
    key = f"{source} order {order.seen.order_key}"

    def due_back(award: Award) -> int:
        return reversed_points(order, award, award.points)

    awards = [
        await settle_award(ledger, merchant_id, key, order.seen, award, due_back)
        for award in order.awards or ()
    ]
    uses, is_waiting = await settle_uses(
        ledger, merchant_id, key, order.uses, order.seen.ordered_at
    )
    if awards != list(order.awards or ()) or uses != order.uses:
        await _note(ledger, merchant_id, source, order.seen.order_key, awards, uses)
    if is_waiting:
        raise TryLater("a reward used in the order is still being handed over")
    return bool(awards or uses)


async def _learn(
    ledger: Ledger,
    merchant_id: MerchantId,
    source: str,
    news: OrderSeen | RefundSeen,
    catalogue: Catalogue,
) -> Order:
    async def change(tx: Connection, known: Order, _: datetime) -> tuple[Order, str | None]:
        order = merge(known, news)
        seen = order.seen
        if seen is None:
            return order, None
        if earns_now(order):
            # The e-mail is not kept: most of those who order are no members.
            email = news.email if isinstance(news, OrderSeen) else None
            members = await find_members(
                tx, merchant_id, catalogue, external_id=seen.external_id, email=email
            )
            awards = plan_awards(seen, catalogue, members)
            order = replace(order, awards=awards or None)
        if seen.codes and not seen.is_test:
            used = await shoppers.list_redemptions_of_codes(
                tx, merchant_id, spellings_of(seen.codes)
            )
            order = replace(order, uses=plan_uses_of(order, used, catalogue))
        return replace(order, seen=replace(seen, email=None)), seen.external_id

    return await remember(
        ledger.runtime, merchant_id, source, "order", news.order_key, blank=Order(), change=change
    )


async def find_members(
    view: Connection,
    merchant_id: MerchantId,
    catalogue: Catalogue,
    *,
    external_id: str | None,
    email: str | None,
) -> dict[ProgramId, Member]:
    """Find a shopper's member in each program: by the shop's id, else the first of the e-mail."""
    email = email.strip().lower() if email else None
    if external_id is None and email is None:
        return {}
    found: dict[ProgramId, Member] = {}
    programs = list(catalogue.programs)
    listed = await shoppers.list_shoppers(
        view, merchant_id, programs, external_id=external_id, email=email
    )
    for member in listed:
        known = found.get(member.program_id)
        if known is None or (
            known.external_id != external_id and member.external_id == external_id
        ):
            found[member.program_id] = member
    return found


def spellings_of(codes: Iterable[str]) -> list[str]:
    """Give how codes may be written: shops take them whatever their case, and tell them as the
    shopper typed them."""
    return sorted({form for code in codes for form in (code, code.upper(), code.lower())})


def plan_uses_of(
    order: Order, used: Sequence[UsedCode], catalogue: Catalogue
) -> dict[RedemptionId, CodeUse]:
    """Say what is to be done with the redemptions that an order used, and with their like before:
    some rewards may be used again once all of the order was given back."""
    reenabled = frozenset(
        each.redemption_id
        for each in used
        if each.reward_id in catalogue.rewards
        and catalogue.rewards[each.reward_id].reenable_on_refund
    )
    return plan_uses(order, [each.redemption_id for each in used], reenabled)


async def settle_award(
    ledger: Ledger,
    merchant_id: MerchantId,
    key: str,
    seen: OrderSeen,
    award: Award,
    due_back: Callable[[Award], int],
) -> Award:
    """Award the points, unless that was done or refused before, and take back what is due: of the
    award as it was carried out, `due_back` says how many points in all."""
    if award.refusal is not None:
        return award
    if award.earning_id is None:
        # The rule remembers the key for good: a repetition gives the first award.
        earn = Earn(
            program_id=award.program_id,
            member=MemberRef(id=award.member_id),
            rule_id=award.rule_id,
            base_points=award.base_points,
            order_id=seen.order_key,
            order_number=seen.number,
            ordered_at=seen.ordered_at,
            action_key=key,
        )
        outcome = await ledger.submit(merchant_id, earn)
        if isinstance(outcome, Refused):
            refusal = ", ".join(each.code for each in outcome.refusals)
            _log.info("order_earned_nothing", order=key, refusal=refusal)
            return replace(award, refusal=refusal)
        assert isinstance(outcome.result, Earned), "Earn gives Earned"
        earning = outcome.result.earning
        award = replace(award, earning_id=earning.id, points=gross_points(earning))
    points = due_back(award)
    if points and award.earning_id is not None:
        await _submit(
            ledger, merchant_id, ClawBack(earning_id=award.earning_id, points=points, reason=key)
        )
    return award


async def settle_uses(
    ledger: Ledger,
    merchant_id: MerchantId,
    key: str,
    planned: Mapping[RedemptionId, CodeUse],
    used_at: datetime,
) -> tuple[dict[RedemptionId, CodeUse], bool]:
    """Mark redemptions used, or open to be used again; say whether one was not ready for it.

    Each order does either once: a redemption opened again may be used by another order, of which
    a late message about this one must not know."""
    uses = dict(planned)
    is_waiting = False
    for redemption_id, use in planned.items():
        if use not in ("to_use", "to_reopen"):
            continue
        mark = MarkUsed(redemption_id=redemption_id, used_at=used_at, use_key=key)
        outcome = await _submit(ledger, merchant_id, mark, f"{key} used {redemption_id}")
        if isinstance(outcome, Refused):
            is_pending = any(
                getattr(each, "status", None) == "pending" for each in outcome.refusals
            )
            is_waiting = is_waiting or is_pending
            uses[redemption_id] = use if is_pending else "refused"
            continue
        if use == "to_reopen":
            reopen = Reopen(redemption_id=redemption_id, use_key=key)
            await _submit(ledger, merchant_id, reopen, f"{key} reopened {redemption_id}")
        uses[redemption_id] = "used" if use == "to_use" else "reopened"
    return uses, is_waiting


async def _submit(
    ledger: Ledger, merchant_id: MerchantId, command: Command, key: str | None = None
) -> Outcome:
    outcome = await ledger.submit(merchant_id, command, key=key)
    if not isinstance(outcome, Done):
        codes = [each.code for each in outcome.refusals]
        _log.info("order_command_refused", command=type(command).__name__, refusals=codes)
    return outcome


async def _note(
    ledger: Ledger,
    merchant_id: MerchantId,
    source: str,
    order_key: str,
    awards: list[Award],
    uses: dict[RedemptionId, CodeUse],
) -> None:
    """Remember what was done. What others learned or did meanwhile is left as it is."""

    async def change(_: Connection, known: Order, __: datetime) -> tuple[Order, str | None]:
        kept = replace(
            known,
            awards=None if known.awards is None else note_awards(known.awards, awards),
            uses=note_uses(known.uses, uses),
        )
        return kept, known.seen.external_id if known.seen else None

    await remember(
        ledger.runtime, merchant_id, source, "order", order_key, blank=Order(), change=change
    )
