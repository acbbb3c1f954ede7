"""A shopper enrolled in a program."""

from datetime import date, datetime

from msgspec import Struct

from guerdon.domain.ids import MemberId, ProgramId


class Member(Struct, frozen=True, kw_only=True, gc=False):
    """`external_id` is the shop's own customer id; `email` is kept in lower case. `metadata` is the
    shop's own JSON. With `left_at` they are a member no more: the shop's id is free for another."""

    id: MemberId
    program_id: ProgramId
    external_id: str
    email: str | None
    first_name: str | None = None
    last_name: str | None = None
    birthday: date | None = None
    anniversary: date | None = None
    referral_code: str
    metadata: str | None = None
    created_at: datetime
    updated_at: datetime
    left_at: datetime | None = None


class MemberRef(Struct, frozen=True, gc=False):
    """How a caller named a member: by our id, by the shop's id, or by e-mail; one of them."""

    id: MemberId | None = None
    external_id: str | None = None
    email: str | None = None
