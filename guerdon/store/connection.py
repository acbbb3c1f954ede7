"""How every connection to PostgreSQL is made, and all that the rooms see of the driver."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import asyncpg

STATEMENT_TIMEOUT_SECONDS = 30
LOCK_TIMEOUT_SECONDS = 10


class Record(Protocol):
    """A row: columns by name or by position."""

    # The driver's seam: what a column holds is known to the statement, not to the type checker.
    def __getitem__(self, key: str | int, /) -> Any: ...


class Connection(Protocol):
    """What a statement is run on."""

    async def fetch(self, query: str, *args: object) -> list[Record]: ...
    async def fetchrow(self, query: str, *args: object) -> Record | None: ...
    async def fetchval(self, query: str, *args: object) -> Any: ...
    async def execute(self, query: str, *args: object) -> str: ...
    async def copy_to_table(
        self,
        table_name: str,
        *,
        source: memoryview,
        columns: Sequence[str],
        format: str,  # noqa: A002 - the driver's own name
    ) -> str: ...


class Pool(Protocol):
    """Where connections come from."""

    def acquire(self) -> AbstractAsyncContextManager[Connection]: ...
    async def close(self) -> None: ...
    def terminate(self) -> None: ...


async def open_pool(url: str, *, size: int = 10, application: str = "guerdon") -> Pool:
    """Open connections with the limits that every statement lives under.

    Nothing is reset when a connection goes back: no session state is ever set, and the reset
    would cost each batch a round trip."""
    pool: Pool = await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size,
        max_inactive_connection_lifetime=300,
        reset=_leave,
        server_settings={
            "application_name": application,
            "statement_timeout": f"{STATEMENT_TIMEOUT_SECONDS}s",
            "lock_timeout": f"{LOCK_TIMEOUT_SECONDS}s",
            "idle_in_transaction_session_timeout": "60s",
            "timezone": "UTC",
            "jit": "off",
            # A batch's statements are planned once a connection: planning them for each batch
            # would cost more than running them. A snapshot goes back to planning by value.
            "plan_cache_mode": "force_generic_plan",
        },
    )
    return pool


async def _leave(_: Connection) -> None:
    """Leave a returned connection as it is."""
