"""What can be said of Citus without a cluster: the order of tables, and a server that lacks it."""

import asyncpg
import pytest

from guerdon.store import citus


async def test_parents_are_spread_before_their_children(pool: asyncpg.Pool) -> None:
    rows = await pool.fetch(
        "SELECT DISTINCT table_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_name = 'merchant_id'"
    )
    foreign = await pool.fetch(
        "SELECT conrelid::regclass::text AS child, confrelid::regclass::text AS parent"
        " FROM pg_constraint WHERE contype = 'f'"
    )
    tables = {row["table_name"] for row in rows}
    parents = [(row["child"], row["parent"]) for row in foreign]
    order = citus.in_order(tables, parents)
    assert order[:3] == ["merchants", "keys", "sequences"]
    assert sorted(order) == sorted(tables)
    assert all(order.index(parent) < order.index(child) for child, parent in parents)


def test_a_server_without_citus_is_told_so(database_url: str) -> None:
    with pytest.raises(citus.CitusMissing, match="The server has no Citus"):
        citus.distribute(database_url)


def test_tables_that_refer_in_a_circle_are_a_mistake() -> None:
    with pytest.raises(AssertionError, match="circle"):
        citus.in_order({"a", "b"}, [("a", "b"), ("b", "a")])
