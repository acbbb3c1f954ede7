"""Changes of offers asked for over the older API, and how it says that one cannot be made."""

from collections.abc import Callable
from typing import TypeVar

from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.ids import Kind, write_id
from guerdon.dialects.voucherify.offering import offer_fault
from guerdon.dialects.voucherify.problems import Fault, duplicate, in_use, locked, not_found
from guerdon.dialects.voucherify.wire import ResourceType
from guerdon.domain.offer import OfferKind, OfferRefused
from guerdon.domain.shelf import Shelf
from guerdon.engine.offering import change_offers

T = TypeVar("T")
_NOUNS: dict[OfferKind, tuple[ResourceType, Kind]] = {
    "program": ("campaign", "campaign"),
    "reward": ("reward", "v1_reward"),
    "rule": ("earning_rule", "v1_earning_rule"),
    "point_type": ("campaign", "campaign"),
}


async def change(call: Call, act: Callable[[Shelf], T], verb: str) -> T:
    """Change offers, all of it or nothing; `verb` goes after `Cannot` where it is refused."""
    try:
        return await change_offers(call.ledger.runtime, call.merchant_id, act)
    except OfferRefused as error:
        raise _fault(error, verb) from None


def kept_by_file(verb: str, noun: str, named: str) -> Fault:
    """Say that something is the program file's to change."""
    said = f"The {noun} {named} is kept by the program file, and changed there"
    return locked("resource_locked", f"Cannot {verb} {noun}", said)


def _fault(error: OfferRefused, verb: str) -> Fault:
    noun, kind = _NOUNS[error.kind]
    named = write_id(kind, error.number)
    if error.why == "unknown":
        return not_found(noun, named)
    if error.why == "kept_by_file":
        return kept_by_file(verb, noun, named)
    if error.why == "in_use":
        others, other_kind = _NOUNS[error.of]
        return in_use(others, [write_id(other_kind, each) for each in error.others])
    if error.why == "assigned":
        return duplicate(f"The {noun} {named} is assigned to the campaign already")
    return offer_fault(error, verb)
