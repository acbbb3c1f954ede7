"""Times an import of members against a bare COPY of the same file with an index build."""

import random
import time
from pathlib import Path

import asyncpg
from msgspec import Struct

from guerdon.domain.ids import MerchantId, ProgramId
from guerdon.engine.importing import import_members
from guerdon.engine.runtime import Runtime
from guerdon.store.connection import Pool

_COLUMNS = "external_id,email,first_name,last_name,points,points_expire_at,tier,status"


class ImportTimes(Struct, frozen=True):
    """Seconds of each, over the same file, on the same server, one after the other."""

    rows: int
    copy_seconds: float
    import_seconds: float

    @property
    def ratio(self) -> float:
        return self.import_seconds / self.copy_seconds


def write_members(path: Path, rows: int, *, seed: int = 1) -> None:
    """Write a file of members as a shop would: rising ids, e-mails in no order, some points."""
    chance = random.Random(seed)
    with path.open("w", encoding="utf-8") as file:
        file.write(_COLUMNS + "\n")
        for number in range(rows):
            mail = f"{chance.getrandbits(48):x}@mail{number % 50}.example"
            points = chance.randrange(1, 5000)
            file.write(
                f"{7_000_000_000 + number},{mail},First{number % 997},Last{number % 1009},"
                f"{points},2099-06-30,,active\n"
            )


async def time_import(
    url: str, pool: Pool, merchant_id: MerchantId, program_id: ProgramId, folder: Path, rows: int
) -> ImportTimes:
    """Time the bare COPY and then the import; the merchant must have no members yet."""
    path = folder / "members.csv"
    write_members(path, rows)
    copy_seconds = await _time_copy(url, path)
    started = time.perf_counter()
    report = await import_members(Runtime(pool=pool), merchant_id, program_id, path)
    import_seconds = time.perf_counter() - started
    assert report.state.members_made == rows, report
    return ImportTimes(rows, copy_seconds, import_seconds)


async def _time_copy(url: str, path: Path) -> float:
    """Time a COPY into a plain table and then the three indexes that members has."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("DROP TABLE IF EXISTS bare_members")
        columns = ", ".join(f"{name} text" for name in _COLUMNS.split(","))
        await connection.execute(
            f"CREATE TABLE bare_members (id bigint GENERATED ALWAYS AS IDENTITY, {columns})"
        )
        started = time.perf_counter()
        await connection.copy_to_table(
            "bare_members", source=path, columns=_COLUMNS.split(","), format="csv", header=True
        )
        await connection.execute("ALTER TABLE bare_members ADD PRIMARY KEY (id)")
        await connection.execute("CREATE UNIQUE INDEX ON bare_members (external_id)")
        await connection.execute("CREATE INDEX ON bare_members (email)")
        seconds = time.perf_counter() - started
        await connection.execute("DROP TABLE bare_members")
    finally:
        await connection.close()
    return seconds
