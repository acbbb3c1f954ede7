"""`guerdon migrate`."""

from typing import Annotated

import typer

from guerdon.cli.console import fail

commands = typer.Typer()


@commands.command()
def migrate(
    plan: Annotated[bool, typer.Option("--plan", help="Only say what would be applied.")] = False,
    citus: Annotated[
        bool, typer.Option("--citus", help="Then spread the tables over a Citus cluster.")
    ] = False,
) -> None:
    """Bring the database's schema to the newest version."""
    from guerdon.cli.database import open_database
    from guerdon.config import read_config
    from guerdon.store import migrating
    from guerdon.store.citus import CitusMissing, distribute

    with open_database(read_config()) as url:
        names = migrating.pending(url) if plan else migrating.migrate(url)
        verb = "would apply" if plan else "applied"
        for name in names:
            print(f"{verb} {name}")
        if not names:
            print("the schema is the newest")
        if citus and not plan:
            try:
                spread = distribute(url)
            except CitusMissing as error:
                fail(str(error))
            print(f"spread {', '.join(spread)}" if spread else "every table is spread already")
