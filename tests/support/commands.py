"""Runs our own command line as a user does: arguments, an environment, an exit code."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest.mock import patch

from guerdon.cli.main import main

START_SECONDS_MAX = 60


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


def environment(**settings: str) -> dict[str, str]:
    """Give an environment with no setting of ours but these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GUERDON_")}
    return kept | settings


def run_here(*arguments: str, **settings: str) -> Ran:
    """Run a short command in this process, which is quicker than starting another."""
    out, err = io.StringIO(), io.StringIO()
    with (
        patch.dict(os.environ, environment(**settings), clear=True),
        patch.object(sys, "argv", ["guerdon", *arguments]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
            return Ran(code, out.getvalue(), err.getvalue())
    return Ran(0, out.getvalue(), err.getvalue())


def run(*arguments: str, **settings: str) -> Ran:
    """Run a command to its end."""
    ended = subprocess.run(
        [sys.executable, "-m", "guerdon", *arguments],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return Ran(ended.returncode, ended.stdout, ended.stderr)


@contextmanager
def served(*arguments: str, **settings: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `guerdon serve` on a free port; give the process and the address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "guerdon", "serve", "--port", "0", *arguments],
        env=environment(**settings),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if line.startswith("serving on "):
                yield process, line.removeprefix("serving on ").strip()
                break
        else:
            raise AssertionError(f"the server did not start: {said}")
    finally:
        process.terminate()
        process.wait(60)
        assert process.stderr is not None
        process.stderr.close()
