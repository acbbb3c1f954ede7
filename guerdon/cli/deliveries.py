"""`guerdon deliveries`: what became of the events on their way out, and sending them once more."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from guerdon.cli.choosing import ID_MAX
from guerdon.cli.console import fail, note, out

if TYPE_CHECKING:
    from guerdon.domain.delivery import DeliveryStatus
    from guerdon.store.delivery_views import DeliveryView

commands = typer.Typer(no_args_is_help=True, help="Deliveries of events: list, count, replay.")

_Merchant = Annotated[
    str | None, typer.Option("--merchant", "-m", help="The merchant's slug, if there are several.")
]
_Destination = Annotated[
    str | None, typer.Option("--destination", "-d", help="As listed: klaviyo, or webhook:123.")
]
_Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
_STATUSES = ("waiting", "delivered", "skipped", "dead", "uncertain")
_FAILED = ("dead", "uncertain")
# Reopened in one transaction.
_PORTION = 1000


@commands.command("list")
def list_some(
    merchant: _Merchant = None,
    status: Annotated[
        str | None, typer.Option(help="Those of one status: " + ", ".join(_STATUSES) + ".")
    ] = None,
    destination: _Destination = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="So many at most.")] = 50,
    json_form: _Json = False,
) -> None:
    """List deliveries, the newest first."""
    if status is not None and status not in _STATUSES:
        fail(f"no status {status!r}, only {', '.join(_STATUSES)}")
    wanted = cast("DeliveryStatus | None", status)
    found = asyncio.run(_list(merchant, wanted, destination, limit))
    if json_form:
        _print_json(found)
    else:
        _print_table(found)


async def _list(
    merchant_slug: str | None,
    status: "DeliveryStatus | None",
    destination: str | None,
    limit: int,
) -> "list[DeliveryView]":
    from guerdon.cli.choosing import choose_merchant
    from guerdon.cli.database import open_store
    from guerdon.config import read_config
    from guerdon.store.delivery_views import list_delivery_views
    from guerdon.store.snapshot import snapshot

    async with open_store(read_config()) as pool:
        merchant_id = await choose_merchant(pool, merchant_slug)
        async with snapshot(pool) as view:
            return await list_delivery_views(
                view, merchant_id, status=status, destination=destination, limit=limit
            )


@commands.command()
def count(merchant: _Merchant = None, json_form: _Json = False) -> None:
    """Count deliveries by destination and status."""
    found = asyncio.run(_count(merchant))
    if json_form:
        import json

        named = [dict(zip(("destination", "status", "count"), each, strict=True)) for each in found]
        print(json.dumps(named, indent=2))
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table("destination", "status", "count")
    for destination, status, number in found:
        table.add_row(escape(destination), status, f"{number:,}")
    out().print(table)


async def _count(merchant_slug: str | None) -> "list[tuple[str, DeliveryStatus, int]]":
    from guerdon.cli.choosing import choose_merchant
    from guerdon.cli.database import open_store
    from guerdon.config import read_config
    from guerdon.store.delivery_views import count_deliveries
    from guerdon.store.snapshot import snapshot

    async with open_store(read_config()) as pool:
        merchant_id = await choose_merchant(pool, merchant_slug)
        async with snapshot(pool) as view:
            return await count_deliveries(view, merchant_id)


@commands.command()
def replay(
    ids: Annotated[
        list[int] | None,
        typer.Argument(min=1, max=ID_MAX, help="Deliveries by id, as listed.", show_default=False),
    ] = None,
    merchant: _Merchant = None,
    status: Annotated[
        str | None, typer.Option(help="Instead of ids: all that are dead, or uncertain.")
    ] = None,
    destination: _Destination = None,
) -> None:
    """Have deliveries carried once more; the worker does it at once.

    By id, whatever became of them: one that was delivered is then delivered twice. Of those that
    are uncertain the destination may have the event already, and tell a shopper a second time."""
    if ids and (status or destination):
        fail("give ids, or a status, not both")
    if ids:
        done = asyncio.run(_replay(merchant, ids))
        left = len(set(ids)) - done
        note(f"deliveries to be carried again: {done}")
        if left:
            fail(f"{left} of them are waiting already, or are not there")
        return
    if status not in _FAILED:
        fail(f"say which: ids, or --status {' or '.join(_FAILED)}")
    failed = cast("Literal['dead', 'uncertain']", status)
    done = asyncio.run(_replay_failed(merchant, failed, destination))
    note(f"deliveries to be carried again: {done}")


async def _replay(merchant_slug: str | None, ids: list[int]) -> int:
    from guerdon.cli.choosing import choose_merchant
    from guerdon.cli.database import open_store
    from guerdon.cli.running import make_runtime
    from guerdon.config import read_config
    from guerdon.domain.ids import DeliveryId
    from guerdon.engine import replaying

    config = read_config()
    async with open_store(config) as pool:
        merchant_id = await choose_merchant(pool, merchant_slug)
        wanted = [DeliveryId(each) for each in ids]
        return len(await replaying.replay(make_runtime(config, pool), merchant_id, wanted))


async def _replay_failed(
    merchant_slug: str | None, status: Literal["dead", "uncertain"], destination: str | None
) -> int:
    from guerdon.cli.choosing import choose_merchant
    from guerdon.cli.database import open_store
    from guerdon.cli.running import make_runtime
    from guerdon.config import read_config
    from guerdon.engine import replaying

    config = read_config()
    done = 0
    async with open_store(config) as pool:
        merchant_id = await choose_merchant(pool, merchant_slug)
        runtime = make_runtime(config, pool)
        # What fails again meanwhile is not replayed for ever: it is newer than this command.
        until = runtime.now()
        while True:
            portion = await replaying.replay_failed(
                runtime,
                merchant_id,
                status,
                destination=destination,
                before=until,
                limit=_PORTION,
            )
            done += len(portion)
            if len(portion) < _PORTION:
                return done


def _facts(each: "DeliveryView") -> dict[str, object]:
    return {
        "id": each.id,
        "destination": each.destination,
        "status": each.status,
        "event_id": each.event_id,
        "event": each.kind,
        "member_id": each.member_id,
        "external_id": each.external_id,
        "attempts": each.attempts,
        "next_at": each.next_at.isoformat() if each.status == "waiting" else None,
        "in_hand_until": each.leased_until.isoformat() if each.leased_until else None,
        "last_error": each.last_error,
        "created_at": each.created_at.isoformat(),
        "updated_at": each.updated_at.isoformat(),
    }


def _print_json(found: "list[DeliveryView]") -> None:
    import json

    print(json.dumps([_facts(each) for each in found], indent=2))


def _print_table(found: "list[DeliveryView]") -> None:
    from rich.markup import escape
    from rich.table import Table

    columns = ("id", "destination", "event", "member", "status", "attempts", "next try", "error")
    table = Table(*columns)
    for each in found:
        table.add_row(
            str(each.id),
            escape(each.destination),
            each.kind or str(each.event_id),
            escape(each.external_id or str(each.member_id)),
            each.status,
            str(each.attempts),
            f"{each.next_at:%Y-%m-%d %H:%M:%S}" if each.status == "waiting" else "",
            escape(each.last_error or ""),
        )
    out().print(table)
