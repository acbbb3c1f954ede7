"""A merchant's offers while they are being changed; nothing is read or written here."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TypeVar

from msgspec.structs import replace

from guerdon.domain.catalogue import Catalogue, EarningRule, PointType, Program, Reward
from guerdon.domain.ids import (
    PointTypeId,
    ProgramId,
    RewardId,
    RewardVersionId,
    RuleId,
    TemplateId,
)
from guerdon.domain.state import Counter
from guerdon.domain.template import Template

_Offer = TypeVar("_Offer", Reward, EarningRule)


class Shelf:
    """Holds the offers as they stand and notes which of them are put anew. A reward that differs
    from what it was becomes a version of its own. What is put counts as changed `now`.
    `catalogue` is how it was before."""

    def __init__(
        self,
        catalogue: Catalogue,
        templates: Mapping[TemplateId, Template],
        counters: Mapping[RewardId, Counter],
        ids: Iterator[int],
        now: datetime,
    ) -> None:
        self.catalogue = catalogue
        self.merchant = catalogue.merchant
        self.now = now
        self.programs = dict(catalogue.programs)
        self.point_types = dict(catalogue.point_types)
        self.rewards = dict(catalogue.rewards)
        self.rules = dict(catalogue.rules)
        self.templates = dict(templates)
        self._counters = counters
        self._ids = ids
        self.put_programs: dict[ProgramId, Program] = {}
        self.put_point_types: dict[PointTypeId, PointType] = {}
        self.put_templates: dict[TemplateId, Template] = {}
        self.put_rewards: dict[RewardId, Reward] = {}
        self.put_rules: dict[RuleId, EarningRule] = {}

    @property
    def is_changed(self) -> bool:
        """Whether there is anything to be written."""
        return any(
            (
                self.put_programs,
                self.put_point_types,
                self.put_templates,
                self.put_rewards,
                self.put_rules,
            )
        )

    def next_id(self) -> int:
        return next(self._ids)

    def units_taken(self, reward_id: RewardId) -> int:
        """Count what was taken of a reward and not given back."""
        counter = self._counters.get(reward_id)
        return 0 if counter is None else counter.units_live

    def put_program(self, program: Program) -> Program:
        if self.programs.get(program.id) == program:
            return program
        self.programs[program.id] = self.put_programs[program.id] = program
        return program

    def put_point_type(self, point_type: PointType) -> PointType:
        if self.point_types.get(point_type.id) == point_type:
            return point_type
        self.point_types[point_type.id] = self.put_point_types[point_type.id] = point_type
        return point_type

    def put_template(self, template: Template) -> Template:
        if self.templates.get(template.id) == template:
            return template
        self.templates[template.id] = self.put_templates[template.id] = template
        return template

    def put_reward(self, reward: Reward) -> Reward:
        known = self.rewards.get(reward.id)
        if known == reward:
            return reward
        noted = self.put_rewards.get(reward.id)
        version_id = RewardVersionId(self.next_id()) if noted is None else noted.version_id
        reward = replace(reward, version_id=version_id, updated_at=self.now)
        self.rewards[reward.id] = self.put_rewards[reward.id] = reward
        return reward

    def put_rule(self, rule: EarningRule) -> EarningRule:
        if self.rules.get(rule.id) == rule:
            return rule
        rule = replace(rule, updated_at=self.now)
        self.rules[rule.id] = self.put_rules[rule.id] = rule
        return rule

    def rewards_in(self, program_id: ProgramId) -> list[Reward]:
        """List the rewards that are offered in a program, by id."""
        return _live(self.rewards.values(), program_id)

    def rules_in(self, program_id: ProgramId) -> list[EarningRule]:
        """List the rules that a program has, by id."""
        return _live(self.rules.values(), program_id)

    def rewards_made_of(self, template_id: TemplateId) -> list[Reward]:
        """List the rewards that were made of a template and are offered, by id."""
        made = (each for each in self.rewards.values() if each.template_id == template_id)
        return sorted((each for each in made if each.archived_at is None), key=lambda each: each.id)

    def rules_made_of(self, template_id: TemplateId) -> list[EarningRule]:
        """List the rules that were made of a template and are in force, by id."""
        made = (each for each in self.rules.values() if each.template_id == template_id)
        return sorted((each for each in made if each.archived_at is None), key=lambda each: each.id)


def _live(offers: Iterable[_Offer], program_id: ProgramId) -> list[_Offer]:
    return sorted(
        (each for each in offers if each.program_id == program_id and each.archived_at is None),
        key=lambda each: each.id,
    )
