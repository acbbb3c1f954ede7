"""`guerdon keys`: who may call."""

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from guerdon.cli.choosing import ID_MAX
from guerdon.cli.console import fail, note, out

if TYPE_CHECKING:
    from guerdon.domain.key import Key

commands = typer.Typer(no_args_is_help=True, help="API keys: make, list, revoke.")

_Merchant = Annotated[
    str | None, typer.Option("--merchant", "-m", help="The merchant's slug, if there are several.")
]


@commands.command()
def create(
    dialect: Annotated[str, typer.Option(help="mage, loyaltylion or voucherify.")],
    name: Annotated[str, typer.Option(help="What the key is for.")],
    merchant: _Merchant = None,
    program: Annotated[
        str | None, typer.Option("--program", "-p", help="The program, if there are several.")
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="May not write.")] = False,
    scope: Annotated[
        list[str] | None, typer.Option(help="LoyaltyLion: a scope; may be repeated.")
    ] = None,
    app_id: Annotated[
        str | None,
        typer.Option(
            help="Voucherify: the application id; made where not given. LoyaltyLion: the token of "
            "a token and secret, which has every scope."
        ),
    ] = None,
) -> None:
    """Make a key and print its secret, which is kept hashed and never shown again."""
    from guerdon.cli.access_checks import find_app_id_problem, find_scopes_problem

    scopes = tuple(scope or ())
    problem = find_scopes_problem(dialect, scopes, has_app_id=app_id is not None)
    if problem is not None:
        fail(f"--scope: {problem}")
    if dialect == "voucherify":
        if program is not None:
            fail("--program: a voucherify key opens all programs; leave it out")
        problem = None if app_id is None else find_app_id_problem(app_id)
        if problem is not None:
            fail(f"--app-id: it {problem}")
    asyncio.run(_create(dialect, name, merchant, program, read_only, scopes, app_id))


async def _create(
    dialect: str,
    name: str,
    merchant_slug: str | None,
    program_slug: str | None,
    is_read_only: bool,
    scopes: tuple[str, ...],
    app_id: str | None,
) -> None:
    import secrets

    from guerdon.cli.choosing import choose_catalogue, choose_program
    from guerdon.cli.database import open_store
    from guerdon.cli.running import make_runtime
    from guerdon.config import read_config
    from guerdon.engine.keying import create_key

    config = read_config()
    async with open_store(config) as pool:
        catalogue = await choose_catalogue(pool, merchant_slug)
        is_spanning = dialect == "voucherify"
        program = None
        if program_slug is not None or not is_spanning:
            program = choose_program(catalogue, program_slug)
        if is_spanning and app_id is None:
            app_id = secrets.token_hex(16)
        created = await create_key(
            make_runtime(config, pool),
            merchant_id=catalogue.merchant.id,
            program_id=program.id if program else None,
            dialect=dialect,
            name=name,
            access="read" if is_read_only else "full",
            scopes=scopes,
            app_id=app_id,
        )
    note(f"key {created.id} of {catalogue.merchant.slug}; its secret is shown only now:")
    if app_id is not None:
        note(f"{'token' if dialect == 'loyaltylion' else 'application id'}: {app_id}")
    print(created.secret)


@commands.command("list")
def list_all(
    merchant: _Merchant = None,
    revoked: Annotated[bool, typer.Option("--all", help="Revoked keys too.")] = False,
    json_form: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List keys by the first characters of their secrets."""
    keys = [key for key in asyncio.run(_list(merchant)) if revoked or key.revoked_at is None]
    if json_form:
        _print_json(keys)
    else:
        _print_table(keys)


async def _list(merchant_slug: str | None) -> "list[Key]":
    from guerdon.cli.choosing import choose_merchant
    from guerdon.cli.database import open_store
    from guerdon.cli.running import make_runtime
    from guerdon.config import read_config
    from guerdon.engine.keying import list_keys

    config = read_config()
    async with open_store(config) as pool:
        merchant_id = await choose_merchant(pool, merchant_slug)
        return await list_keys(make_runtime(config, pool), merchant_id)


def _print_json(keys: "list[Key]") -> None:
    import json

    print(json.dumps([_facts(key) for key in keys], indent=2))


def _facts(key: "Key") -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "dialect": key.dialect,
        "program_id": key.program_id,
        "access": key.access,
        "scopes": list(key.scopes),
        "app_id": key.app_id,
        "secret_begins": key.secret_hint,
        "is_managed": key.is_managed,
        "created_at": key.created_at.isoformat(),
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }


def _print_table(keys: "list[Key]") -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table("id", "name", "dialect", "access", "secret", "made by", "created", "revoked")
    for key in keys:
        access = " ".join(key.scopes) or key.access
        table.add_row(
            str(key.id),
            escape(key.name),
            key.dialect,
            escape(access),
            escape(f"{key.secret_hint}…"),
            "program file" if key.is_managed else "command",
            _minute(key.created_at),
            _minute(key.revoked_at),
        )
    out().print(table)


def _minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""


@commands.command()
def revoke(
    key_id: Annotated[
        int, typer.Argument(min=1, max=ID_MAX, help="The key's id, as listed.", show_default=False)
    ],
    merchant: _Merchant = None,
) -> None:
    """End a key; it works no longer, at most a few seconds from now."""
    if not asyncio.run(_revoke(merchant, key_id)):
        fail(f"there is no live key {key_id}")
    note(f"key {key_id} is revoked")


async def _revoke(merchant_slug: str | None, key_id: int) -> bool:
    from guerdon.cli.choosing import choose_merchant
    from guerdon.cli.database import open_store
    from guerdon.cli.running import make_runtime
    from guerdon.config import read_config
    from guerdon.domain.ids import KeyId
    from guerdon.engine.keying import revoke_key

    config = read_config()
    async with open_store(config) as pool:
        merchant_id = await choose_merchant(pool, merchant_slug)
        return await revoke_key(make_runtime(config, pool), merchant_id, KeyId(key_id))
