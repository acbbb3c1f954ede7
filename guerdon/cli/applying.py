"""`guerdon apply`."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from guerdon.cli.console import note, out, warn

if TYPE_CHECKING:
    from guerdon.config import Config
    from guerdon.domain.blueprint import Blueprint, Difference
    from guerdon.store.connection import Pool

commands = typer.Typer()

_SIGNS = {
    "add": "[green]+[/]",
    "restore": "[green]+[/]",
    "change": "[yellow]~[/]",
    "archive": "[red]-[/]",
    "revoke": "[red]-[/]",
    "remove": "[red]-[/]",
}


@commands.command()
def apply(
    file: Annotated[Path, typer.Argument(help="The program file, in YAML.", show_default=False)],
    plan: Annotated[
        bool, typer.Option("--plan", help="Only print the difference; write nothing.")
    ] = False,
) -> None:
    """Make a merchant and its programs equal to a program file.

    What the file leaves out is archived, never deleted. Applying twice changes nothing."""
    from guerdon.cli.program_checks import to_blueprint
    from guerdon.cli.program_file import read_program_file
    from guerdon.cli.running import url_rules
    from guerdon.config import read_config

    blueprint = to_blueprint(
        read_program_file(file),
        source=str(file),
        environment=os.environ,
        warn=warn,
        url_rules=url_rules(read_config()),
    )
    differences = asyncio.run(apply_blueprint(blueprint, is_plan=plan))
    print_differences(differences)
    if not differences:
        note(f"{blueprint.merchant.slug} is as the file says; nothing to do")
        return
    count = "1 difference" if len(differences) == 1 else f"{len(differences)} differences"
    if plan:
        note(f"{count}; nothing was written")
    else:
        note(f"{count} applied to {blueprint.merchant.slug}")


async def apply_blueprint(blueprint: "Blueprint", *, is_plan: bool) -> "list[Difference]":
    """Make the merchant equal to the blueprint, or only say what that would take."""
    from guerdon.cli.database import open_store
    from guerdon.cli.running import make_runtime
    from guerdon.config import read_config
    from guerdon.engine import applying
    from guerdon.engine.probing import calls_for_probes

    config = read_config()
    needs_seal = bool(blueprint.integrations or blueprint.webhooks)
    async with open_store(config) as pool:
        runtime = make_runtime(config, pool, needs_seal=needs_seal)
        if is_plan:
            return await applying.plan(runtime, blueprint)
        differences = await applying.apply(runtime, blueprint)
        has_endpoint = any(each.kind == "endpoint" for each in blueprint.integrations)
        if has_endpoint and calls_for_probes(differences):
            await _probe(config, pool, blueprint.merchant.slug, differences)
        return differences


async def _probe(
    config: "Config", pool: "Pool", slug: str, differences: "list[Difference]"
) -> None:
    """Try the endpoint of rewards that are new or changed, and say what came of it."""
    from guerdon.cli.running import open_runtime
    from guerdon.engine.probing import probe_changed

    async with open_runtime(config, pool) as runtime:
        for probed in await probe_changed(runtime, slug, differences):
            if probed.failure is None:
                note(f"the endpoint takes calls for reward {probed.reward}")
            else:
                warn(f"reward {probed.reward}, test call: {probed.failure}")


def print_differences(differences: "list[Difference]") -> None:
    """Print one line for each thing, and under it what changes."""
    from rich.markup import escape

    console = out()
    for difference in differences:
        sign = _SIGNS[difference.act]
        console.print(f"{sign} {difference.act} {escape(difference.path)}")
        for name, (before, after) in difference.changes.items():
            console.print(f"    {escape(name)}: {escape(before)} → {escape(after)}")
