"""Judges the fields of members' rows: one row, or whole columns of rows that look right."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from guerdon.domain.award import POINTS_MAX
from guerdon.domain.catalogue import Catalogue, Program
from guerdon.domain.clock import zone
from guerdon.domain.expiry import lot_expires_at
from guerdon.domain.ids import TierId
from guerdon.store.imported_rows import NewMembers

COLUMNS = (
    "external_id",
    "email",
    "first_name",
    "last_name",
    "points",
    "points_expire_at",
    "tier",
    "status",
)
TEXT_LENGTH_MAX = 255

_UNDERSTOOD_MAX = 10_000

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_DIGITS = re.compile(r"[0-9]{1,13}")
# The same for a column, of which any may be empty.
_EMAILS = re.compile(rf"(?:{_EMAIL.pattern})?(?:\n(?:{_EMAIL.pattern})?)*")
_ALL_DIGITS = re.compile(r"[0-9]{0,13}(?:\n[0-9]{0,13})*")
_STATUSES = {"": False, "active": False, "excluded": True}

Judged = tuple[
    str, str | None, str | None, str | None, int, int, datetime | None, TierId | None, bool
]


class Fault(Exception):
    """What is wrong with a row, and in which column."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


class RowRules:
    """What the fields of a row may hold, and what they come to in a program."""

    def __init__(self, catalogue: Catalogue, program: Program, now: datetime) -> None:
        self._now = now
        self._zone = zone(program.timezone)
        tiers = catalogue.tiers.get(program.id, ())
        self._tiers = {tier.slug: tier for tier in tiers}
        self._ladder = [(tier.points_required, tier.id) for tier in reversed(tiers)]
        point_type = catalogue.point_types.get(program.point_type_id)
        self._default_expiry = lot_expires_at(program, point_type, now)
        self._understood: dict[tuple[bool, str, str, str], tuple[datetime | None, int, bool]] = {}

    def judge(self, fields: tuple[str, ...]) -> Judged:
        """Turn the fields of a row, in the order of COLUMNS, into values. Raises Fault."""
        external_id, email, first_name, last_name, points, *terms = fields
        external_id = external_id.strip()
        if not external_id:
            raise Fault("external_id", "is missing")
        if len(external_id) > TEXT_LENGTH_MAX:
            raise Fault("external_id", f"is longer than {TEXT_LENGTH_MAX} characters")
        held = self._points(points.strip())
        expires_at, points_required, is_frozen = self._terms(held, *terms)
        lifetime = max(held, points_required)
        return (
            external_id,
            _email(email.strip().lower()),
            _name("first_name", first_name),
            _name("last_name", last_name),
            held,
            lifetime,
            expires_at,
            self._tier(lifetime),
            is_frozen,
        )

    def judge_all(self, columns: tuple[list[str], ...]) -> NewMembers | None:
        """Do the same for many rows as columns; None where any of them may be at fault."""
        external_ids, emails, first_names, last_names = (
            [*map(str.strip, column)] for column in columns[:4]
        )
        emails = [*map(str.lower, emails)]
        if not external_ids or not all(external_ids) or not _EMAILS.fullmatch("\n".join(emails)):
            return None
        for texts in (external_ids, emails, first_names, last_names):
            if max(map(len, texts)) > TEXT_LENGTH_MAX:
                return None
        points = [*map(str.strip, columns[4])]
        if not _ALL_DIGITS.fullmatch("\n".join(points)):
            return None
        held = [int(text or 0) for text in points]
        if max(held) > POINTS_MAX:
            return None
        has_points = [*map(bool, held)]
        try:
            understood = {
                key: self._terms(*key) for key in set(zip(has_points, *columns[5:], strict=True))
            }
        except Fault:
            return None
        terms = map(understood.__getitem__, zip(has_points, *columns[5:], strict=True))
        expiries, required, are_frozen = zip(*terms, strict=True)
        lifetime = [*map(max, held, required)]
        return NewMembers(
            external_ids=external_ids,
            emails=_or_none(emails),
            first_names=_or_none(first_names),
            last_names=_or_none(last_names),
            points=held,
            points_lifetime=lifetime,
            expiries=expiries,
            tier_ids=[*map(self._tier, lifetime)] if self._ladder else [None] * len(held),
            are_frozen=are_frozen,
        )

    def _terms(
        self, held: int, expiry: str, tier: str, status: str
    ) -> tuple[datetime | None, int, bool]:
        # A file holds few different ones, so each is understood once.
        key = (bool(held), expiry, tier, status)
        terms = self._understood.get(key)
        if terms is None:
            terms = self._understand(*key)
            if len(self._understood) >= _UNDERSTOOD_MAX:
                self._understood.clear()
            self._understood[key] = terms
        return terms

    def _understand(
        self, has_points: bool, expiry: str, tier: str, status: str
    ) -> tuple[datetime | None, int, bool]:
        expires_at = self._expiry(expiry.strip())
        if has_points and expires_at is not None and expires_at <= self._now:
            raise Fault("points_expire_at", "is past")
        points_required = self._points_required(tier.strip())
        is_frozen = _STATUSES.get(status.strip().lower())
        if is_frozen is None:
            raise Fault("status", "must be active or excluded")
        return expires_at, points_required, is_frozen

    @staticmethod
    def _points(text: str) -> int:
        if not text:
            return 0
        if not _DIGITS.fullmatch(text) or int(text) > POINTS_MAX:
            raise Fault("points", f"must be a whole number from 0 to {POINTS_MAX}")
        return int(text)

    def _points_required(self, slug: str) -> int:
        tier = self._tiers.get(slug)
        if slug and tier is None:
            raise Fault("tier", f"must be one of: {', '.join(self._tiers) or 'no tier there is'}")
        return tier.points_required if tier else 0

    def _tier(self, points_lifetime: int) -> TierId | None:
        for points_required, tier_id in self._ladder:
            if points_required <= points_lifetime:
                return tier_id
        return None

    def _expiry(self, text: str) -> datetime | None:
        if not text:
            return self._default_expiry
        return None if text == "never" else self._parse_expiry(text)

    def _parse_expiry(self, text: str) -> datetime:
        """Understand a date, whose points live until its end there, or an instant."""
        try:
            if len(text) == len("2027-06-30"):
                day = date.fromisoformat(text) + timedelta(days=1)
                return datetime(day.year, day.month, day.day, tzinfo=self._zone).astimezone(UTC)
            instant = datetime.fromisoformat(text)
            if instant.tzinfo is None:
                instant = instant.replace(tzinfo=self._zone)
            instant = instant.astimezone(UTC)
        except (ValueError, OverflowError):
            raise Fault(
                "points_expire_at", "must be a date like 2027-06-30, an instant, or never"
            ) from None
        return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def _email(text: str) -> str | None:
    if not text:
        return None
    if len(text) > TEXT_LENGTH_MAX or not _EMAIL.fullmatch(text):
        raise Fault("email", "is not an e-mail address")
    return text


def _name(column: str, text: str) -> str | None:
    text = text.strip()
    if len(text) > TEXT_LENGTH_MAX:
        raise Fault(column, f"is longer than {TEXT_LENGTH_MAX} characters")
    return text or None


def _or_none(texts: list[str]) -> Sequence[str | None]:
    return texts if all(texts) else [text or None for text in texts]
