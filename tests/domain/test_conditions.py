"""Conditions on who a member is: what they say yes to, and what cannot be checked."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.domain.condition import Traits, check, holds

ANNA = Traits(
    member={"level": "gold", "visits": 12, "since": "2025-03-01", "tags": ["a", "b"], "vip": True},
    customer={"city": "Leeds", "visits": 3.5},
)


def rule(conditions: object, name: str = "member.metadata", **more: object) -> dict[str, object]:
    return {"name": name, "property": "level", "conditions": conditions, **more}


def write(logic: str | None = None, **rules: object) -> str:
    numbered = {name.removeprefix("r"): each for name, each in rules.items()}
    return json.dumps(numbered if logic is None else {"logic": logic, **numbered})


@pytest.mark.parametrize(
    ("named", "conditions", "expected"),
    [
        ("level", {"$is": ["gold"]}, True),
        ("level", {"$is": ["silver", "gold"]}, True),
        ("level", {"$is": ["Gold"]}, False),
        ("level", {"$is_not": ["silver"]}, True),
        ("level", {"$is_not": ["gold"]}, False),
        ("level", {"$in": ["silver", "gold"]}, True),
        ("level", {"$not_in": ["silver", "gold"]}, False),
        ("visits", {"$is": [12.0]}, True),
        ("visits", {"$is": ["12"]}, False),
        ("vip", {"$is": [True]}, True),
        ("vip", {"$is": [1]}, False),
        ("vip", {"$more_than": [0]}, False),
        ("visits", {"$more_than": [12]}, False),
        ("visits", {"$more_than_or_equal": [12]}, True),
        ("visits", {"$less_than": [12.5]}, True),
        ("visits", {"$less_than_or_equal": [11]}, False),
        ("visits", {"$more_than": [10], "$less_than": [12]}, False),
        ("since", {"$more_than": ["2025-01-01"]}, True),
        ("since", {"$more_than": [5]}, False),
        ("tags", {"$is": ["b"]}, True),
        ("tags", {"$is_not": ["b"]}, False),
        ("nothing", {"$is": ["x"]}, False),
        ("nothing", {"$is_not": ["x"]}, True),
        ("nothing", {"$less_than": [1]}, False),
    ],
)
def test_operators(named: str, conditions: dict[str, object], expected: bool) -> None:
    text = write(r1=rule(conditions, property=named))
    assert check(text) is None
    assert holds(text, ANNA) is expected


def test_a_customers_words_are_not_the_members() -> None:
    few = write(r1=rule({"$less_than": [4]}, "customer.metadata", property="visits"))
    assert holds(few, ANNA)
    assert not holds(few.replace("customer", "member"), ANNA)
    assert not holds(few, Traits(member=ANNA.member))


def test_no_condition_holds_for_everybody_and_a_bad_one_for_nobody() -> None:
    assert holds(None, Traits())
    assert holds("{}", Traits())
    assert not holds("nonsense", ANNA)


_YES = rule({"$is": ["gold"]})
_NO = rule({"$is": ["tin"]})


@pytest.mark.parametrize(
    ("logic", "expected"),
    [
        ("1", True),
        ("2", False),
        ("1 AND 2", False),
        ("1 OR 2", True),
        # AND binds more closely.
        ("2 AND 2 OR 1", True),
        ("2 AND (2 OR 1)", False),
        ("1 OR 2 AND 2", True),
        ("(1 OR 2) AND 2", False),
        ("((1)) AND ( 1 OR 2 )", True),
    ],
)
def test_logic(logic: str, expected: bool) -> None:
    rules = {f"r{number}": {"1": _YES, "2": _NO}[number] for number in "12" if number in logic}
    text = write(logic, **rules)
    assert check(text) is None
    assert holds(text, ANNA) is expected


def test_without_logic_every_rule_must_hold() -> None:
    assert not holds(write(r1=_YES, r2=_NO), ANNA)
    assert holds(write(r1=_YES, r2=_YES), ANNA)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "must be an object"),
        ("{", "must be JSON"),
        (write(extra=1), "extra is not supported"),
        (write(r1=1), "1 must be an object"),
        (write(r1={**_YES, "rules": {}}), "1.rules is not supported"),
        (write(r1=rule({"$is": ["x"]}, "customer.segment")), "customer.segment is not supported"),
        (write(r1=rule({"$is": ["x"]}, "order.amount")), "1.name must be"),
        (write(r1=rule({"$is": ["x"]}, property="")), "1.property must name"),
        (write(r1=rule({})), "1.conditions must be"),
        (write(r1=rule({"$dow": [1]})), "1.conditions.$dow is not supported"),
        (write(r1=rule({"$is": []})), "1.conditions.$is must be an array"),
        (write(r1=rule({"$is": [None]})), "1.conditions.$is must hold"),
        (write(r1=rule({"$less_than": [1, 2]})), "1.conditions.$less_than must hold one"),
        (write("1 AND", r1=_YES), "logic has 'its end' where"),
        (write("1 AND 2", r1=_YES), "logic has '2' where"),
        (write("1 1", r1=_YES), "logic has '1' where AND"),
        (write("(1", r1=_YES), "closing parenthesis"),
        (write("1 XOR 1", r1=_YES), "logic cannot be read from 'XOR 1' on"),
        (write("1", r1=_YES, r2=_YES), "logic does not name the rule 2"),
        (write("(" * 30 + "1" + ")" * 30, r1=_YES), "too many parentheses"),
        (json.dumps({"logic": 1, "1": _YES}), "logic must be a text"),
    ],
)
def test_says_what_is_wrong(text: str, said: str) -> None:
    assert said in (check(text) or "")
    assert not holds(text, ANNA)


_VALUES = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.text("ab$", max_size=3))
_JSON = st.recursive(
    _VALUES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["logic", "1", "2", "name", "property", "conditions", "$is", "$in"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(document=_JSON, logic=st.text("12()ANDOR ", max_size=12))
def test_whatever_is_given_is_answered(document: object, logic: str) -> None:
    for text in (json.dumps(document), write(logic, r1=_YES, r2=_NO)):
        is_good = check(text) is None
        assert holds(text, ANNA) in ((True, False) if is_good else (False,))
