"""What the processes log, in either form."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from guerdon.cli.logs import set_up_logs
from guerdon.config import read_config


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    root, uvicorn = logging.getLogger(), logging.getLogger("uvicorn")
    before = list(root.handlers), root.level, uvicorn.level
    yield
    root.handlers, root.level, uvicorn.level = before
    structlog.reset_defaults()


def _fail(secret: str) -> None:
    held = {"Authorization": secret}
    raise ValueError(len(held))


@pytest.mark.parametrize("form", ["console", "json"])
def test_traceback_does_not_show_what_variables_hold(
    form: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    set_up_logs(read_config({"GUERDON_LOG_FORMAT": form, "GUERDON_DATA_DIR": str(tmp_path)}))
    secret = f"sk_live_{tmp_path.name}"
    try:
        _fail(secret)
    except ValueError:
        structlog.get_logger("guerdon.test").exception("it_failed")
    logged = capsys.readouterr().err
    assert "it_failed" in logged
    assert "ValueError: 1" in logged
    assert secret not in logged
