"""`guerdon privacy`: telling people what is kept of them, and forgetting them."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from guerdon.cli.console import fail, note, out

if TYPE_CHECKING:
    from guerdon.domain.ids import MerchantId
    from guerdon.domain.member import Member
    from guerdon.engine.submitting import Ledger
    from guerdon.store.privacy import PrivacyRequest

commands = typer.Typer(
    no_args_is_help=True, help="What is kept of a person: list requests, export, erase."
)

_Merchant = Annotated[
    str | None, typer.Option("--merchant", "-m", help="The merchant's slug, if there are several.")
]
_Program = Annotated[
    str | None, typer.Option("--program", "-p", help="The program's slug, if there are several.")
]
_Who = Annotated[
    str,
    typer.Argument(
        metavar="MEMBER", help="The shop's customer id, or an e-mail.", show_default=False
    ),
]
_SOURCE = "shopify"


@commands.callback()
def root() -> None:
    """What is kept of a person: list requests, export, erase."""


@commands.command("list")
def list_some(merchant: _Merchant = None) -> None:
    """List customers who asked through the shop what is kept of them and wait for an answer."""
    found = asyncio.run(_list(merchant))
    if not found:
        note("there are none")
    for each in found:
        out().print(f"{each.asked_at:%Y-%m-%d %H:%M}  {each.source} customer {each.customer_key}")


async def _list(merchant_slug: str | None) -> "list[PrivacyRequest]":
    from guerdon.cli.choosing import choose_merchant
    from guerdon.cli.database import open_store
    from guerdon.config import read_config
    from guerdon.store.privacy import list_privacy_requests
    from guerdon.store.snapshot import snapshot

    async with open_store(read_config()) as pool:
        merchant_id = await choose_merchant(pool, merchant_slug)
        async with snapshot(pool) as view:
            return await list_privacy_requests(view, merchant_id, 1000)


@commands.command()
def export(
    member: _Who,
    to: Annotated[Path, typer.Option("--to", help="The file to write, as JSON.")],
    merchant: _Merchant = None,
    program: _Program = None,
) -> None:
    """Write all that is kept of a member to a file; their open requests count as answered."""
    if to.exists():
        fail(f"{to} is there already")
    text = asyncio.run(_export(merchant, program, member, to))
    note(f"{text}: hand it to the person alone, and delete it")


async def _export(merchant: str | None, program: str | None, who: str, to: Path) -> str:
    import msgspec

    from guerdon.cli.database import open_store
    from guerdon.cli.running import make_runtime
    from guerdon.config import read_config
    from guerdon.engine.disclosing import answer_requests, disclose, disclose_customer
    from guerdon.engine.submitting import Ledger

    config = read_config()
    async with open_store(config) as pool:
        runtime = make_runtime(config, pool)
        ledger = Ledger(runtime)
        merchant_id, found = await _find(ledger, merchant, program, who)
        if found is None:
            customer_key, document = who, await disclose_customer(runtime, merchant_id, who)
        else:
            customer_key = found.external_id
            document = await disclose(runtime, merchant_id, found)
        to.touch(mode=0o600, exist_ok=False)
        to.write_bytes(msgspec.json.format(document.encode(), indent=2))
        answered = await answer_requests(runtime, merchant_id, customer_key)
    return f"{to} is written" + (f", {answered} requests are answered" if answered else "")


@commands.command()
def erase(
    member: _Who,
    merchant: _Merchant = None,
    program: _Program = None,
    is_sure: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Forget who a member is, for good. Their points and history stay in the books, unnamed."""
    if not is_sure:
        typer.confirm(f"Erase {member}? This cannot be undone.", abort=True)
    asyncio.run(_erase(merchant, program, member))
    note("the member is erased")


async def _erase(merchant: str | None, program: str | None, who: str) -> None:
    from guerdon.cli.database import open_store
    from guerdon.cli.running import make_runtime
    from guerdon.config import read_config
    from guerdon.engine.disclosing import disclose_customer
    from guerdon.engine.erasing import erase_customer, erase_member
    from guerdon.engine.submitting import Ledger

    config = read_config()
    async with open_store(config) as pool:
        ledger = Ledger(make_runtime(config, pool))
        merchant_id, found = await _find(ledger, merchant, program, who)
        if found is None:
            # It raises where nobody is known by this id.
            await disclose_customer(ledger.runtime, merchant_id, who)
            await erase_customer(ledger, merchant_id, _SOURCE, external_id=who, email=None)
        else:
            await erase_member(ledger, merchant_id, _SOURCE, found)
        await ledger.close()


async def _find(
    ledger: "Ledger", merchant_slug: str | None, program_slug: str | None, who: str
) -> "tuple[MerchantId, Member | None]":
    """Find a member; None where the program has no such one, be they a customer or not."""
    from guerdon.cli.choosing import choose_merchant, choose_program
    from guerdon.engine.ordering import find_members
    from guerdon.store.snapshot import snapshot

    pool = ledger.runtime.pool
    merchant_id = await choose_merchant(pool, merchant_slug)
    catalogue = await ledger.catalogues.newest(merchant_id)
    program = choose_program(catalogue, program_slug)
    async with snapshot(pool) as view:
        members = await find_members(view, merchant_id, catalogue, external_id=who, email=who)
    return merchant_id, members.get(program.id)
