"""Wallets: locked before anything is decided about them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from guerdon.domain.ids import MemberId, MerchantId, PointTypeId, ProgramId, WalletId
from guerdon.domain.ledger import EntryKind
from guerdon.domain.state import WalletChange
from guerdon.domain.wallet import Wallet
from guerdon.store import arrays
from guerdon.store.connection import Connection
from guerdon.store.statements import statements

_SQL = statements("wallets")


class LockedWallet(Struct, frozen=True):
    """A wallet under lock, without its lots, and the name by which the batch asked for it: the
    shop's id, an e-mail, or neither. A member named in two ways comes twice."""

    wallet: Wallet
    external_id: str | None
    email: str | None


async def lock_wallets(
    tx: Connection,
    merchant_id: MerchantId,
    *,
    member_ids: list[MemberId],
    external_ids: list[tuple[ProgramId, str]],
    emails: list[tuple[ProgramId, str]],
) -> list[LockedWallet]:
    """Lock all wallets of the members named in any of three ways, in key order.

    Lots must be read by a later statement: this one's view is older than the locks it gets."""
    rows = await tx.fetch(
        _SQL["lock_wallets"],
        merchant_id,
        arrays.literal(member_ids),
        arrays.literal([program_id for program_id, _ in external_ids]),
        [external_id for _, external_id in external_ids],
        arrays.literal([program_id for program_id, _ in emails]),
        [email for _, email in emails],
    )
    return [
        LockedWallet(
            Wallet(
                id=row[0],
                member_id=row[1],
                program_id=row[2],
                point_type_id=row[3],
                is_default=row[4],
                is_frozen=row[5],
                tier_id=row[6],
                points_available=row[7],
                points_held=row[8],
                points_pending=row[9],
                points_lifetime=row[10],
                points_redeemed=row[11],
                points_owed=row[14],
                code=row[15],
            ),
            row[12],
            row[13],
        )
        for row in rows
    ]


async def insert_wallets(
    tx: Connection,
    merchant_id: MerchantId,
    now: datetime,
    batch: int,
    wallets: list[Wallet],
    figures: dict[WalletId, WalletChange],
) -> None:
    """Add wallets, with the figures they end the batch with."""
    last = [figures[wallet.id] for wallet in wallets]
    await tx.execute(
        _SQL["insert_wallets"],
        merchant_id,
        now,
        [wallet.id for wallet in wallets],
        [wallet.member_id for wallet in wallets],
        [wallet.program_id for wallet in wallets],
        [wallet.point_type_id for wallet in wallets],
        [wallet.is_default for wallet in wallets],
        [figure.is_frozen for figure in last],
        [figure.tier_id for figure in last],
        [figure.points_available for figure in last],
        [figure.points_held for figure in last],
        [figure.points_pending for figure in last],
        [figure.points_lifetime for figure in last],
        [figure.points_redeemed for figure in last],
        batch,
        arrays.texts([wallet.code for wallet in wallets]),
    )


async def sum_spent(
    tx: Connection, merchant_id: MerchantId, wanted: Mapping[WalletId, datetime]
) -> dict[WalletId, int]:
    """Sum what was spent out of each wallet since an instant of its own, less what of that was
    given back since, whenever that was. A wallet out of which nothing was spent is left out."""
    rows = await tx.fetch(_SQL["sum_spent"], merchant_id, list(wanted), list(wanted.values()))
    return {row[0]: row[1] for row in rows}


async def list_last_acts(
    tx: Connection, merchant_id: MerchantId, wanted: Sequence[tuple[WalletId, EntryKind]]
) -> dict[WalletId, datetime]:
    """Give when the last entry of any of the kinds named with it was made in each wallet."""
    rows = await tx.fetch(
        _SQL["list_last_acts"],
        merchant_id,
        [wallet_id for wallet_id, _ in wanted],
        [kind for _, kind in wanted],
    )
    return {row[0]: row[1] for row in rows}


async def list_members_lacking(
    view: Connection,
    merchant_id: MerchantId,
    program_id: ProgramId,
    point_type_ids: Sequence[PointTypeId],
    *,
    after: MemberId,
    limit: int,
) -> list[tuple[MemberId, str]]:
    """List members, with the shop's ids, who lack a wallet of one of these point types."""
    rows = await view.fetch(
        _SQL["list_members_lacking"], merchant_id, program_id, point_type_ids, after, limit
    )
    return [(row[0], row[1]) for row in rows]
