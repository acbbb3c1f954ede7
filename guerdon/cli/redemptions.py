"""`guerdon redemptions`: what became of them, and helping those that are stuck."""

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, cast

import typer

from guerdon.cli.choosing import ID_MAX
from guerdon.cli.console import fail, note, out

if TYPE_CHECKING:
    from guerdon.domain.command import Outcome
    from guerdon.domain.fulfilment import Fulfilment
    from guerdon.domain.redemption import Redemption, RedemptionStatus

commands = typer.Typer(no_args_is_help=True, help="Redemptions: list, show, retry, void, complete.")

_Merchant = Annotated[
    str | None, typer.Option("--merchant", "-m", help="The merchant's slug, if there are several.")
]
_Id = Annotated[
    int,
    typer.Argument(min=1, max=ID_MAX, help="The redemption's id, as listed.", show_default=False),
]
_Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
_STATUSES = ("pending", "approved", "declined", "used", "expired", "void")


@commands.command("list")
def list_some(
    merchant: _Merchant = None,
    status: Annotated[
        str | None, typer.Option(help="Those of one status: " + ", ".join(_STATUSES) + ".")
    ] = None,
    stuck: Annotated[
        bool, typer.Option("--stuck", help="Those that were tried and are not done.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="So many at most.")] = 50,
    json_form: _Json = False,
) -> None:
    """List redemptions, the newest first, with what handing them over has come to."""
    if status is not None and status not in _STATUSES:
        fail(f"no status {status!r}, only {', '.join(_STATUSES)}")
    wanted = cast("RedemptionStatus | None", status)
    found = asyncio.run(_list(merchant, wanted, limit, is_stuck=stuck))
    if json_form:
        _print_json([_facts(*each) for each in found])
    else:
        _print_table(found)


async def _list(
    merchant_slug: str | None, status: "RedemptionStatus | None", limit: int, *, is_stuck: bool
) -> "list[tuple[Redemption, Fulfilment | None]]":
    from guerdon.cli.choosing import choose_merchant
    from guerdon.cli.database import open_store
    from guerdon.cli.running import make_runtime
    from guerdon.config import read_config
    from guerdon.engine.inspecting import list_redemptions_with_fulfilments

    config = read_config()
    async with open_store(config) as pool:
        merchant_id = await choose_merchant(pool, merchant_slug)
        return await list_redemptions_with_fulfilments(
            make_runtime(config, pool), merchant_id, status=status, is_stuck=is_stuck, limit=limit
        )


@commands.command()
def show(redemption_id: _Id, merchant: _Merchant = None, json_form: _Json = False) -> None:
    """Show a redemption, with the attempts to hand it over, the last error and the next try."""
    facts = _facts(*asyncio.run(_show(merchant, redemption_id)))
    if json_form:
        _print_json(facts)
    else:
        _print_facts(facts)


async def _show(
    merchant_slug: str | None, redemption_id: int
) -> "tuple[Redemption, Fulfilment | None]":
    from guerdon.cli.choosing import choose_merchant
    from guerdon.cli.database import open_store
    from guerdon.cli.running import make_runtime
    from guerdon.config import read_config
    from guerdon.domain.ids import RedemptionId
    from guerdon.engine.inspecting import get_redemption_with_fulfilment

    config = read_config()
    async with open_store(config) as pool:
        merchant_id = await choose_merchant(pool, merchant_slug)
        return await get_redemption_with_fulfilment(
            make_runtime(config, pool), merchant_id, RedemptionId(redemption_id)
        )


@commands.command()
def retry(redemption_id: _Id, merchant: _Merchant = None) -> None:
    """See to a redemption now: hand a pending one over, take a declined one back."""
    redemption, fulfilment = asyncio.run(_retry(merchant, redemption_id))
    is_open = fulfilment is not None and fulfilment.is_open
    note(f"redemption {redemption_id} is {redemption.status}{', and not done yet' * is_open}")
    if fulfilment is not None and is_open and fulfilment.last_error:
        fail(fulfilment.last_error)


async def _retry(
    merchant_slug: str | None, redemption_id: int
) -> "tuple[Redemption, Fulfilment | None]":
    from guerdon.cli.choosing import choose_merchant
    from guerdon.cli.database import open_store
    from guerdon.cli.running import open_runtime
    from guerdon.config import read_config
    from guerdon.domain.ids import RedemptionId
    from guerdon.engine import repairing
    from guerdon.engine.inspecting import get_redemption_with_fulfilment
    from guerdon.engine.submitting import Ledger

    config, wanted = read_config(), RedemptionId(redemption_id)
    async with open_store(config) as pool, open_runtime(config, pool) as runtime:
        merchant_id = await choose_merchant(pool, merchant_slug)
        ledger = Ledger(runtime)
        await repairing.retry(ledger, merchant_id, wanted)
        await ledger.close()
        return await get_redemption_with_fulfilment(runtime, merchant_id, wanted)


@commands.command()
def void(
    redemption_id: _Id,
    merchant: _Merchant = None,
    reason: Annotated[str, typer.Option(help="Kept with the redemption.")] = "voided by staff",
) -> None:
    """Give a redemption's points back: release a pending one, refund an approved one whole.

    What a platform holds of it is taken back by the worker."""
    outcome = asyncio.run(_void(merchant, redemption_id, reason))
    _say(outcome, redemption_id, "its points are given back")


async def _void(merchant_slug: str | None, redemption_id: int, reason: str) -> "Outcome":
    from guerdon.cli.choosing import choose_merchant
    from guerdon.cli.database import open_store
    from guerdon.cli.running import make_runtime
    from guerdon.config import read_config
    from guerdon.domain.ids import RedemptionId
    from guerdon.engine import repairing
    from guerdon.engine.submitting import Ledger

    config = read_config()
    async with open_store(config) as pool:
        merchant_id = await choose_merchant(pool, merchant_slug)
        ledger = Ledger(make_runtime(config, pool))
        outcome = await repairing.void(ledger, merchant_id, RedemptionId(redemption_id), reason)
        await ledger.close()
        return outcome


@commands.command()
def complete(redemption_id: _Id, merchant: _Merchant = None) -> None:
    """Note that staff handed over what was open."""
    _say(asyncio.run(_complete(merchant, redemption_id)), redemption_id, "it is handed over")


async def _complete(merchant_slug: str | None, redemption_id: int) -> "Outcome":
    from guerdon.cli.choosing import choose_merchant
    from guerdon.cli.database import open_store
    from guerdon.cli.running import make_runtime
    from guerdon.config import read_config
    from guerdon.domain.ids import RedemptionId
    from guerdon.engine import repairing
    from guerdon.engine.submitting import Ledger

    config = read_config()
    async with open_store(config) as pool:
        merchant_id = await choose_merchant(pool, merchant_slug)
        ledger = Ledger(make_runtime(config, pool))
        outcome = await repairing.complete(ledger, merchant_id, RedemptionId(redemption_id))
        await ledger.close()
        return outcome


def _say(outcome: "Outcome", redemption_id: int, done: str) -> None:
    from guerdon.domain.command import Redeemed, Refused
    from guerdon.domain.errors import RedemptionStatusWrong

    if isinstance(outcome, Refused):
        refusal = outcome.refusals[0]
        if isinstance(refusal, RedemptionStatusWrong):
            fail(f"{refusal.message} It is {refusal.status}.")
        fail(refusal.message)
    assert isinstance(outcome.result, Redeemed)
    note(f"redemption {redemption_id} is {outcome.result.redemption.status}: {done}")


def _facts(redemption: "Redemption", fulfilment: "Fulfilment | None") -> dict[str, object]:
    from guerdon.domain.redemption import is_queued

    facts: dict[str, object] = {
        "id": redemption.id,
        "status": redemption.status,
        "member_id": redemption.member_id,
        "reward_id": redemption.reward_id,
        "units": redemption.units,
        "points_cost": redemption.points_cost,
        "points_refunded": redemption.points_refunded,
        "code": redemption.code,
        "is_queued": is_queued(redemption),
        "is_handed_over": redemption.fulfilment == "done",
        "reason": redemption.reason,
        "created_at": redemption.created_at.isoformat(),
        "updated_at": redemption.updated_at.isoformat(),
        "expires_at": redemption.expires_at.isoformat() if redemption.expires_at else None,
        "fulfilment": None,
    }
    if fulfilment is not None:
        facts["fulfilment"] = {
            "attempts": fulfilment.attempts,
            "last_error": fulfilment.last_error,
            "next_at": fulfilment.next_at.isoformat() if fulfilment.is_open else None,
            "leased_until": fulfilment.leased_until.isoformat()
            if fulfilment.leased_until
            else None,
            "code": fulfilment.code,
            "reference": fulfilment.reference,
        }
    return facts


def _print_json(facts: object) -> None:
    import json

    print(json.dumps(facts, indent=2))


def _print_facts(facts: dict[str, object]) -> None:
    from rich.markup import escape

    for name, value in facts.items():
        if isinstance(value, dict):
            out().print(f"{name}:")
            for inner, each in value.items():
                out().print(f"  {inner}: {escape(_word(each))}")
        else:
            out().print(f"{name}: {escape(_word(value))}")


def _word(value: object) -> str:
    if value is None:
        return "none"
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _print_table(found: "list[tuple[Redemption, Fulfilment | None]]") -> None:
    from rich.markup import escape
    from rich.table import Table

    from guerdon.domain.redemption import is_queued

    table = Table(
        "id", "status", "member", "points", "code", "made", "attempts", "last error", "next try"
    )
    for redemption, fulfilment in found:
        is_open = fulfilment is not None and fulfilment.is_open
        table.add_row(
            str(redemption.id),
            "queued" if is_queued(redemption) else redemption.status,
            str(redemption.member_id),
            str(redemption.points_cost),
            escape(redemption.code or ""),
            _second(redemption.created_at),
            str(fulfilment.attempts) if fulfilment else "",
            escape((fulfilment.last_error if fulfilment else None) or redemption.reason or ""),
            _second(fulfilment.next_at) if fulfilment and is_open else "",
        )
    out().print(table)


def _second(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
