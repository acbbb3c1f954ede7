"""`guerdon import members` as a user runs it."""

import asyncio
import sys
from pathlib import Path

import asyncpg
import pytest

from guerdon.engine.verifying import verify
from tests.builders.shop import make_shop, save_shop
from tests.support.commands import environment, run

ROWS = 200_000


async def test_rows_are_counted_and_bad_ones_told(
    pool: asyncpg.Pool, database_url: str, tmp_path: Path
) -> None:
    await save_shop(pool, make_shop())
    file = tmp_path / "members.csv"
    file.write_text("external_id,points\n7,100\n8,ten\n9,1\n")
    tried = run("import", "members", str(file), "--dry-run", GUERDON_DATABASE_URL=database_url)
    assert (tried.code, tried.out) == (
        1,
        "would make 2 member(s) with 101 points, 1 row(s) refused; nothing was written\n",
    )
    assert await pool.fetchval("SELECT count(*) FROM members") == 0
    ran = run("import", "members", str(file), GUERDON_DATABASE_URL=database_url)
    assert ran.code == 1
    assert "line 3, points: must be a whole number" in ran.err
    assert ran.out.startswith("made 2 member(s) with 101 points, 1 row(s) refused, see ")
    again = run("import", "members", str(file), GUERDON_DATABASE_URL=database_url)
    assert "nothing was changed" in again.out
    assert await pool.fetchval("SELECT count(*) FROM members") == 2


async def test_unknown_column_is_named(
    pool: asyncpg.Pool, database_url: str, tmp_path: Path
) -> None:
    await save_shop(pool, make_shop())
    file = tmp_path / "members.csv"
    file.write_text("external_id,phone\n7,1\n")
    ran = run("import", "members", str(file), GUERDON_DATABASE_URL=database_url)
    assert ran.code == 1
    assert "there is no column 'phone'" in ran.err


async def test_merchant_and_program_must_be_clear(
    pool: asyncpg.Pool, database_url: str, tmp_path: Path
) -> None:
    await save_shop(pool, make_shop(1))
    await save_shop(pool, make_shop(2))
    file = tmp_path / "members.csv"
    file.write_text("external_id\n7\n")
    ran = run("import", "members", str(file), GUERDON_DATABASE_URL=database_url)
    assert "say which merchant with --merchant: shop-1, shop-2" in ran.err
    one = ("import", "members", str(file), "--merchant", "shop-2")
    wrong = run(*one, "--program", "gold", GUERDON_DATABASE_URL=database_url)
    assert "there is no program 'gold', only main" in wrong.err
    right = run(*one, "--program", "main", GUERDON_DATABASE_URL=database_url)
    assert right.code == 0, right.err
    assert await pool.fetchval("SELECT merchant_id FROM members") == 2


@pytest.mark.timeout(180)
async def test_killed_import_is_taken_up_again(
    pool: asyncpg.Pool, database_url: str, tmp_path: Path
) -> None:
    await save_shop(pool, make_shop())
    file = tmp_path / "members.csv"
    with file.open("w") as lines:
        lines.write("external_id,email,points\n")
        for number in range(ROWS):
            lines.write(f"{number},{'bad' if number % 1000 == 7 else ''},{number % 50}\n")
    for _ in range(2):
        await _kill_midway(pool, database_url, file)
    ran = run("import", "members", str(file), GUERDON_DATABASE_URL=database_url)
    assert ran.code == 1
    assert "went on after" in ran.out
    assert await pool.fetchval("SELECT count(*) FROM members") == ROWS - 200
    expected = sum(n % 50 for n in range(ROWS) if n % 1000 != 7)
    assert await pool.fetchval("SELECT sum(points_available) FROM wallets") == expected
    assert len(file.with_name("members.csv.errors.csv").read_text().splitlines()) == 201
    assert (await verify(pool)).drifts == []


async def _kill_midway(pool: asyncpg.Pool, database_url: str, file: Path) -> None:
    """Start the command and kill it once it has written something more."""
    before = await pool.fetchval("SELECT count(*) FROM members")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "guerdon", "import", "members", str(file)),
        env=environment(GUERDON_DATABASE_URL=database_url),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        while await pool.fetchval("SELECT count(*) FROM members") == before:
            assert process.returncode is None
            await asyncio.sleep(0.01)
    finally:
        process.kill()
        await process.wait()
