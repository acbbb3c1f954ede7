"""`guerdon webhooks`: who is told of events, and whether they take it."""

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from guerdon.cli.console import fail, note, out

if TYPE_CHECKING:
    from guerdon.domain.ids import SubscriptionId
    from guerdon.domain.subscription import Subscription
    from guerdon.engine.trying import Tried

    # Failures in a row, and since when.
    Failing = dict[SubscriptionId, tuple[int, datetime]]

commands = typer.Typer(no_args_is_help=True, help="Webhooks: list, test, make a secret.")

_Merchant = Annotated[
    str | None, typer.Option("--merchant", "-m", help="The merchant's slug, if there are several.")
]


@commands.command("list")
def list_(
    merchant: _Merchant = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List webhooks, and which of them fail. Secrets are never shown."""
    hooks, failing = asyncio.run(_list(merchant))
    if as_json:
        import json

        print(json.dumps([_facts(hook, failing) for hook in hooks], indent=2))
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table("id", "url", "dialect", "events", "made by", "is on", "failures", "since")
    for hook in hooks:
        failures, since = failing.get(hook.id, (0, None))
        table.add_row(
            str(hook.id),
            escape(hook.url),
            hook.dialect,
            escape(" ".join(hook.events)),
            "program file" if hook.is_managed else "call",
            "yes" if hook.is_active else "no",
            str(failures or ""),
            f"{since:%Y-%m-%d %H:%M}" if since else "",
        )
    out().print(table)


def _facts(hook: "Subscription", failing: "Failing") -> dict[str, object]:
    failures, since = failing.get(hook.id, (0, None))
    return {
        "id": hook.id,
        "url": hook.url,
        "dialect": hook.dialect,
        "program_id": hook.program_id,
        "events": list(hook.events),
        "description": hook.description,
        "is_active": hook.is_active,
        "is_managed": hook.is_managed,
        "failures": failures,
        "failing_since": since.isoformat() if since else None,
    }


async def _list(merchant_slug: str | None) -> "tuple[list[Subscription], Failing]":
    from guerdon.cli.choosing import choose_merchant
    from guerdon.cli.database import open_store
    from guerdon.config import read_config
    from guerdon.store import webhook_subscriptions
    from guerdon.store.snapshot import snapshot

    async with open_store(read_config()) as pool:
        merchant_id = await choose_merchant(pool, merchant_slug)
        async with snapshot(pool) as view:
            hooks = await webhook_subscriptions.list_all_subscriptions(view, merchant_id)
            return hooks, await webhook_subscriptions.list_failures(view, merchant_id)


@commands.command("test")
def try_(
    webhook: Annotated[
        str, typer.Argument(help="The webhook's id or address, as listed.", show_default=False)
    ],
    event: Annotated[
        str | None, typer.Option(help="One of its events; the first, where not given.")
    ] = None,
    merchant: _Merchant = None,
) -> None:
    """Send a webhook one made-up event, signed like a real one, and say what it answered."""
    from guerdon.domain.delivery import Delivered

    tried = asyncio.run(_test(merchant, webhook, event))
    if not isinstance(tried.verdict, Delivered):
        fail(f"{tried.event} was not taken by {tried.url}: {tried.verdict.reason}")
    note(f"{tried.event} was taken by {tried.url}")


async def _test(merchant_slug: str | None, webhook: str, event: str | None) -> "Tried":
    from guerdon.cli.choosing import choose_merchant
    from guerdon.cli.database import open_store
    from guerdon.cli.running import open_runtime
    from guerdon.config import read_config
    from guerdon.engine.trying import try_webhook
    from guerdon.store import webhook_subscriptions
    from guerdon.store.snapshot import snapshot

    config = read_config()
    async with open_store(config) as pool:
        merchant_id = await choose_merchant(pool, merchant_slug)
        async with snapshot(pool) as view:
            hooks = await webhook_subscriptions.list_all_subscriptions(view, merchant_id)
        hook_id = _choose(hooks, webhook)
        async with open_runtime(config, pool) as runtime:
            return await try_webhook(runtime, merchant_id, hook_id, event)


def _choose(hooks: "list[Subscription]", named: str) -> "SubscriptionId":
    from guerdon.cli.id_forms import id_forms

    found = [
        hook
        for hook in hooks
        if named in {str(hook.id), hook.url, *id_forms("webhook", hook.id).values()}
    ]
    if not found:
        fail(f"there is no webhook {named!r}; see: guerdon webhooks list")
    if len(found) > 1:
        ids = ", ".join(str(hook.id) for hook in found)
        fail(f"several webhooks go to {named}; name one of them by its id: {ids}")
    return found[0].id


@commands.command()
def secret() -> None:
    """Print a new secret for a webhook in our own form; it is kept nowhere."""
    from guerdon.adapters.webhooks.standard import make_secret

    print(make_secret())


@commands.command("site-secret")
def site_secret(
    merchant: _Merchant = None,
    program: Annotated[
        str | None, typer.Option("--program", "-p", help="The program, if there are several.")
    ] = None,
    from_env: Annotated[
        str | None,
        typer.Option(help="Replace it by what this environment variable holds."),
    ] = None,
) -> None:
    """Print what signs the webhooks that are subscribed to in the LoyaltyLion dialect.

    With --from-env it is replaced, also where they are subscribed to already: so receivers that
    know a shop's site secret go on as they are."""
    print(asyncio.run(_site_secret(merchant, program, from_env)))


async def _site_secret(
    merchant_slug: str | None, program_slug: str | None, variable: str | None
) -> str:
    import os

    from guerdon.cli.choosing import choose_catalogue, choose_program
    from guerdon.cli.database import open_store
    from guerdon.cli.running import make_runtime
    from guerdon.config import read_config, read_secret
    from guerdon.engine.subscribing import Scope, tell_shared_secret

    config = read_config()
    secret = None
    if variable is not None:
        secret = read_secret(os.environ, variable)
        if secret is None:
            fail(f"{variable} is not set")
    async with open_store(config) as pool:
        catalogue = await choose_catalogue(pool, merchant_slug)
        program = choose_program(catalogue, program_slug)
        scope = Scope(
            merchant_id=catalogue.merchant.id, dialect="loyaltylion", program_id=program.id
        )
        return await tell_shared_secret(make_runtime(config, pool), scope, secret)
