"""A shopper whom the shop has told of, be they a member or not."""

from datetime import date, datetime

import msgspec
from msgspec import UNSET, Struct, UnsetType

from guerdon.domain.ids import CustomerId

# What an external id begins with that we made, since the shop stated none.
OWN_MARK = "~"


class _Facts(Struct, frozen=True):
    birthdate: str | None = None


class Customer(Struct, frozen=True, kw_only=True):
    """`external_id` is the shop's own id, by which members are known too. `metadata` is the shop's
    own JSON, and `document` what a dialect keeps beside. Without an `id` nothing was stated of
    them: they are known as a member alone."""

    id: CustomerId | None
    external_id: str
    email: str | None = None
    name: str | None = None
    phone: str | None = None
    description: str | None = None
    document: str = "{}"
    metadata: str = "{}"
    created_at: datetime
    updated_at: datetime | None = None

    @property
    def birthday(self) -> date | None:
        """Give the date of birth, as far as it was stated."""
        stated = msgspec.json.decode(self.document, type=_Facts).birthdate
        return None if stated is None else date.fromisoformat(stated)


class CustomerChange(Struct, frozen=True, kw_only=True):
    """What is stated of a customer. What is UNSET stays; None clears. The members of `metadata` and
    `document`, JSON objects, are merged into what is there."""

    email: str | None | UnsetType = UNSET
    name: str | None | UnsetType = UNSET
    phone: str | None | UnsetType = UNSET
    description: str | None | UnsetType = UNSET
    document: dict[str, object] | None | UnsetType = UNSET
    metadata: dict[str, object] | None | UnsetType = UNSET


def split_name(name: str | None) -> tuple[str | None, str | None]:
    """Part a name into the first and the last: the last is all that comes after the first word."""
    first, _, last = (name or "").strip().partition(" ")
    return first or None, last.strip() or None


def join_name(first: str | None, last: str | None) -> str | None:
    """Join what `split_name` parted."""
    return " ".join(part for part in (first, last) if part) or None
