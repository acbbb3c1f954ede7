"""Finds the database of a command: the server that the settings name, or the embedded one."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from guerdon.config import Config
from guerdon.domain.errors import Unavailable
from guerdon.store import embedded, migrating
from guerdon.store.connection import Pool, open_pool


class SchemaTooOld(Unavailable):
    """The database lacks migrations."""

    code = "schema_too_old"


@contextmanager
def open_database(config: Config) -> Iterator[str]:
    """Give the database's URL; the embedded server is started, or attached to, for as long."""
    if config.database_url is not None:
        yield config.database_url
        return
    with embedded.start(config.data_dir) as server:
        yield server.url


def require_schema(url: str, config: Config) -> None:
    """Raise where migrations are lacking. The embedded database is brought up to date instead:
    nobody else uses it, and there is nobody to ask."""
    if config.is_embedded:
        migrating.migrate(url)
        return
    lacking = migrating.pending(url)
    if lacking:
        raise SchemaTooOld(
            f"the database lacks {len(lacking)} migration(s), {lacking[0]} first; run: "
            "guerdon migrate"
        )


@asynccontextmanager
async def open_store(config: Config, *, size: int = 4) -> AsyncIterator[Pool]:
    """Open connections for one command, on a database whose schema is the newest."""
    with open_database(config) as url:
        require_schema(url, config)
        pool = await open_pool(url, size=size, application="guerdon command")
        try:
            yield pool
        finally:
            await pool.close()
