"""What has to be done to make a merchant equal to a blueprint; nothing is read or written here."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from guerdon.domain.blueprint import Act, Blueprint, Difference, WantedProgram, WantedReward
from guerdon.domain.catalogue import (
    Catalogue,
    EarningRule,
    Merchant,
    PointType,
    Program,
    Reward,
    Tier,
    TierTerms,
)
from guerdon.domain.errors import Conflict
from guerdon.domain.ids import (
    PointTypeId,
    ProgramId,
    RewardId,
    RewardVersionId,
    RuleId,
    TierId,
)

_UNTOLD = frozenset({"id", "version_id", "program_id", "created_at", "updated_at", "archived_at"})
# As the program file calls them.
_FILE_NAMES = {
    "tier_id": "tier",
    "fulfil_by": "fulfil.by",
    "point_type_id": "points_of",
    "further_point_type_ids": "point_types",
}
_Offer = TypeVar("_Offer", Tier, Reward, EarningRule)
_Kept = TypeVar("_Kept", Reward, EarningRule)


@dataclass(frozen=True)
class Standing:
    """A merchant as it stands, its archived offers included."""

    catalogue: Catalogue
    archived_tiers: tuple[Tier, ...] = ()

    @classmethod
    def nothing(cls, merchant: Merchant) -> "Standing":
        """The standing of a merchant that is about to be made."""
        return cls(
            Catalogue(
                version=0,
                merchant=merchant,
                programs={},
                point_types={},
                tiers={},
                rewards={},
                rules={},
            )
        )


@dataclass
class Offers:
    """What has to be written, and the same in words. `programs` gives every wanted program's id,
    `point_type_ids` that of every point type of the file or of its programs."""

    differences: list[Difference] = field(default_factory=list)
    programs: dict[str, ProgramId] = field(default_factory=dict)
    changed_programs: list[Program] = field(default_factory=list)
    point_types: list[PointType] = field(default_factory=list)
    point_type_ids: dict[str, PointTypeId] = field(default_factory=dict)
    tiers: list[tuple[Tier, datetime | None]] = field(default_factory=list)
    rewards: list[Reward] = field(default_factory=list)
    new_versions: list[Reward] = field(default_factory=list)
    rules: list[EarningRule] = field(default_factory=list)


def compare_offers(
    standing: Standing, blueprint: Blueprint, ids: Iterator[int], now: datetime
) -> Offers:
    """Say what makes the point types, programs, tiers, rewards and rules equal to the blueprint.

    New ones take their ids from `ids`. What the blueprint leaves out is archived, a whole program
    made inactive: nothing is ever deleted, since history points at it. What calls have made is
    left alone, but for the merchant's time zone. Raises Conflict where a program or a point type of
    that name was made by a call."""
    found = Offers()
    _compare_point_types(standing, blueprint, found, ids)
    known = {program.slug: program for program in standing.catalogue.programs.values()}
    for wanted in blueprint.programs:
        before = known.get(wanted.program.slug)
        if before is not None and before.origin != "file":
            message = f"programs.{before.slug}: there is one of this name that a call has made"
            raise Conflict(message)
        _Comparison(standing, found, ids, now).program(before, wanted)
    for slug in sorted(known.keys() - {wanted.program.slug for wanted in blueprint.programs}):
        program = known[slug]
        changed = replace(program, timezone=blueprint.merchant.timezone)
        if program.origin == "file":
            changed = replace(program, status="inactive")
        if changed != program:
            found.changed_programs.append(changed)
            changes = changes_of(program, changed)
            found.differences.append(
                Difference(act="change", path=f"programs.{slug}", changes=changes)
            )
    return found


def _compare_point_types(
    standing: Standing, blueprint: Blueprint, found: Offers, ids: Iterator[int]
) -> None:
    """A program has points of its own under its slug, plain ones where the file says no more."""
    own = {program.program.slug for program in blueprint.programs}
    named = {each.slug: each for each in blueprint.point_types}
    wanted = {
        slug: PointType(id=PointTypeId(0), slug=slug, name="Points") for slug in sorted(own)
    } | named
    known = {each.slug: each for each in standing.catalogue.point_types.values()}
    for slug, each in wanted.items():
        before = known.get(slug)
        if before is not None and before.origin != "file":
            message = f"point_types.{slug}: there is one of this name that a call has made"
            raise Conflict(message)
        point_type = replace(
            each,
            id=before.id if before else PointTypeId(next(ids)),
            created_at=before.created_at if before else None,
            updated_at=before.updated_at if before else None,
        )
        found.point_type_ids[slug] = point_type.id
        if point_type == before:
            continue
        found.point_types.append(point_type)
        if before is None and slug not in named:
            # It is told with its program.
            continue
        act: Act = "add" if before is None else "change"
        changes = {} if before is None else changes_of(before, point_type)
        found.differences.append(Difference(act=act, path=f"point_types.{slug}", changes=changes))
    programs = {program.slug for program in standing.catalogue.programs.values()}
    for slug in sorted(known.keys() - wanted.keys() - programs):
        if known[slug].origin == "file" and known[slug].status != "archived":
            found.point_types.append(replace(known[slug], status="archived"))
            found.differences.append(Difference(act="archive", path=f"point_types.{slug}"))


@dataclass
class _Comparison:
    """The comparison of one program."""

    standing: Standing
    found: Offers
    ids: Iterator[int]
    now: datetime

    def program(self, known: Program | None, wanted: WantedProgram) -> None:
        path = f"programs.{wanted.program.slug}"
        program = replace(
            self._dated(known, wanted.program),
            id=known.id if known else ProgramId(next(self.ids)),
            point_type_id=self.found.point_type_ids[wanted.program.slug],
            further_point_type_ids=tuple(
                self.found.point_type_ids[slug] for slug in wanted.point_types
            ),
        )
        if known is None:
            self.found.changed_programs.append(program)
            self._tell("add", path)
        elif program != known:
            self.found.changed_programs.append(program)
            self._tell("change", path, changes_of(known, program, self._word))
        self.found.programs[program.slug] = program.id
        tiers = self._tiers(path, program, wanted)
        self._rewards(path, program, wanted, tiers)
        self._rules(path, program, wanted)

    def _dated(self, known: Program | None, wanted: Program) -> Program:
        """Keep the times it has. Inactivity counts from when it was first wanted: nobody loses
        points for the time before they could know."""
        if known is not None:
            wanted = replace(wanted, created_at=known.created_at, updated_at=known.updated_at)
        if wanted.inactive_days_max is None:
            return wanted
        before = None if known is None else known.inactivity_counts_from
        return replace(wanted, inactivity_counts_from=before or self.now)

    def _tiers(self, path: str, program: Program, wanted: WantedProgram) -> dict[str, TierId]:
        live = {tier.slug: tier for tier in self.standing.catalogue.tiers.get(program.id, ())}
        archived = {
            tier.slug: tier
            for tier in self.standing.archived_tiers
            if tier.program_id == program.id
        }
        ids: dict[str, TierId] = {}
        for each in wanted.tiers:
            known = live.get(each.slug) or archived.get(each.slug)
            tier = replace(
                each,
                id=known.id if known else TierId(next(self.ids)),
                program_id=program.id,
                created_at=known.created_at if known else self.now,
                updated_at=known.updated_at if known else self.now,
            )
            ids[tier.slug] = tier.id
            is_new = self._settle(f"{path}.tiers.{tier.slug}", known, tier, each.slug in archived)
            if is_new is not None:
                self.found.tiers.append((is_new, None))
        for slug in sorted(live.keys() - ids.keys()):
            self.found.tiers.append((live[slug], self.now))
            self._tell("archive", f"{path}.tiers.{slug}")
        return ids

    def _rewards(
        self, path: str, program: Program, wanted: WantedProgram, tiers: Mapping[str, TierId]
    ) -> None:
        known = _by_slug(self.standing.catalogue.rewards.values(), program.id)
        for each in wanted.rewards:
            self._reward(path, program, known.get(each.reward.slug), each, tiers)
        for slug in sorted(known.keys() - {each.reward.slug for each in wanted.rewards}):
            if known[slug].archived_at is None:
                gone = replace(known[slug], archived_at=self.now, updated_at=self.now)
                self.found.rewards.append(gone)
                self._tell("archive", f"{path}.rewards.{slug}")

    def _reward(
        self,
        path: str,
        program: Program,
        known: Reward | None,
        wanted: WantedReward,
        tiers: Mapping[str, TierId],
    ) -> None:
        reward = replace(
            wanted.reward,
            id=known.id if known else RewardId(next(self.ids)),
            version_id=known.version_id if known else RewardVersionId(0),
            program_id=program.id,
            point_type_id=self.found.point_type_ids[wanted.points_of or program.slug],
            tier_id=None if wanted.tier is None else tiers[wanted.tier],
            tier_terms=tuple(
                TierTerms(
                    tier_id=tiers[terms.tier],
                    is_enabled=terms.is_enabled,
                    points_cost=terms.points_cost,
                )
                for terms in wanted.terms
            ),
            created_at=known.created_at if known else self.now,
            updated_at=known.updated_at if known else self.now,
        )
        was_archived = known is not None and known.archived_at is not None
        settled = self._settle(f"{path}.rewards.{reward.slug}", known, reward, was_archived)
        if settled is None:
            return
        if known is None or replace(known, archived_at=None) != reward:
            settled = replace(settled, version_id=RewardVersionId(next(self.ids)))
            self.found.new_versions.append(settled)
        self.found.rewards.append(settled)

    def _rules(self, path: str, program: Program, wanted: WantedProgram) -> None:
        known = _by_slug(self.standing.catalogue.rules.values(), program.id)
        for each in wanted.rules:
            before = known.get(each.slug)
            rule = replace(
                each,
                id=before.id if before else RuleId(next(self.ids)),
                program_id=program.id,
                point_type_id=self._points_of_rule(wanted, each),
                created_at=before.created_at if before else self.now,
                updated_at=before.updated_at if before else self.now,
            )
            was_archived = before is not None and before.archived_at is not None
            here = f"{path}.earning_rules.{rule.slug}"
            settled = self._settle(here, before, rule, was_archived)
            if settled is not None:
                self.found.rules.append(settled)
        for slug in sorted(known.keys() - {each.slug for each in wanted.rules}):
            if known[slug].archived_at is None:
                gone = replace(known[slug], archived_at=self.now, updated_at=self.now)
                self.found.rules.append(gone)
                self._tell("archive", f"{path}.earning_rules.{slug}")

    def _points_of_rule(self, wanted: WantedProgram, rule: EarningRule) -> PointTypeId:
        """Give the point type that a rule gives; 0 where it is the program's own."""
        slug = wanted.rules_points_of.get(rule.slug)
        return PointTypeId(0) if slug is None else self.found.point_type_ids[slug]

    def _settle(
        self, path: str, known: _Offer | None, wanted: _Offer, was_archived: bool
    ) -> _Offer | None:
        """Tell the difference, and give what is to be written; None where nothing is."""
        if known is None:
            self._tell("add", path)
            return wanted
        changes = changes_of(known, wanted, self._word)
        if was_archived:
            self._tell("restore", path, changes)
        elif known != wanted:
            self._tell("change", path, changes)
        else:
            return None
        return replace(wanted, updated_at=self.now)

    def _word(self, name: str, value: object) -> str | None:
        """Call a tier or point types by their slugs."""
        if name in ("point_type_id", "further_point_type_ids"):
            return self._slugs_of(value)
        if name != "tier_id" or value is None:
            return None
        tiers = [tier for each in self.standing.catalogue.tiers.values() for tier in each]
        written = [tier for tier, _ in self.found.tiers]
        for tier in (*tiers, *written, *self.standing.archived_tiers):
            if tier.id == value:
                return tier.slug
        return None

    def _slugs_of(self, value: object) -> str:
        slugs = {each.id: each.slug for each in self.standing.catalogue.point_types.values()}
        slugs |= {number: slug for slug, number in self.found.point_type_ids.items()}
        numbers = value if isinstance(value, tuple) else (value,)
        return ", ".join(slugs.get(number, "its own") for number in numbers) or "none"

    def _tell(
        self,
        act: Act,
        path: str,
        changes: dict[str, tuple[str, str]] | None = None,
    ) -> None:
        self.found.differences.append(Difference(act=act, path=path, changes=changes or {}))


def _by_slug(offers: Iterable[_Kept], program_id: ProgramId) -> dict[str, _Kept]:
    """Leave out what calls have assigned; its slugs are none that a file could give."""
    return {
        offer.slug: offer
        for offer in offers
        if offer.program_id == program_id and offer.origin == "file"
    }


def _no_word(name: str, value: object) -> str | None:  # noqa: ARG001 -- the shape of a naming
    return None


def changes_of(
    before: Struct,
    after: Struct,
    word: Callable[[str, object], str | None] = _no_word,
) -> dict[str, tuple[str, str]]:
    """Tell what changes between two values of one kind, field by field, but for ids and times."""
    changes = {}
    for name in before.__struct_fields__:
        old, new = getattr(before, name), getattr(after, name)
        if name not in _UNTOLD and old != new:
            changes[_FILE_NAMES.get(name, name)] = (
                word(name, old) or _say(old),
                word(name, new) or _say(new),
            )
    return changes


def _say(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return "; ".join(map(_say, value)) or "none"
    if isinstance(value, Struct):
        told = {name: getattr(value, name) for name in value.__struct_fields__}
        return ", ".join(f"{name} {_say(each)}" for name, each in told.items() if each)
    return str(value)
