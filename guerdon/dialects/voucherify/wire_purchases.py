"""What callers send to buy a reward, and to have a purchase refunded."""

from typing import Literal

from msgspec import UNSET, UnsetType

from guerdon.dialects.voucherify.body import Body


class PurchaseBody(Body, frozen=True, kw_only=True):
    """One unit of a reward. With `DRY_RUN` nothing is bought: only the checks are made."""

    reward_id: str
    mode: Literal["TRANSACTION", "DRY_RUN"] | UnsetType = UNSET


class Policies(Body, frozen=True, kw_only=True):
    """`refund` ALLOW overrides the reward's own policy; `stock` WRITE_OFF keeps the unit out of the
    stock."""

    refund: Literal["DEFAULT", "ALLOW"] | None = None
    stock: Literal["DEFAULT", "WRITE_OFF"] | None = None


class RefundBody(Body, frozen=True, kw_only=True):
    policies: Policies | None = None
