"""Programs and what is assigned to them, both ways."""

from collections.abc import Sequence

from msgspec import UNSET
from msgspec.structs import replace

from guerdon.dialects.voucherify import wire_programs as wire
from guerdon.dialects.voucherify.ids import write_id
from guerdon.dialects.voucherify.offer_ids import rule_number
from guerdon.dialects.voucherify.offering import read_offer_id
from guerdon.dialects.voucherify.problems import invalid_payload
from guerdon.dialects.voucherify.translate_rewards import costs_from_wire
from guerdon.dialects.voucherify.translate_terms import (
    hours_from_wire,
    hours_to_wire,
    instant_from_wire,
    metadata_from_wire,
    metadata_to_wire,
)
from guerdon.dialects.voucherify.wire import stamp, stamp_or_none
from guerdon.dialects.voucherify.wire_offers import Id, Limited, Status, Unlimited
from guerdon.domain.assignment import Assignment
from guerdon.domain.catalogue import EarningRule, Program, ProgramStatus
from guerdon.domain.ids import PointTypeId, ProgramId, TemplateId
from guerdon.domain.offer import OfferKind

STATUSES: dict[ProgramStatus, Status] = {
    "draft": "DRAFT",
    "active": "ACTIVE",
    "inactive": "INACTIVE",
}


def status_of(program: Program) -> Status:
    return "DELETED" if program.archived_at is not None else STATUSES[program.status]


def new_program(name: str) -> Program:
    """Begin a program. Of a member's points those go first that expire first, as at the vendor."""
    return Program(
        id=ProgramId(0),
        slug="",
        name=name,
        status="draft",
        draw_order="soonest_expiry",
        origin="api",
    )


def terms_from_wire(program: Program, body: wire.ProgramTerms) -> Program:
    """Give a program with the terms that a body names; null is what holds without them."""
    changed = program
    if body.start_date is not UNSET:
        changed = replace(changed, starts_at=instant_from_wire(body.start_date, ".start_date"))
    if body.end_date is not UNSET:
        changed = replace(changed, ends_at=instant_from_wire(body.end_date, ".end_date"))
    if changed.starts_at and changed.ends_at and changed.starts_at >= changed.ends_at:
        raise invalid_payload("Property .end_date must be after start_date")
    if body.validity_hours is not UNSET:
        changed = replace(changed, hours=hours_from_wire(body.validity_hours))
    if body.metadata is not UNSET:
        changed = replace(changed, metadata=metadata_from_wire(body.metadata))
    return changed


def numbers_from_wire(kind: OfferKind, given: Sequence[Id | str] | None, path: str) -> list[int]:
    """Read the ids of what is to be assigned, or not any more."""
    texts = [each if isinstance(each, str) else each.id for each in given or ()]
    _refuse_twice(texts, path)
    return [read_offer_id(kind, text) for text in texts]


def assignments_from_wire(given: Sequence[wire.RewardRef] | None, path: str) -> list[Assignment]:
    """Read which rewards are to be assigned, how many of each, and for what."""
    _refuse_twice([each.id for each in given or ()], path)
    return [
        Assignment(
            template_id=TemplateId(read_offer_id("reward", each.id)),
            stock=stock_from_wire(each.stock),
            costs=costs_from_wire(each.costs, f"{path}[{place}].costs") if each.costs else (),
        )
        for place, each in enumerate(given or ())
    ]


def _refuse_twice(texts: Sequence[str], path: str) -> None:
    if len(set(texts)) != len(texts):
        raise invalid_payload(f"Property {path} must NOT have duplicate items")


def stock_from_wire(stock: Unlimited | Limited | int) -> int | None:
    if isinstance(stock, int):
        return stock
    return stock.limited.quantity if isinstance(stock, Limited) else None


def program_to_wire(program: Program) -> wire.Program:
    return wire.Program(
        id=write_id("program", program.id),
        name=program.name,
        status=status_of(program),
        start_date=stamp_or_none(program.starts_at),
        end_date=stamp_or_none(program.ends_at),
        validity_hours=hours_to_wire(program.hours),
        metadata=metadata_to_wire(program.metadata),
        created_at=stamp_or_none(program.created_at),
        updated_at=stamp_or_none(program.updated_at),
    )


def point_type_link(program: Program, number: PointTypeId) -> wire.ProgramCardDefinition:
    """Show a card definition of a program. It has been one since there is the program, or so."""
    return wire.ProgramCardDefinition(
        card_definition_id=write_id("card_definition", number),
        created_at=stamp_or_none(program.created_at),
    )


def rule_link(rule: EarningRule) -> wire.ProgramEarningRule:
    return wire.ProgramEarningRule(
        earning_rule_id=write_id("earning_rule", rule_number(rule)),
        created_at=stamp(rule.created_at),
    )
