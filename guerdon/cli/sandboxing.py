"""`guerdon sandbox`: the outside world on this machine, to try Guerdon without a shop."""

from typing import Annotated

import typer

from guerdon.cli.console import fail, note, out

commands = typer.Typer(invoke_without_command=True)

_SHOP = "north-shelf.myshopify.com"


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
