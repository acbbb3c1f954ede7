"""The published forms, and letters of all sorts that have to fit them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec import Struct

from guerdon.domain.catalogue import Discount
from guerdon.domain.delivery import Letter, Skipped
from tests.builders.letters import (
    make_earning,
    make_letter,
    make_member,
    make_redemption,
    tier_letter,
)
from tests.builders.shop import make_reward, make_rule

_SCHEMAS = Path(__file__).parent / "schemas"

# PostgreSQL keeps any text but half of a pair and the zero character.
_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=2000)
_NAMES = _TEXT.filter(bool)
_POINTS = st.integers(1, 10**12)
_TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- hypothesis adds the zone


def form_of(name: str) -> Callable[[Struct], Any]:
    """Give a check that a payload fits the form; it returns the payload as it goes out."""
    schema = json.loads((_SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)

    def check(payload: Struct) -> Any:
        assert not isinstance(payload, Skipped), payload.reason
        sent = json.loads(msgspec.json.encode(payload))
        problems = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(sent)]
        assert problems == []
        return sent

    return check


_MEMBERS = st.builds(
    lambda name, external_id, email: make_member(
        external_id=external_id, email=f"{email}@shopper.example", first_name=name
    ),
    _TEXT,
    _NAMES,
    _NAMES,
)
_DISCOUNTS = st.one_of(
    st.none(),
    st.builds(Discount, type=st.just("fixed_amount"), amount_minor=st.integers(0, 10**14)),
    st.builds(Discount, type=st.just("percentage"), percent_hundredths=st.integers(0, 10_000)),
    st.builds(Discount, type=st.sampled_from(["free_shipping", "free_product"])),
)


@st.composite
def _earned(draw: st.DrawFn) -> Letter:
    return make_letter(
        draw(st.sampled_from(["points.earned", "points.adjusted"])),
        member=draw(_MEMBERS),
        created_at=draw(_TIMES),
        points=draw(_POINTS),
        rule=draw(st.none() | st.builds(lambda name: make_rule(name=name), _NAMES)),
        earning=draw(
            st.none() | st.builds(lambda order: make_earning(order_number=order), st.none() | _TEXT)
        ),
    )


@st.composite
def _redeemed(draw: st.DrawFn) -> Letter:
    reward = make_reward(
        name=draw(_NAMES),
        discount=draw(_DISCOUNTS),
        kind=draw(st.sampled_from(["cart_discount", "gift_card", "custom", "free_shipping"])),
    )
    return make_letter(
        "redemption.approved",
        member=draw(_MEMBERS),
        created_at=draw(_TIMES),
        points=draw(st.integers(0, 10**12)),
        reward=reward,
        redemption=make_redemption(reward, units=draw(st.integers(1, 100))),
    )


_MOVED = st.builds(
    lambda previous, new, at, member: tier_letter(previous, new, created_at=at, member=member),
    st.none() | _NAMES,
    st.none() | _NAMES,
    _TIMES,
    _MEMBERS,
)

LETTERS: st.SearchStrategy[Letter] = st.one_of(_earned(), _redeemed(), _MOVED)
