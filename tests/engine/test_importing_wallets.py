"""Members of a file have a wallet of each of their program's point types."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from guerdon.domain.catalogue import PointType
from guerdon.domain.command import Adjust, Done
from guerdon.domain.point_terms import CodeForm, Expiry
from guerdon.domain.terms import Period
from guerdon.engine.importing import import_members
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from tests.builders.ledgers import SHOP, drifts, ref
from tests.builders.shop import POINT_TYPE, PROGRAM, make_point_type, make_shop, save_shop

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
CODED = make_point_type(1, code=CodeForm(pattern="######-####", charset="ABCDEFGH23456789"))
PLAIN = make_point_type(2)
OWN = PointType(
    id=POINT_TYPE,
    slug="points",
    name="Points",
    expiry=Expiry(kind="rolling", period=Period(1, "month"), rounding="quarter"),
    code=CodeForm(pattern="########", charset="0123456789ABCDEF", prefix="OWN-"),
)


async def test_a_file_makes_all_wallets_of_its_members(pool: asyncpg.Pool, tmp_path: Path) -> None:
    shop = make_shop(point_types=(CODED, PLAIN))
    await save_shop(pool, replace(shop, point_type=OWN))
    file = tmp_path / "members.csv"
    file.write_text(
        "external_id,points,status\n7,250,\n8,0,excluded\n"
        + "".join(f"{number},{number},\n" for number in range(100, 160))
    )
    runtime = Runtime(pool=pool, now=lambda: NOW)
    report = await import_members(runtime, SHOP, PROGRAM, file)
    assert (report.state.members_made, report.faults) == (62, [])
    rows = await pool.fetch(
        "SELECT m.external_id, w.point_type_id, w.is_default, w.is_frozen, w.points_available, "
        "w.code FROM wallets w JOIN members m ON m.id = w.member_id ORDER BY m.id, w.point_type_id"
    )
    assert [tuple(row)[:5] for row in rows[:6]] == [
        ("7", POINT_TYPE, True, False, 250),
        ("7", CODED.id, False, False, 0),
        ("7", PLAIN.id, False, False, 0),
        ("8", POINT_TYPE, True, True, 0),
        ("8", CODED.id, False, True, 0),
        ("8", PLAIN.id, False, True, 0),
    ]
    codes = [row["code"] for row in rows]
    assert all(code.startswith("OWN-") for code in codes[::3])
    assert all(len(code) == 11 for code in codes[1::3])
    assert codes[2::3] == [None] * 62
    assert len(set(codes)) == 125
    # The point type's own rule says when they expire: at the end of a quarter.
    ends = await pool.fetch("SELECT DISTINCT expires_at FROM lots")
    assert [row[0] for row in ends] == [datetime(2026, 9, 30, 23, tzinfo=UTC)]
    # The ledger goes on from there, without any of the ids being taken twice.
    give = Adjust(program_id=PROGRAM, member=ref("7"), points=5, point_type_id=CODED.id)
    assert isinstance(await Ledger(runtime).submit(SHOP, give), Done)
    assert await drifts(pool) == []
