"""Opens a read: one consistent view, in which the database itself refuses a write."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from guerdon.store.connection import Connection, Pool
from guerdon.store.faults import DRIVER_ERRORS


@asynccontextmanager
async def snapshot(pool: Pool) -> AsyncIterator[Connection]:
    """Open a repeatable-read, read-only transaction: all statements see the same instant."""
    async with pool.acquire() as connection:
        await connection.execute(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL plan_cache_mode = auto"
        )
        try:
            yield connection
        finally:
            with suppress(*DRIVER_ERRORS):
                await connection.execute("COMMIT")
