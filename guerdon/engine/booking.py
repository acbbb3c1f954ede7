"""Orders that the shop states by a call: they are kept, and the ledger follows them."""

from datetime import datetime, timedelta
from typing import assert_never

import structlog
from msgspec import Struct
from msgspec.structs import replace

from guerdon.domain.catalogue import Catalogue
from guerdon.domain.command import Enrol, Refused
from guerdon.domain.errors import GuerdonError, NotFound
from guerdon.domain.ids import MerchantId, ProgramId, RedemptionId
from guerdon.domain.member import Member
from guerdon.domain.order import Award, CodeUse, earns_now, note_awards, note_uses, plan_awards
from guerdon.domain.stated_order import (
    MorePaid,
    MoreRefunded,
    News,
    Placed,
    Standing,
    StatedOrder,
    order_of,
    place,
    points_due_back,
    restate,
)
from guerdon.engine.ordering import (
    find_members,
    plan_uses_of,
    settle_award,
    settle_uses,
    spellings_of,
)
from guerdon.engine.portions import Portion
from guerdon.engine.remembering import persist
from guerdon.engine.repeating import once
from guerdon.engine.submitting import Ledger
from guerdon.store import orders, sequences, shoppers
from guerdon.store.connection import Connection
from guerdon.store.orders import OrderRecord
from guerdon.store.snapshot import snapshot
from guerdon.store.transaction import transaction

# Whoever wrote an order down is given so long to see to what follows from it.
LEFT_ALONE_FOR = timedelta(seconds=30)
_log = structlog.get_logger(__name__)


class Shopper(Struct, frozen=True, kw_only=True):
    """Who ordered, as the shop knows them. A guest does not become a member by it; one who gave a
    member's e-mail is taken for that member. `metadata` is the shop's own JSON about the order."""

    external_id: str
    email: str | None = None
    is_guest: bool | None = None
    metadata: str | None = None


class Booked(Struct, frozen=True):
    """`is_replay`: the statement was carried out before, under the same key."""

    is_replay: bool


async def book_order(
    ledger: Ledger,
    merchant_id: MerchantId,
    program_id: ProgramId,
    order_key: str,
    news: News,
    *,
    shopper: Shopper | None = None,
    key: str | None = None,
    fingerprint: bytes = b"",
) -> Booked | Refused:
    """Keep what the shop states of an order, then bring the ledger to where that leads: a new
    shopper becomes a member, rules for purchases award, what was given back is taken back, rewards
    that were used are marked.

    An order begins with `Placed`, for which the `shopper` is given; any other news of an order that
    is not known raises NotFound. An order earns once, when it is first stated to be paid; what was
    taken back once stays so, whatever is stated later. What follows from a statement is done by
    commands that are each the same twice as once, and by the worker if need be. The only refusal is
    KeyConflict; raises Unavailable or OutcomeUnknown, and a repetition is then in order."""
    catalogue = await ledger.catalogues.newest(merchant_id)

    async def act(tx: Connection, now: datetime) -> bytes:
        known = await orders.lock_order(tx, merchant_id, program_id, order_key)
        if known is None:
            known = await _begin(tx, merchant_id, program_id, order_key, news, shopper, now)
        stated = _stated(known.stated, news, now)
        changed = _of_shopper(replace(known, stated=stated), shopper)
        if changed == known and known.revision > 0:
            return b""
        changed = replace(changed, revision=known.revision + 1, is_open=True, updated_at=now)
        changed = await _plan(tx, merchant_id, changed, catalogue)
        await orders.update_order(tx, merchant_id, changed)
        return b""

    answer = await once(ledger.runtime, merchant_id, act, key=key, fingerprint=fingerprint)
    if isinstance(answer, Refused):
        return answer
    async with snapshot(ledger.runtime.pool) as view:
        order = await orders.find_order(view, merchant_id, program_id, order_key)
    # It is gone where the shopper was forgotten meanwhile.
    if order is not None and order.is_open:
        await _finish(ledger, merchant_id, order)
    return Booked(answer.is_replay)


async def finish_orders(ledger: Ledger, merchant_id: MerchantId, limit: int) -> Portion:
    """See to at most so many orders of which something was left undone, by whoever died or could
    not reach the database. One that cannot be seen to does not keep the others waiting."""
    before = ledger.runtime.now() - LEFT_ALONE_FOR
    async with snapshot(ledger.runtime.pool) as view:
        left = await orders.list_open_orders(view, merchant_id, before, 0, limit)
    done = 0
    for order in left:
        try:
            done += await _finish(ledger, merchant_id, order)
        except GuerdonError as error:
            _log.warning("order_not_finished", order_id=order.id, error=error.code)
    return Portion(done, has_more=done > 0 and len(left) == limit)


async def _begin(
    tx: Connection,
    merchant_id: MerchantId,
    program_id: ProgramId,
    order_key: str,
    news: News,
    shopper: Shopper | None,
    now: datetime,
) -> OrderRecord:
    """Write down an order of revision 0, of which nothing counts yet, and keep its row."""
    if not isinstance(news, Placed):
        message = f"there is no order {order_key!r}"
        raise NotFound(message)
    assert shopper is not None, "an order is placed by somebody"
    # Taken last before the insert, and kept until the commit: ids rise in the order of commits.
    first = await sequences.take_ids(tx, merchant_id, 1)
    blank = OrderRecord(
        id=first,
        program_id=program_id,
        order_key=order_key,
        member_id=None,
        external_id=shopper.external_id,
        email=shopper.email,
        is_guest=bool(shopper.is_guest),
        stated=place(None, news, now),
        metadata=shopper.metadata,
        revision=0,
        is_open=True,
        created_at=now,
        updated_at=now,
    )
    if await orders.insert_order(tx, merchant_id, blank):
        return blank
    known = await orders.lock_order(tx, merchant_id, program_id, order_key)
    assert known is not None, "a rival's order was in the way"
    return known


def _stated(known: StatedOrder, news: News, now: datetime) -> StatedOrder:
    match news:
        case Placed():
            return place(known, news, now)
        case Standing() | MorePaid() | MoreRefunded():
            return restate(known, news, now)
        case _:
            assert_never(news)


def _of_shopper(order: OrderRecord, shopper: Shopper | None) -> OrderRecord:
    """Add what a statement tells of the shopper. An order once a member's stays theirs."""
    if shopper is None:
        return order
    order = replace(order, metadata=shopper.metadata or order.metadata)
    if order.member_id is not None:
        return order
    return replace(
        order,
        external_id=shopper.external_id,
        email=shopper.email or order.email,
        is_guest=order.is_guest if shopper.is_guest is None else shopper.is_guest,
    )


async def _plan(
    tx: Connection, merchant_id: MerchantId, order: OrderRecord, catalogue: Catalogue
) -> OrderRecord:
    """Find whose order it is, and decide what it earns and which rewards it used."""
    member = await _find_member(tx, merchant_id, order, catalogue)
    stated = order.stated
    facts = order_of(stated, order.order_key, order.external_id)
    seen = facts.seen
    assert seen is not None, "a stated order has been seen"
    if member is not None and earns_now(facts):
        # The shop says itself that it is paid now, however long ago it was ordered.
        members = {order.program_id: member}
        awards = plan_awards(seen, catalogue, members, enrolled_within=None)
        facts = replace(facts, awards=awards or None)
    used = await shoppers.list_redemptions_used(
        tx,
        merchant_id,
        order.program_id,
        spellings_of(stated.codes),
        list(stated.redemption_ids),
    )
    stated = replace(stated, awards=facts.awards, uses=plan_uses_of(facts, used, catalogue))
    member_id = None if member is None else member.id
    return replace(order, member_id=order.member_id or member_id, stated=stated)


async def _find_member(
    tx: Connection, merchant_id: MerchantId, order: OrderRecord, catalogue: Catalogue
) -> Member | None:
    members = await find_members(
        tx,
        merchant_id,
        catalogue,
        external_id=order.external_id,
        email=order.email if order.is_guest else None,
    )
    return members.get(order.program_id)


async def _finish(ledger: Ledger, merchant_id: MerchantId, order: OrderRecord) -> bool:
    """Do what follows from what was stated; say whether nothing is left to be done."""
    if order.member_id is None and not order.is_guest:
        enrolled = await _enrol(ledger, merchant_id, order)
        if enrolled is None:
            return True
        order = enrolled
    stated, key = order.stated, f"order {order.order_key}"
    seen = order_of(stated, order.order_key, order.external_id).seen
    assert seen is not None, "a stated order has been seen"
    awards = [
        await settle_award(
            ledger, merchant_id, key, seen, award, lambda each: points_due_back(stated, each)
        )
        for award in stated.awards or ()
    ]
    uses, is_waiting = await settle_uses(ledger, merchant_id, key, stated.uses, stated.ordered_at)
    await _note(ledger, merchant_id, order, awards, uses, is_waiting=is_waiting)
    return not is_waiting


async def _enrol(ledger: Ledger, merchant_id: MerchantId, order: OrderRecord) -> OrderRecord | None:
    """Make the shopper a member, and decide again what the order earns; None where it is gone. A
    program that takes nobody in lets the order stand, and nothing comes of it."""
    await ledger.submit(
        merchant_id,
        Enrol(program_id=order.program_id, external_id=order.external_id, email=order.email),
    )
    catalogue = await ledger.catalogues.newest(merchant_id)

    async def act() -> OrderRecord | None:
        async with transaction(ledger.runtime.pool) as tx:
            known = await orders.lock_order(tx, merchant_id, order.program_id, order.order_key)
            if known is None:
                return None
            planned = await _plan(tx, merchant_id, known, catalogue)
            if planned != known:
                # There is more to be done, also where a rival thought it had seen to everything.
                planned = replace(planned, is_open=True)
                await orders.update_order(tx, merchant_id, planned)
            return planned

    return await persist(act)


async def _note(
    ledger: Ledger,
    merchant_id: MerchantId,
    order: OrderRecord,
    awards: list[Award],
    uses: dict[RedemptionId, CodeUse],
    *,
    is_waiting: bool,
) -> None:
    """Remember what was done. What others stated or did meanwhile is left as it is."""

    async def act() -> None:
        async with transaction(ledger.runtime.pool) as tx:
            known = await orders.lock_order(tx, merchant_id, order.program_id, order.order_key)
            if known is None:
                return
            stated = known.stated
            noted = replace(
                stated,
                awards=None if stated.awards is None else note_awards(stated.awards, awards),
                uses=note_uses(stated.uses, uses),
            )
            # Of a newer statement somebody else does what follows, which is all that followed from
            # this one too: they may be under way still, or have closed the order before us.
            is_open = known.is_open and (is_waiting or known.revision != order.revision)
            await orders.update_order(
                tx, merchant_id, replace(known, stated=noted, is_open=is_open)
            )

    await persist(act)
