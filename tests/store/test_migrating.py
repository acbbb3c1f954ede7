import asyncio
import re
import threading
from pathlib import Path

import psycopg
import pytest

from guerdon.store import migrating, schema

FIRST = "SET LOCAL lock_timeout = '5s';\nCREATE TABLE one (id bigint);\n"
SECOND = "SET LOCAL lock_timeout = '5s';\nCREATE TABLE two (id bigint);\nSELECT 1 / 0;\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_one.sql").write_text(FIRST)
    return tmp_path


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
    return {row[0] for row in rows if "yoyo" not in row[0]}


def test_applies_what_is_missing_and_nothing_twice(empty_database_url: str, folder: Path) -> None:
    assert migrating.pending(empty_database_url, folder=folder) == ["0001_one"]
    assert migrating.migrate(empty_database_url, folder=folder) == ["0001_one"]
    assert migrating.migrate(empty_database_url, folder=folder) == []
    assert migrating.pending(empty_database_url, folder=folder) == []
    assert tables(empty_database_url) == {"one"}


def test_applies_in_the_order_of_the_numbers(empty_database_url: str, folder: Path) -> None:
    (folder / "0003_three.sql").write_text("ALTER TABLE two ADD COLUMN name text;")
    (folder / "0002_two.sql").write_text("CREATE TABLE two (id bigint);")
    applied = migrating.migrate(empty_database_url, folder=folder)
    assert applied == ["0001_one", "0002_two", "0003_three"]


def test_a_file_that_fails_leaves_no_trace(empty_database_url: str, folder: Path) -> None:
    (folder / "0002_two.sql").write_text(SECOND)
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrating.migrate(empty_database_url, folder=folder)
    assert tables(empty_database_url) == {"one"}
    assert migrating.pending(empty_database_url, folder=folder) == ["0002_two"]


def test_a_file_and_its_note_are_one_transaction(
    empty_database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("yoyo.backends.base.DatabaseBackend.mark_one", die)
        with pytest.raises(KeyboardInterrupt):
            migrating.migrate(empty_database_url, folder=folder)
    assert tables(empty_database_url) == set()
    assert migrating.migrate(empty_database_url, folder=folder) == ["0001_one"]


def test_a_file_may_do_without_a_transaction(empty_database_url: str, folder: Path) -> None:
    (folder / "0002_index.sql").write_text(
        "-- transactional: false\nCREATE INDEX CONCURRENTLY one_by_id ON one (id);\n"
    )
    assert migrating.migrate(empty_database_url, folder=folder) == ["0001_one", "0002_index"]
    assert migrating.migrate(empty_database_url, folder=folder) == []


async def test_several_at_once_apply_each_file_once(empty_database_url: str) -> None:
    barrier = threading.Barrier(4)

    def together() -> list[str]:
        barrier.wait()
        return migrating.migrate(empty_database_url)

    results = await asyncio.gather(*(asyncio.to_thread(together) for _ in range(4)))
    applied = [name for names in results for name in names]
    assert applied == sorted(path.stem for path in migrating.MIGRATIONS.glob("*.sql"))


@pytest.mark.parametrize("name", ["0002-two.sql", "2_two.sql", "0002_Two.sql", "0001_other.sql"])
def test_refuses_a_badly_named_file(empty_database_url: str, folder: Path, name: str) -> None:
    (folder / name).write_text("SELECT 1;")
    with pytest.raises(migrating.BadMigrationFiles, match=re.escape(name)):
        migrating.migrate(empty_database_url, folder=folder)
    assert tables(empty_database_url) == set()


def test_every_migration_limits_how_long_it_waits_for_a_lock() -> None:
    for path in migrating.MIGRATIONS.glob("*.sql"):
        assert re.search(r"^SET LOCAL lock_timeout = ", path.read_text(), re.MULTILINE), path.name


def test_schema_sql_is_what_the_migrations_build(database_url: str) -> None:
    assert schema.render(database_url) == schema.PATH.read_text(encoding="utf-8")


def test_schema_sql_builds_the_same_schema(empty_database_url: str) -> None:
    text = schema.PATH.read_text(encoding="utf-8")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(text)
    assert schema.render(empty_database_url) == text


def test_schema_hides_nothing_it_cannot_show(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE VIEW members_seen AS SELECT 1 AS number")
    with pytest.raises(schema.UnknownSchemaObject, match="relation members_seen"):
        schema.render(database_url)
