"""`guerdon verify`."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from guerdon.domain.ids import MerchantId
    from guerdon.domain.proof import Drift, Proof

commands = typer.Typer()

DRIFTED = 1

_Steps = AbstractContextManager[Callable[["MerchantId", str], None] | None]


@commands.command()
def verify(
    merchant: Annotated[str | None, typer.Option(help="Only this merchant, by its slug.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"],
            help="Only wallets changed from this UTC date or instant on.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many drifts to list.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Prove every balance: replay the entries and compare. Exits with 1 where anything differs."""
    from guerdon.cli.console import out

    instant = None if since is None else _in_utc(since)
    proof = asyncio.run(_verify(merchant, instant, limit))
    if as_json:
        print(_as_json(proof))
    else:
        for line in _as_lines(proof):
            out().print(line, markup=False)
    if not proof.is_clean:
        raise typer.Exit(DRIFTED)


async def _verify(merchant: str | None, since: datetime | None, limit: int) -> "Proof":
    from guerdon.cli.choosing import choose_merchant
    from guerdon.cli.database import open_store
    from guerdon.config import read_config
    from guerdon.engine.verifying import verify as prove

    async with open_store(read_config()) as pool:
        merchant_id = None if merchant is None else await choose_merchant(pool, merchant)
        with _progress() as on_step:
            return await prove(
                pool, merchant_id=merchant_id, since=since, drifts_max=limit, on_step=on_step
            )


def _progress() -> _Steps:
    """Show what is being proven while it is, on a terminal only."""
    from guerdon.cli.console import err

    console = err()
    if not console.is_terminal:
        return nullcontext()
    return _Spinner()


class _Spinner:
    """A line that says which check of which merchant is under way, and for how long already."""

    def __init__(self) -> None:
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        from guerdon.cli.console import err

        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=err()
        )
        self._task = self._progress.add_task("opening a snapshot", total=None)

    def __enter__(self) -> Callable[["MerchantId", str], None]:
        self._progress.__enter__()
        return self._tell

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def _tell(self, merchant_id: "MerchantId", step: str) -> None:
        self._progress.update(self._task, description=f"merchant {merchant_id}: {step}")


def _in_utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


def _as_json(proof: "Proof") -> str:
    import msgspec

    document = {"is_clean": proof.is_clean, **msgspec.to_builtins(proof)}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _as_lines(proof: "Proof") -> list[str]:
    lines = [_as_line(drift) for drift in proof.drifts]
    if proof.is_cut:
        lines.append("there may be more; --limit lists more of them")
    tally = proof.tally
    lines.append(
        f"{tally.entries:,} entries, {tally.lots:,} lots, {tally.redemptions:,} redemptions and "
        f"{tally.wallets:,} wallets of {proof.merchants:,} merchant(s): "
        + ("every figure follows" if proof.is_clean else f"{len(proof.drifts)} drift(s)")
    )
    return lines


def _as_line(drift: "Drift") -> str:
    place = f"merchant {drift.merchant_id}, "
    if drift.wallet_id is not None and drift.subject != "wallet":
        place += f"wallet {drift.wallet_id}, "
    return (
        f"{place}{drift.subject} {drift.id}: {drift.fault} must be "
        f"{drift.expected or 'nothing'}, is {drift.found or 'nothing'}"
    )
