"""Write down the schema as it stands: `python -m guerdon.store.schema` renews schema.sql.

It is read from the catalogue and not from pg_dump, whose text changes from one version to the next.
"""

import sys
import tempfile
from pathlib import Path

import psycopg

from guerdon.domain.errors import Invalid
from guerdon.store import embedded, migrating

PATH = Path(__file__).parent / "schema.sql"

_HEAD = (
    "-- The whole schema, for readers. Made by `python -m guerdon.store.schema`; a test proves\n"
    "-- that it is what the migrations build. To change the schema, add a migration.\n"
)

# The tables of the migration tool are its own affair.
_NOT_OURS = ("yoyo_lock", "_yoyo_log", "_yoyo_migration", "_yoyo_version")

_TABLES = """
SELECT c.oid, c.relname, coalesce(array_to_string(c.reloptions, ', '), '')
FROM pg_class AS c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> ALL (%s)
ORDER BY c.relname
"""

_COLUMNS = """
SELECT
    a.attname,
    format_type(a.atttypid, a.atttypmod),
    CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END,
    a.attnotnull,
    a.attidentity::text,
    a.attgenerated::text,
    pg_get_expr(d.adbin, d.adrelid)
FROM pg_attribute AS a
JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""

# NOT NULL is written with its column; only PostgreSQL 18 also lists it as a constraint.
_CONSTRAINTS = """
SELECT conname, contype::text, pg_get_constraintdef(oid)
FROM pg_constraint
WHERE conrelid = %s AND contype IN ('p', 'u', 'c', 'x', 'f')
ORDER BY array_position(ARRAY['p', 'u', 'x', 'c', 'f'], contype::text), conname
"""

_INDEXES = """
SELECT pg_get_indexdef(i.indexrelid)
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
WHERE
    i.indrelid = %s
    AND NOT EXISTS (
        SELECT 1 FROM pg_constraint AS k
        WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
    )
ORDER BY c.relname
"""

# Whatever this page could not show is looked for, so that it is never silently left out.
_STRANGERS = """
SELECT 'relation ' || relname
FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind NOT IN ('r', 'i', 'S')
UNION ALL
SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL
SELECT 'type ' || typname
FROM pg_type
WHERE typnamespace = 'public'::regnamespace AND typtype IN ('d', 'e', 'r')
UNION ALL
SELECT 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT 'sequence ' || c.relname
FROM pg_class AS c
WHERE
    c.relnamespace = 'public'::regnamespace AND c.relkind = 'S'
    AND NOT EXISTS (
        SELECT 1 FROM pg_depend AS d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'i'
    )
ORDER BY 1
"""


class UnknownSchemaObject(Invalid):
    """The database holds something that schema.sql has no way to show."""

    code = "unknown_schema_object"


def render(url: str) -> str:
    """Give the text of schema.sql for a database: the same text for the same schema, on 15 to 18.

    Its statements build that schema in an empty database. Blocks. Refuses with UnknownSchemaObject
    rather than leave something out (a view, a trigger, a function).
    """
    with psycopg.connect(url, autocommit=True) as connection:
        strangers = [str(row[0]) for row in connection.execute(_STRANGERS)]
        if strangers:
            raise UnknownSchemaObject(", ".join(strangers))
        tables = connection.execute(_TABLES, (list(_NOT_OURS),)).fetchall()
        parts = [_HEAD]
        references: list[str] = []
        for oid, name, options in tables:
            parts.append(_render_table(connection, oid, str(name), str(options), references))
        # Tables stand in the order of their names, so what refers to another comes after them all.
        if references:
            parts.append("\n".join(references) + "\n")
        return "\n".join(parts)


def _render_table(
    connection: psycopg.Connection[tuple[object, ...]],
    oid: object,
    name: str,
    options: str,
    references: list[str],
) -> str:
    lines = [_render_column(row) for row in connection.execute(_COLUMNS, (oid,))]
    for constraint, kind, definition in connection.execute(_CONSTRAINTS, (oid,)):
        if kind == "f":
            references.append(f"ALTER TABLE {name} ADD CONSTRAINT {constraint} {definition};")
        else:
            lines.append(f"CONSTRAINT {constraint} {definition}")
    body = ",\n".join(f"    {line}" for line in lines)
    storage = f" WITH ({options})" if options else ""
    text = f"CREATE TABLE {name} (\n{body}\n){storage};\n"
    for (index,) in connection.execute(_INDEXES, (oid,)):
        text += f"{index};\n".replace(" ON public.", " ON ")
    return text


def _render_column(row: tuple[object, ...]) -> str:
    name, kind, collation, is_not_null, identity, generated, expression = row
    words = [str(name), str(kind)]
    if collation is not None:
        words.append(f"COLLATE {collation}")
    if identity:
        words.append(f"GENERATED {'ALWAYS' if identity == 'a' else 'BY DEFAULT'} AS IDENTITY")
    elif generated:
        words.append(f"GENERATED ALWAYS AS ({expression}) STORED")
    elif expression is not None:
        words.append(f"DEFAULT {expression}")
    if is_not_null:
        words.append("NOT NULL")
    return " ".join(words)


def _main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="guerdon-schema-") as folder,
        embedded.start(Path(folder)) as server,
    ):
        migrating.migrate(server.url)
        PATH.write_text(render(server.url), encoding="utf-8")
    sys.stdout.write(f"{PATH} is what the migrations build.\n")


if __name__ == "__main__":
    _main()
