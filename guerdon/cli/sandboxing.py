"""`guerdon sandbox`: the outside world on this machine, to try Guerdon without a shop."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from guerdon.cli.console import fail, note, out

if TYPE_CHECKING:
    from guerdon.cli.sandbox_comparing import Said

commands = typer.Typer(invoke_without_command=True)

_SHOP = "north-shelf.myshopify.com"

DIFFERENT = 1


@commands.callback()
def sandbox(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8800,
    real_throttle: Annotated[
        bool,
        typer.Option("--real-throttle", help="Give back points as slowly as Shopify does."),
    ] = False,
    strict_customers: Annotated[
        bool,
        typer.Option("--strict-customers", help="Refuse customers that were not added first."),
    ] = False,
    beyond_loopback: Annotated[
        bool,
        typer.Option(
            "--beyond-loopback",
            help="Listen where other machines can reach it; it lets in everybody.",
        ),
    ] = False,
) -> None:
    """Play Shopify, Klaviyo, Omnisend, Postscript and a receiver of webhooks."""
    if context.invoked_subcommand is not None:
        return
    try:
        from guerdon.sandbox.app import SandboxApp
    except ModuleNotFoundError as error:
        if error.name != "graphql":
            raise
        fail("the sandbox needs graphql-core; install the extra: pip install 'guerdon[sandbox]'")
    import uvicorn

    from guerdon.sandbox.browsing import is_loopback
    from guerdon.sandbox.shopify.throttle import GENEROUS, REAL

    if not is_loopback(host) and not beyond_loopback:
        fail(f"{host} can be reached from elsewhere; say --beyond-loopback to listen there")
    app = SandboxApp(
        strict_customers=strict_customers,
        rate=REAL if real_throttle else GENEROUS,
        any_host=beyond_loopback,
    )
    _print_addresses(f"http://{f'[{host}]' if ':' in host else host}:{port}")
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        # Calls that a fault holds open have no end of their own.
        timeout_graceful_shutdown=1,
    )


@commands.command()
def compare(
    url: Annotated[str, typer.Option(help="Where the sandbox listens.")] = "http://127.0.0.1:8800",
    merchant: Annotated[str | None, typer.Option(help="The merchant, by its slug.")] = None,
    shop: Annotated[
        str | None, typer.Option(help="The shop's domain, if not the one connected to.")
    ] = None,
) -> None:
    """Compare the ledger with what the sandbox was given. Exits with 1 where they differ."""
    import httpx

    from guerdon.cli.sandbox_comparing import compare as list_differences
    from guerdon.engine.runtime import utc_now

    try:
        came = httpx.get(f"{url.rstrip('/')}/_control/state", timeout=60, trust_env=False)
        state: dict[str, Any] = came.raise_for_status().json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        fail(f"no sandbox answers at {url}: {error}")
    said, connected = asyncio.run(_read_said(merchant))
    domain = shop or connected
    if domain is None:
        fail("the merchant is connected to no shop; name one with --shop")
    differences = list_differences(said, state, domain, utc_now())
    for line in differences:
        out().print(line, markup=False)
    if differences:
        fail(f"{len(differences)} difference(s)", exit_code=DIFFERENT)
    out().print(
        f"{len(said.redemptions)} redemption(s) and {len(said.deliveries)} deliveries: all as told"
    )


async def _read_said(slug: str | None) -> "tuple[Said, str | None]":
    """Read what the merchant's database says, and which shop it is connected to."""
    from guerdon.cli.choosing import choose_catalogue
    from guerdon.cli.database import open_store
    from guerdon.cli.sandbox_comparing import read_said
    from guerdon.config import read_config
    from guerdon.store.integrations import list_integrations
    from guerdon.store.snapshot import snapshot

    async with open_store(read_config()) as pool:
        merchant = (await choose_catalogue(pool, slug)).merchant
        async with snapshot(pool) as view:
            integrations = await list_integrations(view, merchant.id)
        shops = [one.definition.get("shop") for one, _ in integrations if one.kind == "shopify"]
        said = await read_said(pool, merchant.id, merchant.slug)
        return said, shops[0] if shops else None


def _print_addresses(url: str) -> None:
    """Print the part of a program file that leads to the sandbox."""
    lines = [
        "integrations:",
        f"  shopify: {{shop: {_SHOP}, token_env: SHOPIFY_TOKEN, base_url: {url}/shopify/{_SHOP}}}",
        f"  klaviyo: {{key_env: KLAVIYO_KEY, base_url: {url}/klaviyo}}",
        f"  omnisend: {{key_env: OMNISEND_KEY, base_url: {url}/omnisend}}",
        f"  postscript: {{key_env: POSTSCRIPT_KEY, base_url: {url}/postscript}}",
        f"# webhooks can be sent to {url}/hooks/ANY-NAME",
    ]
    out().print("\n".join(lines), markup=False)
    note(
        f"any token or key will do that does not begin with 'bad'; what arrives is shown at {url}/"
    )
