"""Shows that the reader of our own files sees what the checks rely on."""

import ast
from pathlib import Path

import pytest

from tests.house import source


@pytest.mark.parametrize(
    "text",
    [
        "import datetime\ndatetime.datetime.now()",
        "import datetime as dt\ndt.datetime.now()",
        "from datetime import datetime\ndatetime.now()",
        "from datetime import datetime as moment\nmoment.now()",
        "from datetime import datetime\nread = datetime.now",
    ],
)
def test_clock_is_seen_under_any_name(text: str) -> None:
    assert "datetime.datetime.now" in {used for used, _ in source.dotted_uses(ast.parse(text))}


def test_field_called_now_is_no_clock() -> None:
    text = "from datetime import datetime\ndef at(state: State) -> datetime: return state.now"
    assert {used for used, _ in source.dotted_uses(ast.parse(text))} == {
        "State",
        "datetime.datetime",
        "state",
        "state.now",
    }


def test_length_counts_docstring_and_blanks_but_not_decorators() -> None:
    text = '@cache\ndef f() -> int:\n    """Say one."""\n\n    return 1\n'
    (function,) = source.functions_of(ast.parse(text))
    assert source.length_of(function) == 4


def test_public_functions_are_those_that_others_call(tmp_path: Path) -> None:
    path = tmp_path / "lots.py"
    path.write_text(
        "def a(): ...\ndef _b(): ...\n"
        "class C:\n    def d(self): ...\n    def _e(self): ...\n"
        "    @property\n    def f(self): ...\n"
        "class _G:\n    def h(self): ...\n"
        "class I(Protocol):\n    def j(self): ...\n"
        "def k():\n    def l(): ...\n"
    )
    found = [function.name for function in source.public_functions_of(source.read_module(path))]
    assert found == ["a", "d", "k"]
