"""Spreads the tables over a Citus cluster, all by merchant, side by side."""

import psycopg
from psycopg import sql

# Nobody's in particular: every node keeps a copy.
REFERENCE_TABLES = ("merchants", "keys")
# The first to be spread; the others follow it shard by shard.
ANCHOR = "sequences"

_TABLES = """
SELECT c.relname,
    (SELECT p.partmethod FROM pg_dist_partition p WHERE p.logicalrelid = c.oid) AS method
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'merchant_id' AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
"""
# A table is spread after those that its foreign keys name.
_PARENTS = """
SELECT f.conrelid::regclass::text, f.confrelid::regclass::text
FROM pg_constraint f
WHERE f.contype = 'f' AND f.conrelid <> f.confrelid
"""


class CitusMissing(Exception):
    """The server has no Citus: install it, name it in shared_preload_libraries, and restart."""


def distribute(url: str) -> list[str]:
    """Spread every tenant table by merchant_id, side by side; give the tables newly spread.

    Blocks. A table spread before is left alone, so it may be run after each migration. Raises
    CitusMissing on a server without the extension."""
    with psycopg.connect(url) as connection:
        try:
            connection.execute("CREATE EXTENSION IF NOT EXISTS citus")
        except psycopg.Error as error:
            raise CitusMissing(f"{CitusMissing.__doc__} ({error})") from error
        methods = {row[0]: row[1] for row in connection.execute(_TABLES)}
        parents = [(row[0], row[1]) for row in connection.execute(_PARENTS)]
        spread: list[str] = []
        for table in in_order(set(methods), parents):
            if methods[table] is None:
                connection.execute(_call(table))
                spread.append(table)
    return spread


def in_order(tables: set[str], parents: list[tuple[str, str]]) -> list[str]:
    """Order tables so that each comes after those it refers to; the shared ones and the anchor
    first."""
    order = [table for table in (*REFERENCE_TABLES, ANCHOR) if table in tables]
    left = sorted(tables - set(order))
    while left:
        ready = [
            table
            for table in left
            if all(parent in order for child, parent in parents if child == table)
        ]
        if not ready:
            message = f"tables refer to each other in a circle: {', '.join(left)}"
            raise AssertionError(message)
        order += ready
        left = [table for table in left if table not in ready]
    return order


def _call(table: str) -> sql.Composed:
    if table in REFERENCE_TABLES:
        return sql.SQL("SELECT create_reference_table({})").format(table)
    if table == ANCHOR:
        return sql.SQL("SELECT create_distributed_table({}, 'merchant_id')").format(table)
    return sql.SQL(
        "SELECT create_distributed_table({}, 'merchant_id', colocate_with => {})"
    ).format(table, ANCHOR)
