"""`guerdon export` as a user runs it."""

import csv
import json
from pathlib import Path

import asyncpg
import pytest

from guerdon.cli import exporting
from guerdon.cli.exporting import write_export
from guerdon.domain.command import Enrol
from guerdon.domain.ids import MerchantId
from guerdon.engine.guarding_cells import guard_cell, unguard_cell
from guerdon.engine.importing import import_members
from guerdon.engine.runtime import Runtime
from guerdon.store.exports import EXPORTS
from tests.builders.history import make_history
from tests.builders.shop import PROGRAM, make_shop, save_shop
from tests.support.commands import run

MEMBER_COLUMNS = ("external_id", "email", "first_name", "last_name")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


async def test_everything_is_written(
    pool: asyncpg.Pool, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_history(pool)
    await pool.execute(
        "INSERT INTO webhook_subscriptions VALUES (1, 9999, 11, 'mage', 'https://x.example',"
        " '{points.redeemed}', NULL, TRUE, FALSE, 'hush', now(), now())"
    )
    await pool.execute(
        "INSERT INTO email_unsubscribes VALUES (1, 9997, 11, 'zoe@shop.example', now())"
    )
    await pool.execute(
        "INSERT INTO templates VALUES (1, 9996, 'reward', 'Mug', 'draft', '{}', now(), NULL)"
    )
    await pool.execute(
        "INSERT INTO customers VALUES (1, 9995, 'C-5', NULL, 'Zoe', NULL, NULL, '{}', '{}', now())"
    )
    await pool.execute(
        "INSERT INTO refused_adjustments VALUES (1, 9994, 1, 1, -5, 'NOT_ENOUGH_BALANCE', NULL, "
        "now())"
    )
    await pool.execute(
        "INSERT INTO orders VALUES (1, 9998, 11, '1001', NULL, 'C-1', NULL, TRUE, '{}', NULL, 1,"
        " FALSE, now(), now())"
    )
    await pool.execute(
        "INSERT INTO order_payments VALUES (1, 9993, 11, 1, 1, 1, '1001', 5, 25, '0.05', 'balance',"
        " 'points', 5, NULL, NULL, now())"
    )
    ran = run("export", str(tmp_path / "out"), GUERDON_DATABASE_URL=database_url)
    assert ran.code == 0, ran.err
    folder = tmp_path / "out" / "shop-1"
    assert {path.stem for path in folder.iterdir()} == {kind.name for kind in EXPORTS}
    for kind in EXPORTS:
        if kind.name != "merchant":
            count = await pool.fetchval(f"SELECT count(*) FROM {kind.name}")  # noqa: S608
            assert len(rows_of(folder / f"{kind.name}.csv")) == count, kind.name
            assert count > 0, kind.name
    points = sum(int(entry["points"]) for entry in rows_of(folder / "entries.csv"))
    held = sum(int(wallet["points_available"]) for wallet in rows_of(folder / "wallets.csv"))
    assert points == held
    assert not [path for path in folder.iterdir() if "hush" in path.read_text()]
    assert (folder / "members.csv").stat().st_mode & 0o077 == 0
    monkeypatch.setattr(exporting, "PAGE_ROWS", 2)
    await write_export(pool, tmp_path / "small", "csv")
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "small" / "shop-1" / path.name).read_bytes()


async def test_json_lines_hold_values_as_they_are(
    pool: asyncpg.Pool, database_url: str, tmp_path: Path
) -> None:
    history = await make_history(pool)
    await history.do(Enrol(program_id=PROGRAM, external_id="=1+1", first_name="Zoë"))
    run("export", str(tmp_path), "--format", "jsonl", GUERDON_DATABASE_URL=database_url)
    folder = tmp_path / "shop-1"
    members = [json.loads(line) for line in (folder / "members.jsonl").read_text().splitlines()]
    assert [(each["external_id"], each["first_name"]) for each in members][-1] == ("=1+1", "Zoë")
    (merchant,) = [
        json.loads(line) for line in (folder / "merchant.jsonl").read_text().splitlines()
    ]
    assert merchant == {
        "merchant_id": 1,
        "slug": "shop-1",
        "name": "Shop 1",
        "timezone": "Europe/London",
        "currency": "GBP",
        "storefront_url": None,
        "created_at": "2026-01-01T00:00:00.000Z",
    }
    entry = json.loads((folder / "entries.jsonl").read_text().splitlines()[0])
    assert entry["lot_points"] == [entry["points"]]
    reward = json.loads((folder / "rewards.jsonl").read_text().splitlines()[0])
    assert reward["definition"]["points_cost"] == 100


async def test_only_one_merchant_and_nothing_is_overwritten(
    pool: asyncpg.Pool, database_url: str, tmp_path: Path
) -> None:
    await save_shop(pool, make_shop(1))
    await save_shop(pool, make_shop(2))
    one = ("export", str(tmp_path), "--merchant", "shop-2")
    assert run(*one, GUERDON_DATABASE_URL=database_url).code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["shop-2"]
    again = run(*one, GUERDON_DATABASE_URL=database_url)
    assert again.code == 1
    assert "is not empty; an export overwrites nothing" in again.err


@pytest.mark.parametrize(
    ("text", "guarded"),
    [
        ("=1+1", "'=1+1"),
        ("+44", "'+44"),
        ("-5", "'-5"),
        ("@a", "'@a"),
        ("\tx", "'\tx"),
        ("'=1", "''=1"),
        ("'quoted'", "'quoted'"),
        ("Ann", "Ann"),
        ("", ""),
    ],
)
def test_formula_is_guarded_and_comes_back(text: str, guarded: str) -> None:
    assert guard_cell(text) == guarded
    assert unguard_cell(guarded) == text


async def test_members_come_back_as_they_left(pool: asyncpg.Pool, tmp_path: Path) -> None:
    await save_shop(pool, make_shop(1))
    await save_shop(pool, make_shop(2))
    given = [
        ("7", "ann@x.example", "Ann", "O'Hara"),
        ("-8", "", "=HYPERLINK(1)", "'=1"),
        ("9", "+tag@x.example", 'Jürgen "Dr"', "two\nlines"),
        ("10", "", "'quoted'", "a,b"),
    ]
    first = tmp_path / "first.csv"
    with first.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [MEMBER_COLUMNS, *[[guard_cell(text) for text in row] for row in given]]
        )
    assert (await _import(pool, 1, first)) == len(given)
    await write_export(pool, tmp_path / "a", "csv")
    left = rows_of(tmp_path / "a" / "shop-1" / "members.csv")
    second = tmp_path / "second.csv"
    with second.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, MEMBER_COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(left)
    assert (await _import(pool, 2, second)) == len(given)
    stored = await pool.fetch(
        "SELECT merchant_id, external_id, coalesce(email, ''), first_name, last_name"
        " FROM members ORDER BY merchant_id, id"
    )
    assert [tuple(row)[1:] for row in stored if row[0] == 1] == given
    assert [tuple(row)[1:] for row in stored if row[0] == 2] == given


async def _import(pool: asyncpg.Pool, merchant_id: int, path: Path) -> int:
    report = await import_members(Runtime(pool=pool), MerchantId(merchant_id), PROGRAM, path)
    return report.state.members_made
