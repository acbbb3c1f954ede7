"""The root of the command line: `guerdon COMMAND`.

Each module of commands has a `commands` app, which is added here. Modules import what they run
inside their functions, so that `--help` is quick."""

import sys
from typing import Annotated

import typer

from guerdon import __version__
from guerdon.cli import (
    applying,
    deliveries,
    demonstrating,
    exporting,
    importing,
    inbox,
    keys,
    migrating,
    pools,
    privacy,
    redemptions,
    sandboxing,
    serving,
    shopify,
    showing,
    verifying,
    webhooks,
)
from guerdon.cli.console import err

app = typer.Typer(
    name="guerdon",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for _group in (serving, migrating, applying, showing, verifying, exporting, demonstrating):
    app.add_typer(_group.commands)
app.add_typer(keys.commands, name="keys")
app.add_typer(pools.commands, name="pool")
app.add_typer(deliveries.commands, name="deliveries")
app.add_typer(inbox.commands, name="inbox")
app.add_typer(privacy.commands, name="privacy")
app.add_typer(redemptions.commands, name="redemptions")
app.add_typer(webhooks.commands, name="webhooks")
app.add_typer(shopify.commands, name="shopify")
app.add_typer(importing.commands, name="import")
app.add_typer(sandboxing.commands, name="sandbox")


def _print_version(is_asked: bool) -> None:
    if is_asked:
        print(f"guerdon {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """A self-hosted loyalty engine that speaks the redemption APIs shops already use."""


def main() -> None:
    """Run a command; what the user can put right is said without a stack trace."""
    try:
        app()
    except Exception as error:
        from rich.markup import escape

        from guerdon.cli.failures import explain

        said = explain(error)
        if said is None:
            raise
        err().print(f"[red]error:[/] {escape(said)}")
        sys.exit(1)
