"""Runs our own command line as a user does: another process, an environment, an exit code."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

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
