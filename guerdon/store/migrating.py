"""Bring a database's schema to the newest version by the numbered SQL files in `migrations/`.

Yoyo reads, orders, splits and records the files. Two things are done here instead of by yoyo: its
lock is a row that a killed process leaves behind, and it notes a file as applied in a second
transaction, so that a crash between the two would run the file again. Here a file and its note are
one transaction.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from yoyo import get_backend, read_migrations
from yoyo.backends import DatabaseBackend
from yoyo.migrations import MigrationList

from guerdon.domain.errors import Invalid

MIGRATIONS = Path(__file__).parent / "migrations"

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
# Any fixed number does, as long as nothing else in the database uses it: "guerdon" on a telephone.
_LOCK_KEY = 4837366
_SCHEME = re.compile(r"^postgres(?:ql)?://")


class BadMigrationFiles(Invalid):
    """The migrations are not all named NNNN_what_it_does.sql, each number once."""

    code = "bad_migration_files"


def migrate(url: str, *, folder: Path = MIGRATIONS) -> list[str]:
    """Apply every migration that the database lacks, in order; give the names of those applied.

    Blocks: call it in a thread from async code. Of several processes that migrate at once, one
    works and the others wait, then find nothing to do. A file that fails leaves no trace and stops
    the run.
    """
    _check_names(folder)
    with _one_at_a_time(url), _backend(url) as backend:
        applied = []
        for migration in _lacking(backend, folder):
            migration.load()
            if migration.use_transactions:
                with backend.transaction():
                    migration.process_steps(backend, "apply")
                    backend.mark_one(migration, log=False)
            else:
                # Such a file (CREATE INDEX CONCURRENTLY, say) must be fit to be run again.
                migration.process_steps(backend, "apply")
                with backend.transaction():
                    backend.mark_one(migration, log=False)
            applied.append(str(migration.id))
        return applied


def pending(url: str, *, folder: Path = MIGRATIONS) -> list[str]:
    """Name the migrations that the database lacks, in the order they would be applied. Blocks."""
    _check_names(folder)
    with _one_at_a_time(url), _backend(url) as backend:
        return [str(migration.id) for migration in _lacking(backend, folder)]


def _check_names(folder: Path) -> None:
    seen: dict[str, str] = {}
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise BadMigrationFiles(f"{path.name} is not named NNNN_what_it_does.sql")
        other = seen.setdefault(match[1], path.name)
        if other != path.name:
            raise BadMigrationFiles(f"{path.name} and {other} have the same number")
    if not seen:
        raise BadMigrationFiles(f"there are no migrations in {folder}")


@contextmanager
def _one_at_a_time(url: str) -> Iterator[None]:
    """Hold a lock that PostgreSQL drops by itself if this process dies.

    It ends with its transaction, which also suits a connection pooler that hands a session to
    another client after each transaction. Only migrations use an advisory lock: they run on one
    server, the coordinator where there are several.
    """
    with psycopg.connect(url) as connection:
        # Sent without parameters, as a simple query, it leaves no snapshot behind for which a
        # CREATE INDEX CONCURRENTLY would wait for ever.
        connection.execute(f"SELECT pg_advisory_xact_lock({_LOCK_KEY})")
        yield


@contextmanager
def _backend(url: str) -> Iterator[DatabaseBackend]:
    backend = get_backend(_SCHEME.sub("postgresql+psycopg://", url))
    try:
        yield backend
    finally:
        backend.connection.close()


def _lacking(backend: DatabaseBackend, folder: Path) -> MigrationList:
    return backend.to_apply(read_migrations(str(folder)))
