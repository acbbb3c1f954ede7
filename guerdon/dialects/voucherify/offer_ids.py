"""Which of our rewards and rules an id of this dialect names."""

from guerdon.dialects.voucherify.ids import write_id
from guerdon.domain.catalogue import Catalogue, EarningRule, Program, Reward
from guerdon.domain.ids import MerchantId, ProgramId

# Of so many merchants the offers are kept indexed, by the catalogue that they were read off.
_INDEXES_MAX = 1024
_indexes: dict[MerchantId, tuple[Catalogue, dict[tuple[ProgramId, int], Reward]]] = {}


def reward_number(reward: Reward) -> int:
    """Give the number in a reward's id: that of what it was made of; else its own."""
    return reward.id if reward.template_id is None else reward.template_id


def reward_id(reward: Reward) -> str:
    return write_id("reward", reward_number(reward))


def rule_number(rule: EarningRule) -> int:
    """Give the number in an earning rule's id; several rules may be one of the vendor's."""
    return rule.id if rule.template_id is None else rule.template_id


def rule_id(rule: EarningRule) -> str:
    return write_id("earning_rule", rule_number(rule))


def find_reward(catalogue: Catalogue, program_id: ProgramId, number: int) -> Reward | None:
    """Find the reward of this number among those that are assigned to a program."""
    return _rewards_by_number(catalogue).get((program_id, number))


def _rewards_by_number(catalogue: Catalogue) -> dict[tuple[ProgramId, int], Reward]:
    """Index what is offered, once for each version of the offers: every purchase looks here."""
    merchant_id = catalogue.merchant.id
    known = _indexes.get(merchant_id)
    if known is None or known[0] is not catalogue:
        found = {
            (reward.program_id, reward_number(reward)): reward
            for reward in sorted(catalogue.rewards.values(), key=lambda each: -each.id)
            if reward.archived_at is None
        }
        while len(_indexes) >= _INDEXES_MAX:
            _indexes.pop(next(iter(_indexes)))
        known = _indexes[merchant_id] = (catalogue, found)
    return known[1]


def rewards_of(catalogue: Catalogue, program_id: ProgramId) -> list[Reward]:
    """List the rewards that are assigned to a program, by their ids."""
    return sorted(
        (
            reward
            for reward in catalogue.rewards.values()
            if reward.program_id == program_id and reward.archived_at is None
        ),
        key=lambda reward: reward.id,
    )


def rules_of(catalogue: Catalogue, program_id: ProgramId) -> list[EarningRule]:
    """List the rules that are assigned to a program, by their ids."""
    return sorted(
        (
            rule
            for rule in catalogue.rules.values()
            if rule.program_id == program_id and rule.archived_at is None
        ),
        key=lambda rule: rule.id,
    )


def find_program(catalogue: Catalogue, number: int) -> Program | None:
    """Find a program that was not deleted."""
    program = catalogue.programs.get(ProgramId(number))
    return None if program is None or program.archived_at is not None else program
