"""`guerdon pool`: codes that rewards take from a pool, uploaded or minted ahead."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from guerdon.cli.console import fail, note, out

if TYPE_CHECKING:
    from guerdon.domain.catalogue import Catalogue, Reward
    from guerdon.store.pool_mints import OpenMint

commands = typer.Typer(no_args_is_help=True, help="Codes of rewards that take from a pool.")


@commands.callback()
def root() -> None:
    """Codes of rewards that take from a pool."""


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


@commands.command("list")
def list_(
    json_form: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    merchant: Annotated[
        str | None,
        typer.Option("--merchant", "-m", help="The merchant's slug, if there are several."),
    ] = None,
) -> None:
    """Show what is left in each pool, and what is on its way into it."""
    pools = asyncio.run(_list(merchant))
    if json_form:
        import msgspec

        print(msgspec.json.format(msgspec.json.encode(pools)).decode())
        return
    if not pools:
        note("no reward takes from a pool")
        return
    from rich.table import Table

    table = Table("reward", "by", "left", "refilled below", "trouble", box=None)
    for pool in pools:
        table.add_row(*("" if value is None else str(value) for value in pool.values()))
    out().print(table)


async def _list(merchant_slug: str | None) -> list[dict[str, str | int | None]]:
    from guerdon.cli.choosing import choose_catalogue
    from guerdon.cli.database import open_store
    from guerdon.cli.running import make_runtime
    from guerdon.config import read_config
    from guerdon.engine.refilling import list_pools

    config = read_config()
    async with open_store(config) as pool:
        catalogue = await choose_catalogue(pool, merchant_slug)
        pools = await list_pools(make_runtime(config, pool), catalogue)
    return [_facts(catalogue, *each) for each in pools]


def _facts(
    catalogue: "Catalogue", reward: "Reward", left: int, minting: "OpenMint | None"
) -> dict[str, str | int | None]:
    is_minted = reward.fulfil_by == "shopify_pool"
    return {
        "reward": f"{catalogue.programs[reward.program_id].slug}/{reward.slug}",
        "by": reward.fulfil_by,
        "left": left,
        "low_water": reward.pool_low_water if is_minted else None,
        "trouble": minting.last_error if minting else None,
    }
