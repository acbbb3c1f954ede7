"""Finds what no statement of the store may hold, wherever in it that stands."""

from collections.abc import Iterator

from pglast import ast

_CLOCKS = {
    "clock_timestamp",
    "now",
    "statement_timestamp",
    "timeofday",
    "transaction_timestamp",
}
_VOLATILE = {
    "currval",
    "gen_random_bytes",
    "gen_random_uuid",
    "lastval",
    "nextval",
    "pg_current_xact_id",
    "pg_sleep",
    "random",
    "random_normal",
    "setval",
    "txid_current",
    "uuid_generate_v1",
    "uuid_generate_v4",
    "uuidv4",
    "uuidv7",
}
_SESSION = ("pg_advisory", "pg_try_advisory", "pg_notify")


def find_banned(root: ast.Node) -> list[str]:
    """Say every banned function, clock and star of a statement."""
    return sorted(set(_walk(root, is_update=False)))


def _walk(value: object, *, is_update: bool) -> Iterator[str]:
    if isinstance(value, tuple):
        for item in value:
            yield from _walk(item, is_update=is_update)
        return
    if not isinstance(value, ast.Node):
        return
    is_update = is_update or isinstance(
        value, ast.UpdateStmt | ast.DeleteStmt | ast.OnConflictClause
    )
    if isinstance(value, ast.FuncCall):
        yield from _judge_call(value.funcname[-1].sval, is_update=is_update)
    elif isinstance(value, ast.SQLValueFunction):
        yield "reads the clock or the session; time is a parameter"
    elif isinstance(value, ast.ColumnRef) and isinstance(value.fields[-1], ast.A_Star):
        yield "takes a star; columns are listed"
    for name in value:
        yield from _walk(getattr(value, name), is_update=is_update)


def _judge_call(name: str, *, is_update: bool) -> Iterator[str]:
    if name in _CLOCKS:
        yield f"calls {name}(); time is a parameter"
    elif name in _VOLATILE and is_update:
        yield f"calls {name}() in an UPDATE or DELETE; a shard may run it more than once"
    elif name.startswith(_SESSION):
        yield f"calls {name}(), which does not reach across a cluster"
