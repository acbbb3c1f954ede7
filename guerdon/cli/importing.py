"""`guerdon import`."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from guerdon.engine.importing import ImportReport, OnProgress

commands = typer.Typer(help="Bring in what another system holds.", no_args_is_help=True)

REFUSED = 1


@commands.callback()
def _group() -> None:
    """Bring in what another system holds."""


@commands.command()
def members(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A CSV file.")
    ],
    merchant: Annotated[str | None, typer.Option(help="The merchant, by its slug.")] = None,
    program: Annotated[str | None, typer.Option(help="The program, by its slug.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check every row and write nothing.")
    ] = False,
) -> None:
    """Make members, with their points, of a CSV file with a header.

    Columns, in any order: external_id (required), email, first_name, last_name, points,
    points_expire_at, tier, status. Refused rows go to FILE.errors.csv; run again after an
    interruption, the import goes on where it stood. Exits with 1 where rows were refused."""
    from guerdon.cli.console import err

    report = asyncio.run(_import(file, merchant, program, dry_run))
    for fault in report.faults:
        column = f", {fault.column}" if fault.column else ""
        err().print(f"line {fault.line}{column}: {fault.reason}", markup=False)
    unshown = report.state.rows_refused - len(report.faults)
    if report.faults and unshown > 0:
        err().print(f"and {unshown:,} more", markup=False)
    print(_summary(report))
    if report.state.rows_refused:
        raise typer.Exit(REFUSED)


async def _import(
    file: Path, merchant: str | None, program: str | None, is_dry_run: bool
) -> "ImportReport":
    from guerdon.cli.choosing import choose_merchant, choose_program
    from guerdon.cli.database import open_store
    from guerdon.config import read_config
    from guerdon.engine.cataloguing import Catalogues
    from guerdon.engine.importing import import_members
    from guerdon.engine.runtime import Runtime

    async with open_store(read_config()) as pool:
        merchant_id = await choose_merchant(pool, merchant)
        chosen = choose_program(await Catalogues(pool).get(merchant_id), program)
        with _progress(file.name) as on_progress:
            return await import_members(
                Runtime(pool=pool),
                merchant_id,
                chosen.id,
                file,
                is_dry_run=is_dry_run,
                on_progress=on_progress,
            )


@contextmanager
def _progress(name: str) -> "Iterator[OnProgress | None]":
    """Show how far the file has come, with rate and remaining time; on a terminal only."""
    from guerdon.cli.console import err

    console = err()
    if not console.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]} lines/s"),
        Remaining(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(name, total=None, rate="-")

        def tell(done: int, total: int) -> None:
            speed = progress.tasks[0].speed
            rate = f"{speed:,.0f}" if speed else "-"
            progress.update(task, completed=done, total=max(done, total), rate=rate)

        yield tell


def _summary(report: "ImportReport") -> str:
    state = report.state
    made = f"{state.members_made:,} member(s) with {state.points_made:,} points"
    refused = f"{state.rows_refused:,} row(s) refused"
    if report.was_finished:
        day = f"{state.created_at:%Y-%m-%d}"
        return f"imported before, on {day}: {made}, {refused}; nothing was changed"
    if report.is_dry_run:
        return f"would make {made}, {refused}; nothing was written"
    resumed = f" (went on after {report.rows_resumed:,} rows)" if report.rows_resumed else ""
    where = f", see {report.errors_path}" if report.errors_path else ""
    return f"made {made}{resumed}, {refused}{where}"
