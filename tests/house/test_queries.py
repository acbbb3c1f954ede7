"""Checks every named query of the store: it has one function, PostgreSQL takes it, Citus would."""

import ast
from collections import Counter
from pathlib import Path

import asyncpg
import pytest

from tests.house import citus
from tests.house.queries import MalformedQueryFile, NamedQuery, read_all_queries, read_queries
from tests.house.schema import Pool, read_tables
from tests.house.source import STORE, functions_of, read_module

_QUERIES = read_all_queries(STORE)


def test_names_are_unique() -> None:
    names = Counter(query.name for query in _QUERIES)
    assert [name for name, times in names.items() if times > 1] == []


def test_sql_file_has_its_python_file() -> None:
    lonely = {query.path.name for query in _QUERIES if not query.path.with_suffix(".py").exists()}
    assert lonely == set()


def _uses(function: ast.AST, name: str) -> int:
    """Count where a function names a query: as text, or as an attribute."""
    return sum(
        (isinstance(node, ast.Constant) and node.value == name)
        or (isinstance(node, ast.Attribute) and node.attr == name)
        for node in ast.walk(function)
    )


@pytest.mark.parametrize("query", _QUERIES, ids=str)
def test_query_is_used_once_by_the_function_of_its_name(query: NamedQuery) -> None:
    module = read_module(query.path.with_suffix(".py"))
    namesakes = [f for f in functions_of(module.tree) if f.name == query.name]
    assert len(namesakes) == 1, f"{module.name} has {len(namesakes)} functions {query.name}"
    assert _uses(namesakes[0], query.name) == 1, f"{query.name} does not run the query of its name"
    assert _uses(module.tree, query.name) == 1, f"{query.name} is run elsewhere in {module.name}"


async def test_postgresql_accepts_every_query(pool: Pool) -> None:
    refused = []
    async with pool.acquire() as connection:
        for query in _QUERIES:
            try:
                await connection.prepare(query.statement)
            except asyncpg.PostgresError as error:
                refused.append(f"{query}: {error}")
    assert refused == []


async def test_citus_could_run_every_query(pool: Pool) -> None:
    async with pool.acquire() as connection:
        tables = await read_tables(connection)
    faults = [
        f"{query}: {fault}"
        for query in _QUERIES
        for fault in citus.find_faults(
            query.statement, tables, is_global=query.global_reason is not None
        )
        if not (query.local_reason and fault.startswith("inserts inside WITH"))
    ]
    assert faults == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("SELECT 1 AS one;\n", "text before the first name"),
        ("-- name: get_one\nSELECT 1 AS one;\n", "no description"),
        ("-- name: get_one\n-- Give one.\nSELECT 1 AS one\n", "semicolon"),
        ("-- name: GetOne\n-- Give one.\nSELECT 1 AS one;\n", "not a function's name"),
        ("-- name: get_one\n-- Give one.\n-- global:\nSELECT 1 AS one;\n", "one reason"),
    ],
)
def test_malformed_query_file_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "ones.sql"
    path.write_text(text)
    with pytest.raises(MalformedQueryFile, match=fault):
        read_queries(path)


def test_query_is_read_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "merchants.sql"
    path.write_text(
        "-- The shops.\n\n-- name: list_merchants\n-- List all.\n-- global: an operator asks.\n"
        "SELECT merchant_id\nFROM merchants; -- all of them\n"
    )
    with pytest.raises(MalformedQueryFile, match="semicolon"):
        read_queries(path)
    path.write_text(path.read_text().replace(" -- all of them", ""))
    (query,) = read_queries(path)
    assert query.name == "list_merchants"
    assert query.description == "List all."
    assert query.global_reason == "an operator asks."
    assert query.statement == "SELECT merchant_id\nFROM merchants"
