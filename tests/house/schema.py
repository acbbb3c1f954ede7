"""Reads a database's schema out of PostgreSQL's own catalogue."""

from typing import TypeAlias

import asyncpg

from tests.house.citus import Tables

# Tables that are no tenant's, and why. Everything else must belong to a merchant.
SHARED_TABLES = {
    "merchants": "a reference table, so that a slug is one shop's and every table may point here",
    "keys": "a key is looked up by its hash before the merchant is known",
    "_yoyo_log": "the migration tool's",
    "_yoyo_migration": "the migration tool's",
    "_yoyo_version": "the migration tool's",
    "yoyo_lock": "the migration tool's",
}

_COLUMNS = """
SELECT c.relname AS table, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type,
       a.attnotnull AS not_null, a.attidentity::text AS identity, a.attgenerated::text AS generated,
       pg_get_expr(d.adbin, d.adrelid) AS default
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
ORDER BY c.relname, a.attnum
"""

# PostgreSQL 18 lists NOT NULL among the constraints, 15 does not; the columns tell it anyway.
_CONSTRAINTS = """
SELECT r.conrelid::regclass::text AS table, r.conname AS name, r.contype::text AS kind,
       pg_get_constraintdef(r.oid) AS definition,
       (SELECT a.attname FROM pg_attribute a
        WHERE a.attrelid = r.conrelid AND a.attnum = r.conkey[1]) AS leading,
       r.confrelid::regclass::text AS refers_to,
       (SELECT a.attname FROM pg_attribute a
        WHERE a.attrelid = r.confrelid AND a.attnum = r.confkey[1]) AS leading_there
FROM pg_constraint r
WHERE r.connamespace = 'public'::regnamespace AND r.contype IN ('p', 'u', 'f', 'c', 'x')
ORDER BY 1, 2
"""

_INDEXES = """
SELECT i.indrelid::regclass::text AS table, i.indexrelid::regclass::text AS name,
       i.indisunique AS is_unique, pg_get_indexdef(i.indexrelid) AS definition,
       pg_get_indexdef(i.indexrelid, 1, true) AS leading
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid AND c.relnamespace = 'public'::regnamespace
ORDER BY 1, 2
"""

_RELATIONS = """
SELECT c.relname AS name, c.relkind::text AS kind, c.relpersistence::text AS persistence,
       c.reloptions AS options,
       CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END AS view
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
ORDER BY 1
"""

_TRIGGERS = """
SELECT t.tgrelid::regclass::text AS table, t.tgname AS name
FROM pg_trigger t WHERE NOT t.tgisinternal
UNION ALL
SELECT r.ev_class::regclass::text, r.rulename FROM pg_rewrite r
JOIN pg_class c ON c.oid = r.ev_class AND c.relkind NOT IN ('v', 'm')
"""

_FUNCTIONS = """
SELECT p.oid::regprocedure::text AS name, l.lanname AS language
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = 'public'::regnamespace
"""

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
# In quotes, because asyncpg's classes take no brackets at run time.
Connection: TypeAlias = (
    "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
)


async def columns(connection: Connection) -> list[asyncpg.Record]:
    return list(await connection.fetch(_COLUMNS))


async def constraints(connection: Connection) -> list[asyncpg.Record]:
    return list(await connection.fetch(_CONSTRAINTS))


async def indexes(connection: Connection) -> list[asyncpg.Record]:
    return list(await connection.fetch(_INDEXES))


async def triggers(connection: Connection) -> list[asyncpg.Record]:
    return list(await connection.fetch(_TRIGGERS))


async def functions(connection: Connection) -> list[asyncpg.Record]:
    return list(await connection.fetch(_FUNCTIONS))


async def describe(connection: Connection) -> list[str]:
    """Say everything a schema is made of, one line each, but for the migration tool's tables."""
    lines: list[str] = []
    for query in (_RELATIONS, _COLUMNS, _CONSTRAINTS, _INDEXES, _TRIGGERS, _FUNCTIONS):
        rows = [row for row in await connection.fetch(query) if "yoyo" not in str(row[0])]
        lines += [" | ".join(f"{key}={value}" for key, value in row.items()) for row in rows]
    return sorted(lines)


async def read_tables(connection: Connection) -> Tables:
    """Sort the tables into those of tenants, which carry merchant_id, and the shared ones."""
    found = await columns(connection)
    tenant = {row["table"] for row in found if row["column"] == "merchant_id"}
    everything = {row["table"] for row in found}
    return Tables(
        tenant=frozenset(tenant - SHARED_TABLES.keys()),
        shared=frozenset(everything & SHARED_TABLES.keys()),
    )
