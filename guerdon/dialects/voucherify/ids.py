"""Ids as this dialect writes them: what a thing is, and its number in hexadecimal digits.

An id of another form, of another kind of thing or of nothing at all is simply not found; none of
them is malformed."""

import re
from datetime import date
from functools import lru_cache
from typing import Literal

from guerdon.domain import customer

Kind = Literal[
    "program",
    "card_definition",
    "member",
    "card",
    "reward",
    "reward_cost",
    "spending",
    "earning_rule",
    "earning",
    "card_transaction",
    "reward_transaction",
    "order_transaction",
    "payment",
    "order",
    "async_action",
    "campaign",
    "voucher",
    "v1_reward",
    "assignment",
    "redemption",
    "rollback",
    "failed_redemption",
    "v1_transaction",
    "v1_pending_points",
    "v1_points_bucket",
    "v1_earning_rule",
    "tier",
    "tier_structure",
    "customer_event",
]
PREFIXES: dict[Kind, str] = {
    "program": "lprg_",
    "card_definition": "lcdef_",
    "member": "lmbr_",
    "card": "lcrd_",
    "reward": "lrew_",
    "reward_cost": "lrcst_",
    "spending": "lrspn_",
    "earning_rule": "lern_",
    "earning": "lernei_",
    "card_transaction": "lctx_",
    "reward_transaction": "lrtx_",
    "order_transaction": "lotx_",
    "payment": "ordpay_",
    "order": "ord_",
    "async_action": "aa_",
    "campaign": "camp_",
    "voucher": "v_",
    "v1_reward": "rew_",
    "assignment": "rewa_",
    "redemption": "r_",
    "rollback": "rr_",
    "failed_redemption": "rf_",
    "v1_transaction": "vtx_",
    "v1_pending_points": "lopp_",
    "v1_points_bucket": "lopb_",
    "v1_earning_rule": "ern_",
    "tier": "lt_",
    "tier_structure": "lts_",
    "customer_event": "evcus_",
}
BucketKind = Literal["pending_points", "points", "v1_pending_points", "v1_points"]
_BUCKETS: dict[BucketKind, str] = {
    "pending_points": "lcppb_",
    "points": "lcpeb_",
    "v1_pending_points": "lopp_",
    "v1_points": "lopb_",
}

_LENGTH_MAX = 40
_NUMBER = re.compile(r"[0-9a-f]{18}")
_BUCKET = re.compile(r"([0-9a-f]{18})([0-9]{8})")
_TEXT = re.compile(r"(?:[0-9a-f]{2})+")
_CUSTOMER = "cust_"
ID_MAX = (1 << 63) - 1
# What an external id begins with that we made ourselves, since the customer was stated without one.
OWN_MARK = customer.OWN_MARK


def write_id(kind: Kind, number: int) -> str:
    return f"{PREFIXES[kind]}{number:018x}"


# For those of offers, of which there are few and each is written again and again.
write_offer_id = lru_cache(maxsize=4096)(write_id)


def read_id(kind: Kind, text: str) -> int | None:
    """Give an id's number, or None where it can be no id of such a thing."""
    return _read(kind, text) if len(text) <= _LENGTH_MAX else None


@lru_cache(maxsize=4096)
def _read(kind: Kind, text: str) -> int | None:
    # Every call names a program, so those are read again and again.
    prefix = PREFIXES[kind]
    digits = text.removeprefix(prefix)
    if digits == text or not _NUMBER.fullmatch(digits):
        return None
    number = int(digits, 16)
    return number if 1 <= number <= ID_MAX else None


def write_bucket_id(kind: BucketKind, wallet_id: int, day: date) -> str:
    """Name a bucket: a wallet's points of one day, in the project's time zone."""
    return f"{_BUCKETS[kind]}{wallet_id:018x}{day:%Y%m%d}"


def read_bucket_id(kind: BucketKind, text: str) -> tuple[int, date] | None:
    """Give a bucket's wallet and day, or None where it can be no bucket's id."""
    prefix = _BUCKETS[kind]
    found = _BUCKET.fullmatch(text.removeprefix(prefix))
    if found is None or not text.startswith(prefix):
        return None
    number, day = int(found[1], 16), found[2]
    try:
        return (number, date(int(day[:4]), int(day[4:6]), int(day[6:]))) if number else None
    except ValueError:
        return None


def write_customer_id(external_id: str) -> str:
    """Give the id of the customer whom the shop knows by this id."""
    return _CUSTOMER + external_id.encode("utf-8", "surrogatepass").hex()


def read_customer_id(text: str) -> str | None:
    """Give the shop's own id for a customer, or None where the text can be no customer's id."""
    digits = text.removeprefix(_CUSTOMER)
    if digits == text or not _TEXT.fullmatch(digits):
        return None
    try:
        external_id = bytes.fromhex(digits).decode("utf-8")
    except ValueError:
        return None
    return None if "\x00" in external_id else external_id


def source_id_of(external_id: str) -> str | None:
    """Give a customer's source_id; None where the shop told none."""
    return None if external_id.startswith(OWN_MARK) else external_id
