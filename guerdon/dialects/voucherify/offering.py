"""Changes of offers asked for by calls, and how it is said that one cannot be made."""

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from msgspec import UNSET, Struct
from msgspec.structs import fields

from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.ids import Kind, read_id, write_id
from guerdon.dialects.voucherify.problems import (
    Fault,
    duplicate,
    error_answer,
    in_use,
    invalid_payload,
    invalid_transition,
    locked,
    not_found,
    refuse,
)
from guerdon.dialects.voucherify.wire import ResourceType
from guerdon.domain.offer import OfferKind, OfferRefused
from guerdon.domain.shelf import Shelf
from guerdon.engine.offering import change_offers

T = TypeVar("T")
_NOUNS: dict[OfferKind, ResourceType] = {
    "program": "program",
    "point_type": "card_definition",
    "reward": "reward",
    "rule": "earning_rule",
}
_ID_KINDS: dict[OfferKind, Kind] = {
    "program": "program",
    "point_type": "card_definition",
    "reward": "reward",
    "rule": "earning_rule",
}
_WORDS = {
    "program": "program",
    "point_type": "card definition",
    "reward": "reward",
    "rule": "earning rule",
}
_OPEN = {"draft": "DRAFT", "active": "ACTIVE", "inactive": "INACTIVE", "archived": "DELETED"}


async def change(call: Call, act: Callable[[Shelf], T], verb: str = "change") -> T:
    """Change offers, all of it or nothing; `verb` goes after `Cannot` where it is refused."""
    try:
        return await change_offers(call.ledger.runtime, call.merchant_id, act)
    except OfferRefused as error:
        raise offer_fault(error, verb) from None


def refuse_fixed(body: Struct, free: Collection[str], status: str) -> None:
    """Refuse to change what is fixed in this status; `free` names what is not."""
    for field in fields(body):
        if getattr(body, field.name) is not UNSET and field.encode_name not in free:
            said = f"Property .{field.encode_name} cannot be changed when status is {status}"
            raise invalid_payload(said)


def offer_id(kind: OfferKind, number: int) -> str:
    """Write an offer's id, whichever kind of offer it is."""
    return write_id(_ID_KINDS[kind], number)


def read_offer_id(kind: OfferKind, text: str) -> int:
    """Read an offer's id out of a body; what can be none is not found."""
    number = read_id(_ID_KINDS[kind], text)
    if number is None:
        raise not_found(_NOUNS[kind], text)
    return number


def offer_fault(error: OfferRefused, verb: str) -> Fault:
    """Say in the vendor's words why offers cannot be changed like this."""
    noun, words = _NOUNS[error.kind], _WORDS[error.kind]
    named = offer_id(error.kind, error.number)
    others = [offer_id(error.of, each) for each in error.others]
    match error.why:
        case "unknown":
            return not_found(noun, named)
        case "kept_by_file":
            said = f"The {words} {named} is kept by the program file, and changed there"
            return locked("resource_locked", f"Cannot {verb} {words}", said)
        case "wrong_status":
            return invalid_transition(verb, words, _OPEN[error.status])
        case "in_use":
            return in_use(_NOUNS[error.of], others)
        case "assigned":
            return duplicate(f"The {words} {named} is assigned to the program already")
        case "program_not_draft":
            return _not_draft(words, verb, others)
        case "last_active":
            said = f"The program needs at least one active {words}"
            return locked(f"missing_active_{noun}", f"Missing active {words}", said)
        case "not_active":
            return locked(
                f"non_active_{noun}",
                f"Cannot {verb} when {words} status is not ACTIVE",
                f"Invalid {words} status: {named}",
            )
        case "point_type_not_offered":
            return _not_offered(error)
        case "no_cost":
            return invalid_payload("Payload must have required property 'costs'")
        case "too_many":
            said = f"A program cannot have so many of the kind {words}"
            return refuse(403, f"{noun}_assignments_limit_exceeded", "Limit exceeded", said)


def _not_draft(words: str, verb: str, others: Sequence[str]) -> Fault:
    if not others:
        return locked(
            "non_draft_program",
            f"Cannot {verb} {words} when program status is not DRAFT",
            "Invalid program status",
        )
    return Fault(
        error_answer(
            423,
            "connected_non_draft_program",
            f"Cannot {verb} {words} when a program that has it is not DRAFT",
            f"It belongs to {', '.join(others)}",
            related_ids=others,
            related_type="program",
        )
    )


def _not_offered(error: OfferRefused) -> Fault:
    named = offer_id("point_type", error.number)
    said = f"The program has no card definition {named}"
    if error.kind == "reward":
        return invalid_payload(f"Property .costs names a card definition of no use: {said}")
    return locked("missing_card_definition_assignment", "Missing card definition", said)
