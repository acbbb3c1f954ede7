"""Outbox events: facts to announce, written in the transaction that made them true."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from guerdon.domain.ids import EarningId, EventId, MemberId, ProgramId, RedemptionId

EventKind = Literal[
    "member.enrolled",
    "member.updated",
    "member.frozen",
    "member.unfrozen",
    "member.unsubscribed",
    "member.tier_changed",
    "member.left",
    "member.erased",
    "points.earned",
    "points.adjusted",
    "points.pending",
    "points.declined",
    "points.reversed",
    "points.expired",
    "points.transferred",
    "points.paid",
    "redemption.requested",
    "redemption.approved",
    "redemption.declined",
    "redemption.used",
    "redemption.reopened",
    "redemption.expired",
    "redemption.refunded",
]


class Event(Struct, frozen=True, gc=False):
    """`facts` are the figures as they stood then; who the member is (e-mail, names) is looked up
    at delivery, so that an erased person is not kept alive here."""

    id: EventId
    kind: EventKind
    program_id: ProgramId
    member_id: MemberId
    facts: dict[str, int | str | bool | None]
    created_at: datetime
    redemption_id: RedemptionId | None = None
    earning_id: EarningId | None = None
