"""Checks the migrated schema: what Citus asks of it, and that schema.sql tells it truly."""

from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from pglast import ast, parse_sql

from tests.house import schema
from tests.house.schema import Pool
from tests.house.source import STORE

_MIGRATIONS = sorted((STORE / "migrations").glob("*.sql"))


async def test_every_table_is_a_tenants_or_listed_as_shared(pool: Pool) -> None:
    async with pool.acquire() as connection:
        tables = await schema.read_tables(connection)
        everything = {row["table"] for row in await schema.columns(connection)}
    assert everything - tables.tenant - tables.shared == set()
    assert len(tables.tenant) > 1


async def test_merchant_leads_every_key_of_a_tenant_table(pool: Pool) -> None:
    async with pool.acquire() as connection:
        tenant = (await schema.read_tables(connection)).tenant
        constraints = await schema.constraints(connection)
        indexes = await schema.indexes(connection)
    faults = [
        f"{row['table']} {row['name']}: {row['definition']}"
        for row in constraints
        if row["table"] in tenant and row["kind"] in {"p", "u", "f", "x"}
        if row["leading"] != "merchant_id"
        or (row["refers_to"] in tenant and row["leading_there"] != "merchant_id")
    ]
    faults += [
        f"{row['table']} {row['name']}: {row['definition']}"
        for row in indexes
        if row["table"] in tenant and row["is_unique"] and row["leading"] != "merchant_id"
    ]
    assert faults == []


async def test_every_tenant_table_has_a_primary_key(pool: Pool) -> None:
    async with pool.acquire() as connection:
        tenant = (await schema.read_tables(connection)).tenant
        constraints = await schema.constraints(connection)
    assert tenant - {row["table"] for row in constraints if row["kind"] == "p"} == set()


async def test_merchant_is_never_null(pool: Pool) -> None:
    async with pool.acquire() as connection:
        tenant = (await schema.read_tables(connection)).tenant
        columns = await schema.columns(connection)
    nullable = {
        row["table"]
        for row in columns
        if row["table"] in tenant and row["column"] == "merchant_id" and not row["not_null"]
    }
    assert nullable == set()


async def test_no_shared_table_points_at_a_tenants(pool: Pool) -> None:
    async with pool.acquire() as connection:
        tenant = (await schema.read_tables(connection)).tenant
        constraints = await schema.constraints(connection)
    pointing = [
        row["name"]
        for row in constraints
        if row["table"] not in tenant and row["refers_to"] in tenant
    ]
    assert pointing == []


async def test_nothing_computes_in_the_database(pool: Pool) -> None:
    async with pool.acquire() as connection:
        triggers = await schema.triggers(connection)
        functions = await schema.functions(connection)
        columns = await schema.columns(connection)
        tenant = (await schema.read_tables(connection)).tenant
    assert [tuple(row) for row in triggers] == []
    assert [tuple(row) for row in functions] == []
    computed = [
        (row["table"], row["column"], row["default"])
        for row in columns
        if row["table"] in tenant and row["default"] and "(" in row["default"]
    ]
    assert computed == []


_NAMED = {"CONSTR_PRIMARY", "CONSTR_UNIQUE", "CONSTR_FOREIGN", "CONSTR_CHECK"}
_COMPUTING = (ast.CreateTrigStmt, ast.CreateFunctionStmt, ast.DoStmt, ast.RuleStmt)


def _nodes(value: object) -> Iterator[ast.Node]:
    if isinstance(value, tuple):
        for item in value:
            yield from _nodes(item)
    elif isinstance(value, ast.Node):
        yield value
        for name in value:
            yield from _nodes(getattr(value, name))


def _migration_faults(text: str) -> list[str]:
    faults = []
    for node in _nodes(parse_sql(text)):
        if isinstance(node, ast.Constraint) and node.contype.name in _NAMED and not node.conname:
            faults.append(f"a constraint has no name of ours: {node.contype.name}")
        elif isinstance(node, _COMPUTING):
            faults.append(f"the database is made to compute: {type(node).__name__}")
    if "SET LOCAL lock_timeout" not in text and "-- transactional: false" not in text:
        faults.append("it may wait for a lock without end")
    return faults


@pytest.mark.parametrize("path", _MIGRATIONS, ids=lambda path: path.stem)
def test_migration_names_its_constraints_and_is_patient(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert _migration_faults(text) == []


def test_bad_migration_is_found() -> None:
    text = """
    CREATE TABLE lots (merchant_id bigint PRIMARY KEY);
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER t BEFORE INSERT ON lots FOR EACH ROW EXECUTE FUNCTION f();
    """
    assert _migration_faults(text) == [
        "a constraint has no name of ours: CONSTR_PRIMARY",
        "the database is made to compute: CreateFunctionStmt",
        "the database is made to compute: CreateTrigStmt",
        "it may wait for a lock without end",
    ]


async def test_schema_for_readers_equals_what_the_migrations_build(
    pool: Pool, empty_database_url: str
) -> None:
    written = (STORE / "schema.sql").read_text(encoding="utf-8")
    async with pool.acquire() as connection:
        built = await schema.describe(connection)
    reader = await asyncpg.connect(empty_database_url)
    try:
        await reader.execute(written)
        told = await schema.describe(reader)
    finally:
        await reader.close()
    assert told == built
