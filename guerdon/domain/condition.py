"""Conditions on who a member is, as a cost may have: read once from JSON, then asked often."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Literal

import msgspec
from msgspec import Struct, field

Subject = Literal["member.metadata", "customer.metadata", "customer.segment"]
# One scalar of a JSON document, or several.
Value = object

_TOKEN = re.compile(r"\s*(\(|\)|AND\b|OR\b|\d+)", re.ASCII)
_RULE_NAME = re.compile(r"\d{1,3}", re.ASCII)
_LOGIC_LENGTH_MAX = 500
_DEPTH_MAX = 20


class Traits(Struct, frozen=True, kw_only=True):
    """What conditions may ask: the shop's own words on a member, and on its customer."""

    member: Mapping[str, Value] = field(default_factory=dict)
    customer: Mapping[str, Value] = field(default_factory=dict)


NO_TRAITS = Traits()


class BadCondition(Exception):
    """The text is no condition that can be checked. Its message names the place."""


class _Rule(Struct, frozen=True):
    subject: Subject
    name: str
    tests: tuple[tuple[str, tuple[Value, ...]], ...]

    def holds(self, traits: Traits) -> bool:
        known = traits.member if self.subject == "member.metadata" else traits.customer
        found = known.get(self.name)
        values = found if isinstance(found, list) else [] if found is None else [found]
        return all(_OPERATORS[operator](values, wanted) for operator, wanted in self.tests)


class _All(Struct, frozen=True):
    parts: tuple["_Tree", ...]


class _Any(Struct, frozen=True):
    parts: tuple["_Tree", ...]


_Tree = _Rule | _All | _Any


def check(text: str) -> str | None:
    """Say what is wrong with a condition, naming the property; None where nothing is."""
    try:
        _read(text)
    except BadCondition as error:
        return str(error)
    return None


def holds(text: str | None, traits: Traits) -> bool:
    """Say whether a condition holds for somebody; no condition holds for everybody, and one that
    cannot be read for nobody."""
    if text is None:
        return True
    try:
        tree = _read(text)
    except BadCondition:
        return False
    return _holds(tree, traits)


def _holds(tree: _Tree, traits: Traits) -> bool:
    match tree:
        case _Rule():
            return tree.holds(traits)
        case _All():
            return all(_holds(each, traits) for each in tree.parts)
        case _Any():
            return any(_holds(each, traits) for each in tree.parts)


# -- the tests of a rule -------------------------------------------------------------------


def _equals(one: Value, other: Value) -> bool:
    # Truth is no number here, whatever Python says.
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _has_one(values: list[Value], wanted: tuple[Value, ...]) -> bool:
    return any(_equals(value, each) for value in values for each in wanted)


def _compare(is_so: Callable[[int], bool]) -> Callable[[list[Value], tuple[Value, ...]], bool]:
    """Numbers are compared with numbers, and texts, such as dates, with texts."""

    def test(values: list[Value], wanted: tuple[Value, ...]) -> bool:
        return any(
            order is not None and is_so(order)
            for order in (_order(value, wanted[0]) for value in values)
        )

    return test


def _order(one: Value, other: Value) -> int | None:
    if isinstance(one, bool) or isinstance(other, bool):
        return None
    if isinstance(one, int | float) and isinstance(other, int | float):
        return (one > other) - (one < other)
    if isinstance(one, str) and isinstance(other, str):
        return (one > other) - (one < other)
    return None


_OPERATORS: dict[str, Callable[[list[Value], tuple[Value, ...]], bool]] = {
    "$is": _has_one,
    "$is_not": lambda values, wanted: not _has_one(values, wanted),
    "$in": _has_one,
    "$not_in": lambda values, wanted: not _has_one(values, wanted),
    "$less_than": _compare(lambda order: order < 0),
    "$less_than_or_equal": _compare(lambda order: order <= 0),
    "$more_than": _compare(lambda order: order > 0),
    "$more_than_or_equal": _compare(lambda order: order >= 0),
}
_COMPARING = frozenset(name for name in _OPERATORS if "_than" in name)


# -- reading -------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _read(text: str) -> _Tree:
    try:
        document = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise BadCondition(f"must be JSON: {error}") from None
    if not isinstance(document, dict):
        raise BadCondition("must be an object")
    rules: dict[str, _Rule] = {}
    for name, rule in document.items():
        if name == "logic":
            continue
        if not _RULE_NAME.fullmatch(name):
            raise BadCondition(f"{name} is not supported")
        rules[name] = _rule_of(name, rule)
    logic = document.get("logic")
    if logic in (None, ""):
        return _All(tuple(rules.values()))
    if not isinstance(logic, str) or len(logic) > _LOGIC_LENGTH_MAX:
        raise BadCondition("logic must be a text of at most 500 characters")
    tree = _Logic(logic, rules).read()
    unnamed = [name for name in rules if name not in re.findall(r"\d+", logic)]
    if unnamed:
        raise BadCondition(f"logic does not name the rule {unnamed[0]}")
    return tree


def _rule_of(place: str, rule: object) -> _Rule:
    if not isinstance(rule, dict):
        raise BadCondition(f"{place} must be an object")
    for name in rule:
        if name not in ("name", "property", "conditions", "error"):
            raise BadCondition(f"{place}.{name} is not supported")
    subject = rule.get("name")
    if subject == "customer.segment":
        raise BadCondition(f"{place}.name customer.segment is not supported: there are no segments")
    if subject not in ("member.metadata", "customer.metadata"):
        raise BadCondition(f"{place}.name must be member.metadata or customer.metadata")
    named = rule.get("property")
    if not isinstance(named, str) or not named:
        raise BadCondition(f"{place}.property must name a property of the metadata")
    conditions = rule.get("conditions")
    if not isinstance(conditions, dict) or not conditions:
        raise BadCondition(f"{place}.conditions must be an object with an operator")
    tests = tuple(
        (operator, _values_of(f"{place}.conditions.{operator}", operator, values))
        for operator, values in conditions.items()
    )
    return _Rule(subject, named, tests)


def _values_of(place: str, operator: str, values: object) -> tuple[Value, ...]:
    if operator not in _OPERATORS:
        raise BadCondition(f"{place} is not supported")
    if not isinstance(values, list) or not values:
        raise BadCondition(f"{place} must be an array of values")
    for value in values:
        if not isinstance(value, str | int | float | bool):
            raise BadCondition(f"{place} must hold texts, numbers or truth values")
    if operator in _COMPARING and (len(values) > 1 or isinstance(values[0], bool)):
        raise BadCondition(f"{place} must hold one number or text")
    return tuple(values)


class _Logic:
    """Reads `1 AND (2 OR 3)`. AND binds more closely than OR."""

    def __init__(self, text: str, rules: Mapping[str, _Rule]) -> None:
        self._rules = rules
        self._tokens: list[str] = []
        end = 0
        while end < len(text.rstrip()):
            match = _TOKEN.match(text, end)
            if match is None:
                raise BadCondition(f"logic cannot be read from {text[end:].strip()[:20]!r} on")
            self._tokens.append(match.group(1))
            end = match.end()
        self._depth = 0

    def read(self) -> _Tree:
        tree = self._any()
        if self._tokens:
            raise BadCondition(f"logic has {self._tokens[0]!r} where AND, OR or its end should be")
        return tree

    def _any(self) -> _Tree:
        parts = [self._all()]
        while self._tokens[:1] == ["OR"]:
            self._tokens.pop(0)
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else _Any(tuple(parts))

    def _all(self) -> _Tree:
        parts = [self._one()]
        while self._tokens[:1] == ["AND"]:
            self._tokens.pop(0)
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else _All(tuple(parts))

    def _one(self) -> _Tree:
        word = self._tokens.pop(0) if self._tokens else "its end"
        if word in self._rules:
            return self._rules[word]
        if word != "(":
            raise BadCondition(f"logic has {word!r} where a rule's number should be")
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise BadCondition("logic has too many parentheses within each other")
        tree = self._any()
        self._depth -= 1
        if not self._tokens or self._tokens.pop(0) != ")":
            raise BadCondition("logic lacks a closing parenthesis")
        return tree
