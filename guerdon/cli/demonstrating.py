"""`guerdon demo`: a shop, a shopper, a reward, and the proof, on a private database."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from guerdon.cli.console import fail, out

if TYPE_CHECKING:
    from guerdon.cli.demo_shop import DemoShop
    from guerdon.config import Config
    from guerdon.domain.blueprint import Blueprint
    from guerdon.domain.member import Member

commands = typer.Typer()


@commands.command()
def demo() -> None:
    """Set up a demo shop, redeem a reward through each dialect, and prove the ledger."""
    from guerdon.cli.database import open_database
    from guerdon.cli.demo_world import outside_world
    from guerdon.config import read_config

    config = read_config()
    if not config.is_embedded:
        fail(
            "the demo puts a made-up shop into a database of its own; "
            "unset GUERDON_DATABASE_URL to run it"
        )
    with open_database(config) as url, outside_world() as world:
        _step("A private PostgreSQL", f"in {config.data_dir}")
        _migrate(url)
        _step("The outside world", f"Shopify, Klaviyo, Omnisend and Postscript, played on {world}")
        is_proven = asyncio.run(_play(config, url, world))
    if not is_proven:
        raise typer.Exit(1)


def _step(title: str, detail: str) -> None:
    from rich.markup import escape

    out().print(f"[bold green]✓[/] [bold]{escape(title)}[/] {escape(detail)}")


def _migrate(url: str) -> None:
    from guerdon.store import migrating

    applied = migrating.migrate(url)
    _step("The schema", f"{len(applied)} migrations applied" if applied else "is the newest")


def demo_key(config: "Config", dialect: str) -> str:
    """Give the demo shop's key: the same at every run in this data folder, and no other's."""
    import hashlib
    import hmac

    told = hmac.new(config.get_secret_key().encode(), f"demo {dialect}".encode(), hashlib.sha256)
    return f"demo_{dialect}_{told.hexdigest()[:40]}"


def demo_blueprint(config: "Config", world: str) -> "Blueprint":
    """Read the demo's program file, which comes with the package, for a sandbox at an address."""
    from importlib import resources

    from guerdon.cli.demo_world import PORT
    from guerdon.cli.program_checks import to_blueprint
    from guerdon.cli.program_file import decode_program_file
    from guerdon.cli.running import url_rules

    text = resources.files("guerdon.cli").joinpath("demo.yaml").read_text("utf-8")
    return to_blueprint(
        decode_program_file(text.replace(f"http://127.0.0.1:{PORT}", world), "demo.yaml"),
        source="demo.yaml",
        environment={
            "DEMO_MAGE_KEY": demo_key(config, "mage"),
            "DEMO_LION_KEY": demo_key(config, "loyaltylion"),
            "DEMO_VOUCHER_ID": demo_key(config, "voucherify_id"),
            "DEMO_VOUCHER_KEY": demo_key(config, "voucherify"),
            "DEMO_TOKEN": "demo",
        },
        warn=lambda _: None,
        url_rules=url_rules(config),
    )


async def _play(config: "Config", url: str, world: str) -> bool:
    from guerdon.cli.demo_shop import DemoShop
    from guerdon.cli.demo_world import Arrivals, print_arrivals
    from guerdon.cli.running import make_runtime
    from guerdon.engine import applying
    from guerdon.engine.submitting import Ledger
    from guerdon.store.connection import open_pool

    blueprint = demo_blueprint(config, world)
    pool = await open_pool(url, size=4, application="guerdon demo")
    try:
        runtime = make_runtime(config, pool)
        differences = await applying.apply(runtime, blueprint)
        slug = blueprint.merchant.slug
        _step(
            "The demo shop",
            f"{slug}: {len(differences)} differences applied"
            if differences
            else f"{slug} is there",
        )
        shop = await DemoShop.open(Ledger(runtime), slug)
        shopper = await shop.enrol()
        _step(
            "A shopper",
            f"{shopper.external_id} ({shopper.email}) joined and has points of two lots",
        )
        with _server() as base:
            _step("The server", f"on {base}, for as long as the demo runs")
            await shop.redeem_by_mage(base, demo_key(config, "mage"), shopper)
            code = await shop.redeem_in_shopify(base, demo_key(config, "mage"), shopper)
            lion_points = await shop.claim_by_loyaltylion(
                base, demo_key(config, "loyaltylion"), shopper
            )
            pair = demo_key(config, "voucherify_id"), demo_key(config, "voucherify")
            points_spent = await shop.purchase_by_voucherify(base, pair, shopper)
            arrivals = Arrivals(
                world,
                shopper.external_id,
                code=code,
                reward_name=shop.shopify_reward.name,
                points_redeemed=shop.reward.points_cost
                + shop.shopify_reward.points_cost
                + lion_points
                + points_spent,
            )
            print_arrivals(await asyncio.to_thread(arrivals.await_all))
        is_proven = await shop.prove()
        _say_what_next(config, shop, shopper)
        return is_proven
    finally:
        await pool.close()


@contextmanager
def _server() -> Iterator[str]:
    """Run `guerdon serve` with its worker on a free port of the loopback interface."""
    import subprocess
    import sys

    options = "--host 127.0.0.1 --port 0 --workers 1 --with-worker".split()
    server = subprocess.Popen(  # noqa: S603 -- it is our own program
        [sys.executable, "-m", "guerdon", "serve", *options],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert server.stderr is not None
        said = ""
        for line in server.stderr:
            said += line
            if line.startswith("serving on "):
                yield line.removeprefix("serving on ").strip()
                return
        fail(f"the server did not start:\n{said}")
    finally:
        server.terminate()
        server.communicate(timeout=30)


def _say_what_next(config: "Config", shop: "DemoShop", shopper: "Member") -> None:
    import json
    import shlex

    from rich.markup import escape

    from guerdon.cli.demo_voucher import purchase_path
    from guerdon.store.embedded import default_data_dir

    folder = ""
    if config.data_dir != default_data_dir({}):
        folder = f"GUERDON_DATA_DIR={shlex.quote(str(config.data_dir))} "
    key, lion_key = demo_key(config, "mage"), demo_key(config, "loyaltylion")
    app_id, token = demo_key(config, "voucherify_id"), demo_key(config, "voucherify")
    external_id = shopper.external_id
    claim = json.dumps({"reward_id": shop.custom_reward.id})
    body = {"customer_identifier": external_id}
    purchases = purchase_path(shop.program.id, shopper.id)
    lines = [
        f"{folder}make serve",
        ".venv/bin/guerdon sandbox    # beside it; http://127.0.0.1:8800 shows what arrives",
        f"curl -H 'Authorization: {key}' http://127.0.0.1:8700/mage/v1/rewards",
        f"curl -H 'Authorization: {key}' http://127.0.0.1:8700/mage/v1/customers/{external_id}",
        f"curl -X POST -H 'Authorization: {key}' -H 'Idempotency-Key: my-first-try' \\",
        f"  -H 'Content-Type: application/json' -d '{json.dumps(body)}' \\",
        f"  http://127.0.0.1:8700/mage/v1/rewards/{shop.reward_id()}/purchase",
        f"curl -H 'Authorization: Bearer {lion_key}' -H 'Content-Type: application/json' \\",
        f"  -d '{claim}' \\",
        f"  http://127.0.0.1:8700/loyaltylion/v2/customers/{external_id}/claimed_rewards",
        f"curl -H 'X-App-Id: {app_id}' -H 'X-App-Token: {token}' \\",
        f"  http://127.0.0.1:8700{purchases}",
        f"{folder}.venv/bin/guerdon show",
    ]
    console = out()
    console.print(f"\nThe shop stays in {escape(str(config.data_dir))}. To go on with it:\n")
    for line in lines:
        console.print(f"  {line}", markup=False)
