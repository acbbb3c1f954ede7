"""Opens a write. Only the engine may."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from guerdon.store.connection import Connection, Pool
from guerdon.store.faults import DRIVER_ERRORS, fault_of


class CommitUnknown(Exception):
    """The connection was lost while COMMIT was under way: it may have taken effect or not."""


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """Open a read-committed transaction; commit at the end, roll back on any exception.

    Raises CommitUnknown where the connection is lost at COMMIT, so that no caller takes that for
    a failure."""
    is_committed = False
    try:
        async with pool.acquire() as connection:
            await connection.execute("BEGIN")
            try:
                yield connection
            except BaseException:
                # Where the connection is gone, so is the transaction.
                with suppress(*DRIVER_ERRORS):
                    await connection.execute("ROLLBACK")
                raise
            try:
                await connection.execute("COMMIT")
            except DRIVER_ERRORS as error:
                if fault_of(error) in ("lost", "busy"):
                    raise CommitUnknown from error
                raise
            is_committed = True
    except DRIVER_ERRORS:
        # A connection lost on its way back to the pool undoes nothing. Raised, it would pass for
        # one lost before COMMIT, and the whole would be done again.
        if not is_committed:
            raise


@asynccontextmanager
async def at_once(pool: Pool) -> AsyncIterator[Connection]:
    """Give a connection whose every statement is a transaction of its own; at most one may write.

    Raises CommitUnknown where the connection is lost under it, so that no caller takes that for a
    failure."""
    try:
        async with pool.acquire() as connection:
            yield connection
    except DRIVER_ERRORS as error:
        # An error that the server answers with has undone the statement.
        if fault_of(error) == "lost":
            raise CommitUnknown from error
        raise
