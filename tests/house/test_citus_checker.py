"""Shows that the Citus check finds what it claims to find, and passes what is fit."""

import pytest

from tests.house.citus import Tables, find_faults

_TABLES = Tables(
    tenant=frozenset({"merchants", "wallets", "lots", "draws"}), shared=frozenset({"keys"})
)

_FIT = {
    "one table": "SELECT id FROM wallets WHERE merchant_id = $1 AND id = $2",
    "a cast": "SELECT id FROM wallets AS w WHERE w.merchant_id = $1::bigint",
    "the parameter first": "SELECT id FROM wallets WHERE $1 = merchant_id",
    "a row": "SELECT id FROM wallets WHERE (merchant_id, id) = ($1, $2)",
    "a join": (
        "SELECT l.id FROM wallets w JOIN lots l ON l.merchant_id = w.merchant_id"
        " AND l.wallet_id = w.id WHERE w.merchant_id = $1"
    ),
    "a join by name": "SELECT lots.id FROM wallets JOIN lots USING (merchant_id, wallet_id)"
    " WHERE wallets.merchant_id = $1",
    "an outer join": (
        "SELECT l.id FROM wallets w LEFT JOIN lots l ON l.merchant_id = w.merchant_id"
        " AND l.wallet_id = w.id WHERE w.merchant_id = $1"
    ),
    "a correlated subquery": (
        "SELECT w.id FROM wallets w WHERE w.merchant_id = $1 AND EXISTS"
        " (SELECT 1 FROM lots l WHERE l.merchant_id = w.merchant_id AND l.wallet_id = w.id)"
    ),
    "a lateral subquery": (
        "SELECT w.id, o.points FROM wallets w CROSS JOIN LATERAL (SELECT sum(l.points) AS points"
        " FROM lots l WHERE l.merchant_id = w.merchant_id) AS o WHERE w.merchant_id = $1"
    ),
    "an array of keys": (
        "SELECT w.id FROM unnest($2::bigint[]) AS k(id)"
        " JOIN wallets w ON w.merchant_id = $1 AND w.id = k.id"
    ),
    "a locking read": (
        "SELECT id FROM wallets WHERE merchant_id = $1 AND id = ANY($2) ORDER BY id FOR UPDATE"
    ),
    "a WITH that hands its merchant on": (
        "WITH locked AS (SELECT w.merchant_id, w.id FROM wallets w WHERE w.merchant_id = $1"
        " ORDER BY w.id FOR UPDATE) UPDATE lots SET points = 0 FROM locked"
        " WHERE lots.merchant_id = locked.merchant_id AND lots.wallet_id = locked.id"
    ),
    "an UPDATE inside WITH": (
        "WITH spent AS (UPDATE lots SET points = 0 WHERE merchant_id = $1 RETURNING id)"
        " SELECT id FROM spent"
    ),
    "an update from arrays": (
        "UPDATE lots SET points = u.points FROM unnest($2::bigint[], $3::bigint[])"
        " AS u(id, points) WHERE lots.merchant_id = $1 AND lots.id = u.id"
    ),
    "an insert of values": "INSERT INTO lots (merchant_id, id) VALUES ($1, $2), ($1, $3)",
    "an insert from arrays": (
        "INSERT INTO lots (merchant_id, id) SELECT $1, u.id FROM unnest($2::bigint[]) AS u(id)"
    ),
    "an insert from a table": (
        "INSERT INTO draws (id, merchant_id) SELECT l.id, l.merchant_id FROM lots l"
        " WHERE l.merchant_id = $1"
    ),
    "an upsert": (
        "INSERT INTO lots (merchant_id, id, points) VALUES ($1, $2, $3)"
        " ON CONFLICT (merchant_id, id) DO UPDATE SET points = excluded.points"
    ),
    "a union": (
        "SELECT id FROM lots WHERE merchant_id = $1 UNION ALL"
        " SELECT id FROM draws WHERE merchant_id = $1"
    ),
    "a delete": "DELETE FROM lots USING draws WHERE lots.merchant_id = $1"
    " AND draws.merchant_id = lots.merchant_id",
    "a shared table": "SELECT id FROM keys WHERE secret_hash = $1",
    "a setting": "SET LOCAL statement_timeout = '5s'",
}

_UNFIT = {
    "no filter": ("SELECT id FROM wallets", "reads wallets across merchants"),
    "another column": ("SELECT id FROM lots WHERE id = $1", "reads lots across merchants"),
    "a list of merchants": (
        "SELECT id FROM wallets WHERE merchant_id = ANY($1)",
        "reads wallets across merchants",
    ),
    "an OR": (
        "SELECT id FROM wallets WHERE merchant_id = $1 OR id = $2",
        "reads wallets across merchants",
    ),
    "an inequality": (
        "SELECT id FROM wallets WHERE merchant_id >= $1",
        "reads wallets across merchants",
    ),
    "a literal": ("SELECT id FROM wallets WHERE merchant_id = 7", "reads wallets across merchants"),
    "an unfiltered join": (
        "SELECT l.id FROM wallets w JOIN lots l ON l.wallet_id = w.id WHERE w.merchant_id = $1",
        "reads lots across merchants",
    ),
    "a join of two merchants": (
        "SELECT l.id FROM wallets w, lots l WHERE w.merchant_id = $1 AND l.merchant_id = $2",
        "names more than one merchant",
    ),
    "an outer join that filters its nullable side only": (
        (
            "SELECT l.id FROM wallets w LEFT JOIN lots l ON l.merchant_id = w.merchant_id"
            " AND l.merchant_id = $1"
        ),
        "reads wallets across merchants",
    ),
    "an outer join that filters its other side only": (
        "SELECT l.id FROM wallets w LEFT JOIN lots l ON w.merchant_id = $1",
        "reads wallets across merchants",
    ),
    "a filter in the subquery only": (
        (
            "SELECT w.id FROM wallets w WHERE EXISTS (SELECT 1 FROM lots l"
            " WHERE l.merchant_id = $1 AND l.merchant_id = w.merchant_id)"
        ),
        "reads wallets across merchants",
    ),
    "an unfiltered subquery": (
        (
            "SELECT w.id, (SELECT max(l.id) FROM lots l WHERE l.wallet_id = w.id) AS top"
            " FROM wallets w WHERE w.merchant_id = $1"
        ),
        "reads lots across merchants",
    ),
    "an unfiltered WITH": (
        ("WITH c AS (SELECT merchant_id, id FROM lots) SELECT id FROM c WHERE c.merchant_id = $1"),
        "reads lots across merchants",
    ),
    "one bare side of a union": (
        "SELECT id FROM lots WHERE merchant_id = $1 UNION ALL SELECT id FROM draws",
        "reads draws across merchants",
    ),
    "an update of all": ("UPDATE lots SET points = $1", "reads lots across merchants"),
    "a delete of all": ("DELETE FROM lots WHERE id = $1", "reads lots across merchants"),
    "an insert without": (
        "INSERT INTO lots (id) VALUES ($1)",
        "inserts into lots without naming merchant_id",
    ),
    "an insert of a literal": (
        "INSERT INTO lots (merchant_id, id) VALUES ($1, 1), (2, 2)",
        "inserts into lots a merchant_id that no parameter gives",
    ),
    "an insert of merchants from an array": (
        "INSERT INTO lots (merchant_id) SELECT u.m FROM unnest($1::bigint[]) AS u(m)",
        "inserts into lots a merchant_id that no parameter gives",
    ),
    "an insert inside WITH": (
        (
            "WITH new AS (INSERT INTO lots (merchant_id, id) VALUES ($1, $2) RETURNING id)"
            " SELECT id FROM new"
        ),
        "inserts inside WITH new, which Citus cannot route",
    ),
    "an unordered lock": (
        "SELECT id FROM wallets WHERE merchant_id = $1 FOR UPDATE",
        "locks rows in no order",
    ),
    "a clock": (
        "SELECT id FROM lots WHERE merchant_id = $1 AND expires_at > now()",
        "calls now(); time is a parameter",
    ),
    "a clock in capitals": (
        "SELECT id FROM lots WHERE merchant_id = $1 AND expires_at > CURRENT_TIMESTAMP",
        "reads the clock or the session; time is a parameter",
    ),
    "chance in an update": (
        "UPDATE lots SET points = (random() * 10)::int WHERE merchant_id = $1",
        "calls random() in an UPDATE or DELETE; a shard may run it more than once",
    ),
    "a sequence in an upsert": (
        (
            "INSERT INTO lots (merchant_id, id) VALUES ($1, $2) ON CONFLICT (merchant_id, id)"
            " DO UPDATE SET version = nextval('versions')"
        ),
        "calls nextval() in an UPDATE or DELETE; a shard may run it more than once",
    ),
    "an advisory lock": (
        "SELECT pg_advisory_xact_lock($1)",
        "calls pg_advisory_xact_lock(), which does not reach across a cluster",
    ),
    "a notice": ("NOTIFY ledger", "is a NotifyStmt, which the store does not use"),
    "a listener": ("LISTEN ledger", "is a ListenStmt, which the store does not use"),
    "a table lock": ("LOCK TABLE lots", "is a LockStmt, which the store does not use"),
    "a procedure": (
        "DO $body$ BEGIN NULL; END $body$",
        "is a DoStmt, which the store does not use",
    ),
    "a star": (
        "SELECT lots.* FROM lots WHERE merchant_id = $1",
        "takes a star; columns are listed",
    ),
    "a table that is not there": (
        "SELECT id FROM coupons",
        "names coupons, which the schema has not",
    ),
    "two statements": ("SELECT 1 AS one; SELECT 2 AS two", "holds 2 statements, not one"),
}


@pytest.mark.parametrize("statement", _FIT.values(), ids=_FIT.keys())
def test_fit_statement_has_no_fault(statement: str) -> None:
    assert find_faults(statement, _TABLES) == []


@pytest.mark.parametrize(("statement", "fault"), _UNFIT.values(), ids=_UNFIT.keys())
def test_unfit_statement_is_found(statement: str, fault: str) -> None:
    assert fault in find_faults(statement, _TABLES)


def test_global_read_is_let_through() -> None:
    assert find_faults("SELECT merchant_id FROM merchants", _TABLES, is_global=True) == []


def test_global_mark_may_explain_a_shared_table() -> None:
    assert find_faults("SELECT id FROM keys", _TABLES, is_global=True) == []


def test_global_mark_must_be_needed() -> None:
    faults = find_faults("SELECT id FROM lots WHERE merchant_id = $1", _TABLES, is_global=True)
    assert faults == ["is called global, but is about one merchant"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE lots SET points = 0",
        "DELETE FROM lots WHERE expires_at < $1",
        "SELECT id FROM lots ORDER BY id FOR UPDATE SKIP LOCKED",
        "WITH gone AS (DELETE FROM lots WHERE id = $1 RETURNING id) SELECT id FROM gone",
    ],
)
def test_global_write_is_found(statement: str) -> None:
    faults = find_faults(statement, _TABLES, is_global=True)
    assert "is global, but it writes or locks across merchants" in faults
