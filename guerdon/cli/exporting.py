"""`guerdon export`."""

import asyncio
import csv
import json
import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TextIO

import typer

if TYPE_CHECKING:
    from guerdon.domain.ids import MerchantId
    from guerdon.store.connection import Connection, Pool, Record
    from guerdon.store.exports import Export

commands = typer.Typer()

PAGE_ROWS = 5_000

Format = Literal["csv", "jsonl"]
_Value = str | int | float | bool | list[object] | dict[str, object] | None


@commands.command()
def export(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="Where to write.")],
    file_format: Annotated[Format, typer.Option("--format", help="csv or jsonl.")] = "csv",
    merchant: Annotated[str | None, typer.Option(help="Only this merchant, by its slug.")] = None,
) -> None:
    """Write everything of every merchant, a folder each; never a secret.

    All files are of one instant. In CSV a text that a spreadsheet would run as a formula gets an
    apostrophe before it; JSON Lines holds every text as it is."""
    rows = asyncio.run(_export(folder, file_format, merchant))
    print(f"wrote {rows:,} rows to {folder}")


async def _export(folder: Path, file_format: Format, merchant: str | None) -> int:
    from guerdon.cli.choosing import choose_merchant
    from guerdon.cli.database import open_store
    from guerdon.config import read_config

    async with open_store(read_config()) as pool:
        chosen = None if merchant is None else await choose_merchant(pool, merchant)
        return await write_export(pool, folder, file_format, chosen)


async def write_export(
    pool: "Pool", folder: Path, file_format: Format, chosen: "MerchantId | None" = None
) -> int:
    """Write merchants in one snapshot; only a page of rows is in memory. Gives how many rows."""
    from guerdon.domain.errors import Conflict
    from guerdon.store import offers
    from guerdon.store.exports import EXPORTS
    from guerdon.store.snapshot import snapshot

    rows = 0
    async with snapshot(pool) as view:
        for merchant_id, slug in await offers.list_merchants(view):
            if chosen not in (None, merchant_id):
                continue
            place = folder / slug
            if place.exists() and any(place.iterdir()):
                raise Conflict(f"{place} is not empty; an export overwrites nothing")
            # Shoppers' names and e-mails are in here: for the owner's eyes only.
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            for kind in EXPORTS:
                with _open_new(place / f"{kind.name}.{file_format}") as file:
                    rows += await _write_kind(view, merchant_id, kind, file, file_format)
    return rows


def _open_new(path: Path) -> TextIO:
    return open(path, "x", encoding="utf-8", newline="", opener=_private)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


async def _write_kind(
    view: "Connection", merchant_id: "MerchantId", kind: "Export", file: TextIO, file_format: Format
) -> int:
    write = _csv_writer(kind, file) if file_format == "csv" else _jsonl_writer(kind, file)
    rows = after = 0
    while True:
        page = await kind.fetch(view, merchant_id, after, PAGE_ROWS)
        write(page)
        rows += len(page)
        if len(page) < PAGE_ROWS:
            return rows
        after = page[-1][kind.key]


def _csv_writer(kind: "Export", file: TextIO) -> "Callable[[list[Record]], None]":
    from guerdon.engine.guarding_cells import guard_cell

    writer = csv.writer(file)
    writer.writerow(kind.columns)
    places = range(len(kind.columns))

    def cell(column: str, value: object) -> str:
        plain = _plain(column, value)
        if plain is None:
            return ""
        if isinstance(plain, str):
            return guard_cell(plain)
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))

    def write(page: "list[Record]") -> None:
        writer.writerows([cell(kind.columns[n], row[n]) for n in places] for row in page)

    return write


def _jsonl_writer(kind: "Export", file: TextIO) -> "Callable[[list[Record]], None]":
    def write(page: "list[Record]") -> None:
        for row in page:
            values = {
                column: _plain(column, row[place]) for place, column in enumerate(kind.columns)
            }
            json.dump(values, file, ensure_ascii=False, separators=(",", ":"))
            file.write("\n")

    return write


# Columns that hold JSON as text.
_JSON = frozenset({"definition", "facts"})


def _plain(column: str, value: object) -> _Value:
    """Turn a value into one that JSON has; times are UTC, to the millisecond."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if column in _JSON and isinstance(value, str):
        parsed: _Value = json.loads(value)
        return parsed
    if value is None or isinstance(value, str | int | list):
        return value
    raise TypeError(f"{column} holds a {type(value).__name__}, which no export has a form for")
