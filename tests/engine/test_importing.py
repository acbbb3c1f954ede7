"""A file becomes members with their points, whatever else the file holds."""

import asyncio
import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from guerdon.domain.command import Done, Enrol, Redeem
from guerdon.domain.errors import Conflict
from guerdon.domain.member import MemberRef
from guerdon.engine import importing
from guerdon.engine.importing import ImportReport, import_members
from guerdon.engine.reading_members import BadFile
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.engine.verifying import verify
from tests.builders.shop import PROGRAM, Shop, make_shop, make_tier, save_shop

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
HEADER = "external_id,email,first_name,last_name,points,points_expire_at,tier,status\n"


@pytest.fixture
async def shop(pool: asyncpg.Pool) -> Shop:
    tiers = (make_tier(1, 0), make_tier(2, 1000))
    return await save_shop(pool, make_shop(tiers=tiers, points_expiry_days=365))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "members.csv"


def runtime(pool: asyncpg.Pool, now: datetime = NOW) -> Runtime:
    return Runtime(pool=pool, now=lambda: now)


async def run(
    pool: asyncpg.Pool, shop: Shop, file: Path, now: datetime = NOW, *, is_dry_run: bool = False
) -> ImportReport:
    return await import_members(runtime(pool, now), shop.id, PROGRAM, file, is_dry_run=is_dry_run)


async def stored(pool: asyncpg.Pool) -> list[tuple[object, ...]]:
    rows = await pool.fetch(
        "SELECT m.external_id, m.email, m.first_name, m.last_name, w.points_available,"
        " w.points_lifetime, l.expires_at, w.tier_id - 3000, w.is_frozen"
        " FROM members m JOIN wallets w ON w.member_id = m.id"
        " LEFT JOIN lots l ON l.wallet_id = w.id ORDER BY m.id"
    )
    return [tuple(row) for row in rows]


async def test_rows_become_members(pool: asyncpg.Pool, shop: Shop, file: Path) -> None:
    file.write_text(
        HEADER
        + "7,Ann@X.Example,Ann,Lee,250,2027-06-30,,\n"
        + "8,,,,0,,tier-2,excluded\n"
        + "9,,,,1500,never,tier-1,active\n"
        + "10,,,,5,2027-01-02T03:04:05.6789Z,,\n"
        + "11,,,,6,,,\n"
    )
    report = await run(pool, shop, file)
    assert report.faults == []
    assert (report.state.members_made, report.state.points_made) == (5, 1761)
    assert report.state.is_finished
    # A day ends in the program's zone, which is London; in June that is an hour before UTC's.
    assert await stored(pool) == [
        (
            "7",
            "ann@x.example",
            "Ann",
            "Lee",
            250,
            250,
            datetime(2027, 6, 30, 23, tzinfo=UTC),
            1,
            False,
        ),
        ("8", None, None, None, 0, 1000, None, 2, True),
        ("9", None, None, None, 1500, 1500, None, 2, False),
        ("10", None, None, None, 5, 5, datetime(2027, 1, 2, 3, 4, 5, 678000, tzinfo=UTC), 1, False),
        ("11", None, None, None, 6, 6, datetime(2027, 7, 1, 12, tzinfo=UTC), 1, False),
    ]
    notes = await pool.fetch("SELECT DISTINCT kind, note FROM entries")
    assert [tuple(row) for row in notes] == [("adjusted", "import")]
    assert await pool.fetchval("SELECT count(*) FROM entries") == 5
    assert await pool.fetchval("SELECT count(*) FROM events") == 0
    assert (await verify(pool)).drifts == []


async def test_imported_points_buy_a_reward(pool: asyncpg.Pool, shop: Shop, file: Path) -> None:
    file.write_text("external_id,points\n7,100\n")
    await run(pool, shop, file)
    ref = MemberRef(external_id="7")
    redeem = Redeem(program_id=PROGRAM, member=ref, reward_id=shop.rewards[0].id)
    outcome = await Ledger(runtime(pool)).submit(shop.id, redeem)
    assert isinstance(outcome, Done)
    assert (await verify(pool)).is_clean


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        (",a@x.example,,,1,,,", "external_id", "is missing"),
        ("a" * 256 + ",,,,1,,,", "external_id", "is longer than 255 characters"),
        ("7,nobody,,,1,,,", "email", "is not an e-mail address"),
        ("7,,,,-5,,,", "points", "must be a whole number from 0 to 1000000000000"),
        ("7,,,,1.5,,,", "points", "must be a whole number from 0 to 1000000000000"),
        ("7,,,,9999999999999,,,", "points", "must be a whole number from 0 to 1000000000000"),
        ("7,,,,\u0663,,,", "points", "must be a whole number from 0 to 1000000000000"),
        (
            "7,,,,1,30/06/2027,,",
            "points_expire_at",
            "must be a date like 2027-06-30, an instant, or never",
        ),
        ("7,,,,1,2026-06-30,,", "points_expire_at", "is past"),
        ("7,,,,1,,gold,", "tier", "must be one of: tier-1, tier-2"),
        ("7,,,,1,,,gone", "status", "must be active or excluded"),
        ("7,,,,1,,", "", "has 7 fields, the header 8"),
        ("7,,,,1,,,,", "", "has 9 fields, the header 8"),
        ("7,,Ann\0,,1,,,", "first_name", "holds a NUL character"),
        ("7,," + "n" * 256 + ",,1,,,", "first_name", "is longer than 255 characters"),
        ("6,,,,1,,,", "external_id", "comes earlier in this file"),
        ("old,,,,1,,,", "external_id", "is a member already"),
    ],
)
@pytest.mark.parametrize("is_dry_run", [False, True])
async def test_bad_row_is_told_and_the_others_go_in(
    pool: asyncpg.Pool,
    shop: Shop,
    file: Path,
    row: str,
    column: str,
    reason: str,
    is_dry_run: bool,
) -> None:
    earlier = Ledger(runtime(pool, NOW - timedelta(days=1)))
    await earlier.submit(shop.id, Enrol(program_id=PROGRAM, external_id="old"))
    file.write_text(HEADER + "6,,,,60,,,\n" + row + "\n9,,,,90,,,\n", newline="")
    report = await run(pool, shop, file, is_dry_run=is_dry_run)
    assert [(bad.line, bad.column, bad.reason) for bad in report.faults] == [(3, column, reason)]
    assert (report.state.members_made, report.state.rows_refused) == (2, 1)
    made = [name for name, *_ in await stored(pool)]
    assert made == (["old"] if is_dry_run else ["old", "6", "9"])
    errors = file.with_name("members.csv.errors.csv")
    assert errors.exists() is not is_dry_run
    if not is_dry_run:
        with errors.open(newline="", encoding="utf-8") as lines:
            header, kept = csv.reader(lines)
        assert header == [*HEADER.strip().split(","), "line", "column", "reason"]
        assert kept[-3:] == ["3", column, reason]
        given = next(csv.reader([row]))
        assert kept[:-3] == [*given, *[""] * (8 - len(given))][:8]
    assert (await verify(pool)).is_clean


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "line 1: the header is missing"),
        ("email\na@x.example\n", "line 1: the column 'external_id' is missing"),
        ("external_id,phone\n", "line 1: there is no column 'phone'"),
        ("external_id,points,points\n", "line 1: the column 'points' is there twice"),
    ],
)
async def test_bad_header_is_refused(
    pool: asyncpg.Pool, shop: Shop, file: Path, text: str, reason: str
) -> None:
    file.write_text(text)
    with pytest.raises(BadFile, match=reason):
        await run(pool, shop, file)
    assert await pool.fetchval("SELECT count(*) FROM imports") == 0


async def test_file_of_a_spreadsheet_is_read(pool: asyncpg.Pool, shop: Shop, file: Path) -> None:
    file.write_bytes(
        b"\xef\xbb\xbfStatus,External_ID,first_name,points\r\n"
        b'active,7,"Ann\r\nLee",1\r\n'
        b"\r\n"
        b"active,8,\xff,1\r\n"
        b'active,9,"J\xc3\xbcrgen, Dr.",2\r\n'
    )
    report = await run(pool, shop, file)
    assert [(bad.line, bad.column, bad.reason) for bad in report.faults] == [
        (5, "first_name", "is not UTF-8")
    ]
    assert [row[:5:2] for row in await stored(pool)] == [
        ("7", "Ann\r\nLee", 1),
        ("9", "Jürgen, Dr.", 2),
    ]
    kept = file.with_name("members.csv.errors.csv").read_bytes()
    assert kept.endswith(b"active,8,\xff,1,5,first_name,is not UTF-8\r\n")


@pytest.mark.parametrize("rest", [5, 5000])
async def test_quote_that_is_never_closed_spoils_its_own_row(
    pool: asyncpg.Pool, shop: Shop, file: Path, rest: int
) -> None:
    names = "".join(f"{number},x\n" for number in range(rest))
    file.write_text('external_id,first_name\na,x\nb,"x\n' + names)
    report = await run(pool, shop, file)
    (bad,) = report.faults
    assert (bad.line, bad.row) == (3, ['b,"x'])
    assert bad.reason.startswith("cannot be read: ")
    assert report.state.members_made == rest + 1


async def test_finished_file_changes_nothing(pool: asyncpg.Pool, shop: Shop, file: Path) -> None:
    file.write_text("external_id,points\n7,100\n,5\n")
    first = await run(pool, shop, file)
    before = await stored(pool)
    again = await run(pool, shop, file)
    assert again.was_finished
    assert again.state == first.state
    assert await stored(pool) == before
    file.write_text("external_id,points\n7,100\n8,5\n")
    other = await run(pool, shop, file, NOW + timedelta(days=1))
    assert [bad.reason for bad in other.faults] == ["is a member already"]
    assert [row[0] for row in await stored(pool)] == ["7", "8"]


async def test_interrupted_import_goes_on_where_it_stood(
    pool: asyncpg.Pool, shop: Shop, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "CHUNK_ROWS", 10)
    rows = [f"{number},{number}" if number % 7 else f",{number}" for number in range(1, 101)]
    file.write_text("external_id,points\n" + "\n".join([*rows, "1,1"]) + "\n")

    def stop(lines_done: int, _: int) -> None:
        if lines_done > 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await import_members(runtime(pool), shop.id, PROGRAM, file, on_progress=stop)
    errors = file.with_name("members.csv.errors.csv")
    with errors.open("ab") as torn:
        torn.write(b"of a chunk that was never committed")
    report = await run(pool, shop, file)
    assert report.rows_resumed == 40
    assert (report.state.rows_done, report.state.members_made) == (101, 86)
    assert [row[0] for row in await stored(pool)] == [str(n) for n in range(1, 101) if n % 7]
    lines = errors.read_text().splitlines()
    assert lines[0] == "external_id,points,line,column,reason"
    assert lines[1:-1] == [f",{n},{n + 1},external_id,is missing" for n in range(7, 101, 7)]
    assert lines[-1] == "1,1,102,external_id,comes earlier in this file"
    assert (await verify(pool)).is_clean


async def test_two_imports_of_a_file_make_each_member_once(
    pool: asyncpg.Pool, shop: Shop, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "CHUNK_ROWS", 10)
    file.write_text("external_id,points\n" + "".join(f"{n},1\n" for n in range(200)))
    outcomes = await asyncio.gather(
        run(pool, shop, file), run(pool, shop, file), return_exceptions=True
    )
    assert any(isinstance(outcome, ImportReport | Conflict) for outcome in outcomes)
    assert all(isinstance(outcome, ImportReport | Conflict) for outcome in outcomes)
    report = await run(pool, shop, file)
    assert report.state.members_made == 200
    assert (await verify(pool)).is_clean


async def test_import_beside_enrolments_of_the_same_shoppers(
    pool: asyncpg.Pool, shop: Shop, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "CHUNK_ROWS", 20)
    file.write_text("external_id,points\n" + "".join(f"{n},1\n" for n in range(200)))
    ledger = Ledger(runtime(pool))

    async def enrol() -> None:
        for number in range(199, 0, -7):
            await ledger.submit(shop.id, Enrol(program_id=PROGRAM, external_id=str(number)))

    report, _ = await asyncio.gather(run(pool, shop, file), enrol())
    assert report.state.members_made + report.state.rows_refused == 200
    assert await pool.fetchval("SELECT count(*) FROM members") == 200
    assert (await verify(pool)).is_clean


async def test_shop_that_takes_the_ids_of_a_chunk_costs_it_another_try(
    pool: asyncpg.Pool, shop: Shop, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "CHUNK_ROWS", 20)
    monkeypatch.setattr(importing, "_IDS_LEFT_FREE", 0)
    file.write_text("external_id,points\n" + "".join(f"{n},1\n" for n in range(200)))
    ledger = Ledger(runtime(pool))

    async def enrol() -> None:
        for number in range(40):
            await ledger.submit(shop.id, Enrol(program_id=PROGRAM, external_id=f"new-{number}"))

    report, _ = await asyncio.gather(run(pool, shop, file), enrol())
    assert (report.state.members_made, report.faults) == (200, [])
    assert await pool.fetchval("SELECT count(*) FROM members") == 240
    assert (await verify(pool)).is_clean


async def test_shopper_is_found_again_in_every_later_chunk(
    pool: asyncpg.Pool, shop: Shop, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "CHUNK_ROWS", 10)
    names = [str(n % 10 if n % 10 == 3 else n) for n in range(60)]
    file.write_text("external_id,points\n" + "".join(f"{name},1\n" for name in names))
    report = await run(pool, shop, file)
    assert [(bad.line, bad.reason) for bad in report.faults] == [
        (line, "comes earlier in this file") for line in (15, 25, 35, 45, 55)
    ]
    assert [row[0] for row in await stored(pool)] == list(dict.fromkeys(names))
    assert (await verify(pool)).is_clean


async def test_rows_of_every_kind_in_one_chunk_stay_apart(
    pool: asyncpg.Pool, shop: Shop, file: Path
) -> None:
    rows = [
        f"{n},{'' if n % 2 else f'm{n}@x.example'},J\u00fcrgen {n},{'' if n % 3 else 'Lee'},"
        f"{n * 100 % 1700},{('', 'never', '2027-06-30')[n % 3]},"
        f"{('', 'tier-2')[n % 5 == 0]},{('', 'excluded')[n % 7 == 0]}\n"
        for n in range(1, 60)
    ]
    file.write_text(HEADER + "".join(rows), encoding="utf-8")
    assert (await run(pool, shop, file)).faults == []
    made = await stored(pool)
    file.write_text(HEADER + "".join(rows).replace("\n", "\n\n"), encoding="utf-8")
    await pool.execute("TRUNCATE members, wallets, lots, entries")
    assert (await run(pool, shop, file)).faults == []  # each row judged by itself
    assert await stored(pool) == made
    assert made[2] == ("3", None, "J\u00fcrgen 3", "Lee", 300, 300, made[2][6], 1, False)
    assert made[34] == ("35", None, "J\u00fcrgen 35", None, 100, 1000, made[34][6], 2, True)
    assert (await verify(pool)).is_clean
