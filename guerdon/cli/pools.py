"""`guerdon pool`: codes uploaded for rewards."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from guerdon.cli.console import fail, note

commands = typer.Typer(
    no_args_is_help=True, help="Codes uploaded for rewards that take from a pool."
)


@commands.callback()
def root() -> None:
    """Codes uploaded for rewards that take from a pool."""


@commands.command()
def add(
    file: Annotated[Path, typer.Argument(help="One code a line.", show_default=False)],
    reward: Annotated[str, typer.Option("--reward", "-r", help="PROGRAM/REWARD, by slug.")],
    merchant: Annotated[
        str | None,
        typer.Option("--merchant", "-m", help="The merchant's slug, if there are several."),
    ] = None,
) -> None:
    """Add the codes of a file to a reward's pool; one that is there already is left out."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        fail(f"{file} is not UTF-8 text")
    # A file with one code twice is as good as with it once.
    codes = list(dict.fromkeys(filter(None, (line.strip() for line in lines))))
    added = asyncio.run(_add(merchant, reward, codes))
    note(f"{added} codes added to {reward}, {len(codes) - added} were there already")


async def _add(merchant_slug: str | None, reward_name: str, codes: list[str]) -> int:
    from guerdon.cli.choosing import choose_catalogue, choose_reward
    from guerdon.cli.database import open_store
    from guerdon.cli.running import make_runtime
    from guerdon.config import read_config
    from guerdon.engine.pooling import add_codes

    config = read_config()
    async with open_store(config) as pool:
        catalogue = await choose_catalogue(pool, merchant_slug)
        reward = choose_reward(catalogue, reward_name)
        return await add_codes(make_runtime(config, pool), catalogue.merchant.id, reward.id, codes)
