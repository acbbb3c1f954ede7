"""Everything PostgreSQL: statements, rows turned into values, migrations."""
