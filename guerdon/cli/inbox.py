"""`guerdon inbox`: what platforms told us, what became of it, and what could not be taken back."""

import asyncio
from typing import TYPE_CHECKING, Annotated, cast

import typer

from guerdon.cli.choosing import ID_MAX
from guerdon.cli.console import fail, note, out

if TYPE_CHECKING:
    from guerdon.domain.ids import InboxId
    from guerdon.domain.incoming import InboxEvent, InboxStatus
    from guerdon.store.shoppers import Debt

commands = typer.Typer(no_args_is_help=True, help="Messages from platforms: list, replay, debts.")

_Merchant = Annotated[
    str | None, typer.Option("--merchant", "-m", help="The merchant's slug, if there are several.")
]
_Limit = Annotated[int, typer.Option(min=1, max=100_000, help="So many at most.")]
_Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
_STATUSES = ("waiting", "done", "ignored", "dead")


@commands.callback()
def root() -> None:
    """Messages from platforms: list, replay, debts."""


@commands.command("list")
def list_some(
    merchant: _Merchant = None,
    status: Annotated[
        str | None, typer.Option(help="Those of one status: " + ", ".join(_STATUSES) + ".")
    ] = None,
    limit: _Limit = 50,
    json_form: _Json = False,
) -> None:
    """List messages, the newest first, without what they say."""
    if status is not None and status not in _STATUSES:
        fail(f"no status {status!r}, only {', '.join(_STATUSES)}")
    found = asyncio.run(_list(merchant, cast("InboxStatus | None", status), limit))
    facts: list[dict[str, object]] = [
        {
            "id": each.id,
            "source": each.source,
            "topic": each.topic,
            "status": each.status,
            "attempts": each.attempts,
            "received_at": each.received_at,
            "next_at": each.next_at if each.status == "waiting" else None,
            "last_error": each.last_error,
        }
        for each in found
    ]
    _print(facts, json_form=json_form)


async def _list(
    merchant_slug: str | None, status: "InboxStatus | None", limit: int
) -> "list[InboxEvent]":
    from guerdon.cli.choosing import choose_merchant
    from guerdon.cli.database import open_store
    from guerdon.config import read_config
    from guerdon.domain.ids import InboxId
    from guerdon.store.inbox_events import list_inbox_events
    from guerdon.store.snapshot import snapshot

    async with open_store(read_config()) as pool:
        merchant_id = await choose_merchant(pool, merchant_slug)
        async with snapshot(pool) as view:
            return await list_inbox_events(
                view, merchant_id, status, before=InboxId(2**53), limit=limit
            )


@commands.command()
def replay(
    ids: Annotated[
        list[int] | None,
        typer.Argument(min=1, max=ID_MAX, help="Ids of dead messages.", show_default=False),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are dead.")] = False,
    merchant: _Merchant = None,
) -> None:
    """Have dead messages acted on again by the worker. What they did already is not done twice."""
    if bool(ids) == every:
        fail("name the messages by their ids, or say --all")
    count = asyncio.run(_replay(merchant, cast("list[InboxId] | None", ids or None)))
    note(f"{count} messages will be acted on again")


async def _replay(merchant_slug: str | None, ids: "list[InboxId] | None") -> int:
    from guerdon.cli.choosing import choose_merchant
    from guerdon.cli.database import open_store
    from guerdon.cli.running import make_runtime
    from guerdon.config import read_config
    from guerdon.engine.receiving import replay_inbox

    config = read_config()
    async with open_store(config) as pool:
        merchant_id = await choose_merchant(pool, merchant_slug)
        return await replay_inbox(make_runtime(config, pool), merchant_id, ids)


@commands.command()
def debts(merchant: _Merchant = None, limit: _Limit = 50, json_form: _Json = False) -> None:
    """List points that were to be taken back after a refund, and were spent or expired by then."""
    found = asyncio.run(_debts(merchant, limit))
    facts: list[dict[str, object]] = [
        {
            "entry": each.entry_id,
            "member": each.member_id,
            "order": each.order_id,
            "points_owed": each.points_owed,
            "created_at": each.created_at,
        }
        for each in found
    ]
    _print(facts, json_form=json_form)


async def _debts(merchant_slug: str | None, limit: int) -> "list[Debt]":
    from guerdon.cli.choosing import choose_merchant
    from guerdon.cli.database import open_store
    from guerdon.config import read_config
    from guerdon.store.shoppers import list_debts
    from guerdon.store.snapshot import snapshot

    async with open_store(read_config()) as pool:
        merchant_id = await choose_merchant(pool, merchant_slug)
        async with snapshot(pool) as view:
            return await list_debts(view, merchant_id, limit)


def _print(facts: list[dict[str, object]], *, json_form: bool) -> None:
    if json_form:
        import msgspec

        print(msgspec.json.format(msgspec.json.encode(facts)).decode())
        return
    if not facts:
        note("there are none")
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table(*(name.replace("_", " ") for name in facts[0]), box=None)
    for each in facts:
        table.add_row(*("" if value is None else escape(str(value)) for value in each.values()))
    out().print(table)
