"""Where commands print: results to the standard output, everything else to the error output."""

import sys
from typing import NoReturn

import typer
from rich.console import Console
from rich.markup import escape


def out() -> Console:
    """Give the place for results; plain text where it is not a terminal."""
    return Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)


def err() -> Console:
    """Give the place for notes and errors, so that a pipe holds results only."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def note(message: str) -> None:
    """Say what is being done."""
    err().print(escape(message))


def warn(message: str) -> None:
    """Say what the user should know, though the command goes on."""
    err().print(f"[yellow]warning:[/] {escape(message)}")


def fail(message: str, *, exit_code: int = 1) -> NoReturn:
    """Say why the command stops, and stop it."""
    err().print(f"[red]error:[/] {escape(message)}")
    raise typer.Exit(exit_code)
