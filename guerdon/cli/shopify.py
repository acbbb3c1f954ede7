"""`guerdon shopify`: whether a shop is fit for what is to be done there."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from guerdon.cli.console import fail, note, out

if TYPE_CHECKING:
    from guerdon.adapters.shopify.checking import Finding
    from guerdon.adapters.shopify.shops import Shops
    from guerdon.domain.catalogue import Catalogue
    from guerdon.engine.ports import Connected
    from guerdon.engine.sealing import Seal

    _Act = Callable[[Shops, Connected, Catalogue, Seal], Awaitable[list[Finding]]]

commands = typer.Typer(no_args_is_help=True, help="The shop that a merchant is connected to.")

_Merchant = Annotated[
    str | None, typer.Option("--merchant", "-m", help="The merchant's slug, if there are several.")
]


@commands.callback()
def root() -> None:
    """The shop that a merchant is connected to."""


@commands.command()
def check(merchant: _Merchant = None) -> None:
    """Ask the shop what it is and what may be done there; exit with 1 where something is amiss."""

    async def act(
        shops: "Shops", connected: "Connected", catalogue: "Catalogue", _: "Seal"
    ) -> "list[Finding]":
        from guerdon.adapters.shopify.checking import check_shop

        return await check_shop(shops, connected, catalogue)

    _show(asyncio.run(_ask(merchant, act)))


@commands.command()
def subscribe(
    public_url: Annotated[
        str,
        typer.Argument(help="Where the shop reaches this server: https://points.example"),
    ],
    merchant: _Merchant = None,
) -> None:
    """Have the shop tell this server of orders, refunds and customers; harmless to repeat."""
    if not public_url.startswith("https://"):
        fail("Shopify delivers to https:// addresses only")

    async def act(
        shops: "Shops", connected: "Connected", catalogue: "Catalogue", seal: "Seal"
    ) -> "list[Finding]":
        from guerdon.adapters.shopify.checking import subscribe as subscribe_shop
        from guerdon.engine.receiving import hook_path

        path = hook_path(seal, "shopify", catalogue.merchant.slug)
        return await subscribe_shop(shops, connected, f"{public_url.rstrip('/')}{path}")

    _show(asyncio.run(_ask(merchant, act)))


async def _ask(merchant_slug: str | None, act: "_Act") -> "list[Finding]":
    from guerdon.adapters.shopify.platform import make_shopify
    from guerdon.cli.choosing import choose_catalogue
    from guerdon.cli.database import open_store
    from guerdon.cli.running import make_runtime
    from guerdon.config import read_config
    from guerdon.engine.connections import Connections

    config = read_config()
    async with open_store(config) as pool:
        runtime = make_runtime(config, pool, needs_seal=True)
        assert runtime.seal is not None, "it was asked for"
        catalogue = await choose_catalogue(pool, merchant_slug)
        connections = Connections(pool, runtime.seal)
        connected = await connections.find(catalogue.merchant.id, "shopify")
        if connected is None:
            fail(f"the merchant {catalogue.merchant.slug} is not connected to a shop")
        shops = make_shopify(runtime.now).shops
        try:
            return await act(shops, connected, catalogue, runtime.seal)
        finally:
            await shops.aclose()


def _show(findings: "list[Finding]") -> None:
    from rich.table import Table

    table = Table("", "what", "found", box=None)
    for finding in findings:
        table.add_row("ok" if finding.is_good else "AMISS", finding.what, finding.found)
    out().print(table)
    amiss = sum(not finding.is_good for finding in findings)
    if amiss:
        fail(f"{amiss} of {len(findings)} amiss")
    note("all is well")
