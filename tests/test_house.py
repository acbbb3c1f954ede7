"""Checks on ourselves that linters cannot make. The SQL has its own, in tests/house/."""

import ast
import importlib
import re
from collections.abc import Iterator

import pytest

from guerdon.domain import errors
from tests.house import source
from tests.house.source import Module, read_modules

_LINES_PER_FUNCTION_MAX = 70
_LINES_PER_FILE_MAX = 600
_NAMES_WITHOUT_SUBJECT = {"utils", "util", "common", "helpers", "helper", "core", "misc", "shared"}
_CLOCKS = {
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "time.time",
    "time.time_ns",
}
_CHANCE = ("random.", "secrets.", "uuid.", "os.urandom")


@pytest.fixture(scope="module")
def ours() -> list[Module]:
    return read_modules("guerdon", "bench", "tests")


@pytest.fixture(scope="module")
def package() -> list[Module]:
    return read_modules("guerdon")


def _room(module: Module) -> str:
    return module.path.relative_to(source.PACKAGE).parts[0]


def test_no_function_is_longer_than_it_may_be(ours: list[Module]) -> None:
    long = [
        f"{module.name}:{function.lineno} {function.name} has {source.length_of(function)} lines"
        for module in ours
        for function in source.functions_of(module.tree)
        if source.length_of(function) > _LINES_PER_FUNCTION_MAX
    ]
    assert long == []


def test_no_file_has_outgrown_its_subject(package: list[Module]) -> None:
    long = [f"{m.name} has {m.lines} lines" for m in package if m.lines > _LINES_PER_FILE_MAX]
    assert long == []


def test_no_file_is_named_without_a_subject(ours: list[Module]) -> None:
    named = {part for module in ours for part in module.path.relative_to(source.ROOT).parts}
    assert {name for name in named if name.removesuffix(".py") in _NAMES_WITHOUT_SUBJECT} == set()


def test_only_the_runtime_reads_the_clock(package: list[Module]) -> None:
    readers = {
        f"{module.name}:{line} {used}"
        for module in package
        for used, line in source.dotted_uses(module.tree)
        if used in _CLOCKS and module.name != "guerdon/engine/runtime.py"
    }
    assert readers == set()


def test_domain_and_store_leave_nothing_to_chance(package: list[Module]) -> None:
    takers = {
        f"{module.name}:{line} {used}"
        for module in package
        for used, line in source.dotted_uses(module.tree)
        if _room(module) in {"domain", "store"} and used.startswith(_CHANCE)
    }
    assert takers == set()


def test_public_functions_of_engine_and_store_say_what_they_do(package: list[Module]) -> None:
    silent = [
        f"{module.name}:{function.lineno} {function.name}"
        for module in package
        if _room(module) in {"engine", "store"}
        for function in source.public_functions_of(module)
        if ast.get_docstring(function) is None
    ]
    assert silent == []


def _all_ways_to_say_no() -> set[type]:
    """Every refusal, and every error that has no narrower one below it or is raised itself."""
    return {*errors.all_refusals(), *_descendants(errors.GuerdonError)}


def _descendants(root: type) -> Iterator[type]:
    children: list[type] = root.__subclasses__()
    for child in children:
        if child.__module__ == errors.__name__:
            yield child
            yield from _descendants(child)


def _dialects() -> list[str]:
    folder = source.PACKAGE / "dialects"
    return sorted(path.parent.name for path in folder.glob("*/app.py"))


@pytest.mark.parametrize("dialect", _dialects())
def test_dialect_answers_every_error(dialect: str) -> None:
    module = importlib.import_module(f"guerdon.dialects.{dialect}.errors")
    tables = [table for table in vars(module).values() if isinstance(table, dict)]
    answered = {key for table in tables for key in table if isinstance(key, type)}
    missing = {error.__name__ for error in _all_ways_to_say_no() - answered}
    assert missing == set()


def test_every_error_has_a_code_of_its_own() -> None:
    ways = sorted(_all_ways_to_say_no(), key=lambda way: way.__name__)
    codes = [vars(way).get("code") for way in ways]
    assert len(set(codes)) == len(codes)
    assert None not in codes


# Written in pieces, so that this file does not find itself.
_PLACES = re.compile(r"(?<![\w.~-])/(?:wor" r"k|roo" r"t|tm" r"p)/")
_HOSTS = re.compile(
    r"(?:index-ur" r"l|find-link" r"s|files\.pythonhost" r"ed|pypi\.or" r"g|deb\.debia" r"n)"
)
_MARKS = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")


def _findings(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in source.kept_files():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        name = path.relative_to(source.ROOT)
        found += [
            f"{name}:{n} {m[0]}" for n, line in enumerate(lines, 1) if (m := pattern.search(line))
        ]
    return found


def test_no_file_names_a_place_on_one_machine() -> None:
    assert _findings(_PLACES) == []


def test_no_file_names_a_download_host() -> None:
    made_for_it = {"Makefile"}  # whose lock target tells the lock tool to leave them out
    found = [line for line in _findings(_HOSTS) if line.split(":")[0] not in made_for_it]
    assert found == []


def test_nothing_is_left_for_later() -> None:
    # The schema lists a currency of that name, which stands for none at all.
    listed = "guerdon/sandbox/shopify-admin-subset.graphql"
    assert [line for line in _findings(_MARKS) if line.split(":")[0] != listed] == []


def test_lock_pins_every_package_by_hash() -> None:
    text = (source.ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = re.split(r"\n(?=\S)", text)
    bare = [pin.split("\n")[0] for pin in pins if "==" in pin and "--hash=sha256:" not in pin]
    assert bare == []
    assert re.search(r"https?:|file:", text) is None
