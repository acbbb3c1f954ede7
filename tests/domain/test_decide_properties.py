"""Whatever is asked, in whatever batches, at whatever time: the figures add up.

One seed makes one run, so a run that fails can be run again. GUERDON_STEPS sets how many batches it
has, GUERDON_HYPOTHESIS_PROFILE=long how many runs there are."""

import os
from datetime import timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from guerdon.domain.command import Done, Enrol, Refused, Submission
from guerdon.domain.state import Effects
from tests.builders.acts import NAMES, Dice, command_of, random_shop, throw
from tests.builders.shop import PROGRAM, Shop
from tests.builders.state import World, make_catalogue
from tests.builders.world import drift, give

_STEPS = int(os.environ.get("GUERDON_STEPS", "40"))
_SECONDS = (0, 0, 0, 1, 3600, 3600, 86_400, 200_000)


def begin(shop: Shop) -> World:
    world = World(make_catalogue(shop))
    world.pools = {
        reward.id: [f"POOL-{reward.id}-{number}" for number in range(3)]
        for reward in shop.rewards
        if reward.is_pooled
    }
    for name in NAMES[:2]:
        world.do(Enrol(program_id=PROGRAM, external_id=name, email=f"{name}@shop.example"))
        give(world, name, 400, lives_days=2)
        give(world, name, 600)
    return world


def submissions_of(world: World, dice: list[Dice]) -> list[Submission]:
    """Give two of three commands a key, and now and then one used before, with its request."""
    submissions: list[Submission] = []
    for number, each in enumerate(dice):
        command = command_of(world, each)
        key = f"{world.next_id}/{number}" if each[0] % 3 else None
        submissions.append(Submission(command, key, repr(command).encode()))
        if each[1] == 15:
            submissions.append(submissions[-1])
    return submissions


@given(st.integers(0, 2**64 - 1))
def test_the_figures_always_add_up(seed: int) -> None:
    random = Random(seed)  # noqa: S311 -- repeatable on purpose
    world = begin(random_shop(random))
    assert drift(world) == []
    for _ in range(_STEPS):
        world.now += timedelta(seconds=random.choice(_SECONDS))
        dice = [throw(random) for _ in range(random.randint(1, 8))]
        submissions = submissions_of(world, dice)
        _check_splitting(world, submissions, random.randint(0, len(submissions)))
        _check_refusals(world, submissions)
        outcomes = world.run(*submissions)
        assert drift(world) == []
        _check_replays(world, submissions, outcomes)


def _check_splitting(world: World, submissions: list[Submission], split_at: int) -> None:
    whole, parts = world.copy(), world.copy()
    together = whole.run(*submissions)
    apart = parts.run(*submissions[:split_at]) + parts.run(*submissions[split_at:])
    assert apart == together
    assert parts == whole
    again = world.copy()
    assert again.run(*submissions) == together
    assert again == whole


def _check_refusals(world: World, submissions: list[Submission]) -> None:
    for submission in submissions:
        decision = world.decide([submission])
        if isinstance(decision.outcomes[0], Refused):
            assert decision.effects == Effects()
            assert decision.outcomes[0].refusals


def _check_replays(
    world: World, submissions: list[Submission], outcomes: list[Done | Refused]
) -> None:
    for submission, outcome in zip(submissions, outcomes, strict=True):
        if submission.key is None or isinstance(outcome, Refused):
            continue
        decision = world.decide([submission])
        assert decision.outcomes == [Done(outcome.result, is_replay=True)]
        assert decision.effects == Effects()
