"""Redemptions."""

from collections.abc import Collection
from datetime import datetime

import msgspec

from guerdon.domain.ids import MemberId, MerchantId, RedemptionId, RewardId
from guerdon.domain.redemption import Context, Redemption
from guerdon.store import arrays
from guerdon.store.connection import Connection, Record
from guerdon.store.statements import statements

_SQL = statements("redemptions")
_contexts = msgspec.json.Decoder(Context)
_encode = msgspec.json.Encoder().encode


def redemption_of(row: Record) -> Redemption:
    """Turn a row with every column, by name, into a redemption."""
    return Redemption(
        id=row["id"],
        program_id=row["program_id"],
        member_id=row["member_id"],
        wallet_id=row["wallet_id"],
        reward_id=row["reward_id"],
        reward_version_id=row["reward_version_id"],
        status=row["status"],
        units=row["units"],
        units_refunded=row["units_refunded"],
        units_returned=row["units_returned"],
        points_cost=row["points_cost"],
        points_refunded=row["points_refunded"],
        lot_ids=tuple(row["lot_ids"]),
        lot_points=tuple(row["lot_points"]),
        entry_id=row["entry_id"],
        code=row["code"],
        fulfilment=row["fulfilment"],
        is_grant=row["is_grant"],
        reason=row["reason"],
        context=None if row["context"] is None else _contexts.decode(row["context"]),
        expires_at=row["expires_at"],
        auto_refund_at=row["auto_refund_at"],
        used_at=row["used_at"],
        fulfilled_at=row["fulfilled_at"],
        refunded_at=row["refunded_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def contexts_of(redemptions: Collection[Redemption]) -> list[str | None]:
    """Write the column of what redemptions carry besides: JSON, or nothing."""
    return [
        None if each.context is None else _encode(each.context).decode() for each in redemptions
    ]


async def insert_redemptions(
    tx: Connection, merchant_id: MerchantId, now: datetime, redemptions: Collection[Redemption]
) -> None:
    """Add redemptions of one batch."""
    await tx.execute(
        _SQL["insert_redemptions"],
        merchant_id,
        now,
        arrays.literal([each.id for each in redemptions]),
        arrays.literal([each.program_id for each in redemptions]),
        arrays.literal([each.member_id for each in redemptions]),
        arrays.literal([each.wallet_id for each in redemptions]),
        arrays.literal([each.reward_id for each in redemptions]),
        arrays.literal([each.reward_version_id for each in redemptions]),
        arrays.words([each.status for each in redemptions]),
        arrays.literal([each.units for each in redemptions]),
        arrays.literal([each.units_refunded for each in redemptions]),
        arrays.literal([each.units_returned for each in redemptions]),
        arrays.literal([each.points_cost for each in redemptions]),
        arrays.literal([each.points_refunded for each in redemptions]),
        arrays.nested([each.lot_ids for each in redemptions]),
        arrays.nested([each.lot_points for each in redemptions]),
        arrays.numbers([each.entry_id for each in redemptions]),
        arrays.joined([each.code or "" for each in redemptions]),
        arrays.words([each.fulfilment for each in redemptions]),
        arrays.literal([each.is_grant for each in redemptions]),
        arrays.texts([each.reason for each in redemptions]),
        arrays.instants([each.expires_at for each in redemptions]),
        arrays.instants([each.auto_refund_at for each in redemptions]),
        arrays.instants([each.used_at for each in redemptions]),
        arrays.instants([each.refunded_at for each in redemptions]),
        arrays.instants([each.fulfilled_at for each in redemptions]),
        arrays.texts(contexts_of(redemptions)),
    )


async def update_redemptions(
    tx: Connection, merchant_id: MerchantId, now: datetime, redemptions: Collection[Redemption]
) -> None:
    """Record how redemptions went on; the caller holds their wallets' locks."""
    await tx.execute(
        _SQL["update_redemptions"],
        merchant_id,
        now,
        arrays.literal([each.id for each in redemptions]),
        arrays.words([each.status for each in redemptions]),
        arrays.literal([each.units_refunded for each in redemptions]),
        arrays.literal([each.units_returned for each in redemptions]),
        arrays.literal([each.points_refunded for each in redemptions]),
        arrays.texts([each.code for each in redemptions]),
        arrays.words([each.fulfilment for each in redemptions]),
        arrays.texts([each.reason for each in redemptions]),
        arrays.instants([each.used_at for each in redemptions]),
        arrays.instants([each.refunded_at for each in redemptions]),
        arrays.instants([each.fulfilled_at for each in redemptions]),
        # Nothing else of a context ever changes.
        arrays.texts([_uses_of(each) for each in redemptions]),
    )


def _uses_of(redemption: Redemption) -> str | None:
    context = redemption.context
    return None if context is None or context.uses_max == 1 else _encode(context).decode()


async def list_redemption_owners(
    tx: Connection, merchant_id: MerchantId, ids: list[RedemptionId]
) -> list[tuple[MemberId, RewardId]]:
    """List whose these redemptions are, and of what; it never changes, so no lock is needed."""
    rows = await tx.fetch(_SQL["list_redemption_owners"], merchant_id, ids)
    return [(row[0], row[1]) for row in rows]


async def list_redemptions(
    tx: Connection, merchant_id: MerchantId, ids: list[RedemptionId]
) -> list[Redemption]:
    """List redemptions by id."""
    rows = await tx.fetch(_SQL["list_redemptions"], merchant_id, ids)
    return [redemption_of(row) for row in rows]


async def count_taken_by_member(
    tx: Connection,
    merchant_id: MerchantId,
    wanted: list[tuple[MemberId, RewardId, datetime]],
) -> dict[tuple[MemberId, RewardId], int]:
    """Count live redemptions of a reward by a member since an instant; grants do not count.

    Exact only under the lock of the member's wallets."""
    rows = await tx.fetch(
        _SQL["count_taken_by_member"],
        merchant_id,
        [member_id for member_id, _, _ in wanted],
        [reward_id for _, reward_id, _ in wanted],
        [since for _, _, since in wanted],
    )
    return {(row[0], row[1]): row[2] for row in rows}


async def list_taken_times(
    tx: Connection,
    merchant_id: MerchantId,
    wanted: list[tuple[MemberId, RewardId, datetime]],
) -> dict[tuple[MemberId, RewardId], list[datetime]]:
    """List when members took rewards since an instant, where that was not given back; grants do
    not count. Exact only under the lock of the member's wallets."""
    rows = await tx.fetch(
        _SQL["list_taken_times"],
        merchant_id,
        [member_id for member_id, _, _ in wanted],
        [reward_id for _, reward_id, _ in wanted],
        [since for _, _, since in wanted],
    )
    taken: dict[tuple[MemberId, RewardId], list[datetime]] = {}
    for row in rows:
        taken.setdefault((row[0], row[1]), []).append(row[2])
    return taken


async def count_taken_in_session(
    tx: Connection, merchant_id: MerchantId, wanted: list[tuple[RewardId, str]]
) -> dict[tuple[RewardId, str], int]:
    """Count live redemptions of a reward in a session, named by its token, by any member.

    Exact only under the lock of the reward's counter."""
    rows = await tx.fetch(
        _SQL["count_taken_in_session"],
        merchant_id,
        [reward_id for reward_id, _ in wanted],
        [token for _, token in wanted],
    )
    return {(row[0], row[1]): row[2] for row in rows}


async def list_granted(
    tx: Connection, merchant_id: MerchantId, member_ids: list[MemberId]
) -> set[tuple[MemberId, RewardId]]:
    """List which rewards these members were given on entering a tier."""
    rows = await tx.fetch(_SQL["list_granted"], merchant_id, member_ids)
    return {(row[0], row[1]) for row in rows}


async def list_due_redemptions(
    tx: Connection, merchant_id: MerchantId, now: datetime, limit: int
) -> list[RedemptionId]:
    """List approved redemptions whose time is over."""
    rows = await tx.fetch(_SQL["list_due_redemptions"], merchant_id, now, limit)
    return [row[0] for row in rows]


async def list_due_auto_refunds(
    tx: Connection, merchant_id: MerchantId, now: datetime, limit: int
) -> list[RedemptionId]:
    """List approved redemptions that go back by themselves now."""
    rows = await tx.fetch(_SQL["list_due_auto_refunds"], merchant_id, now, limit)
    return [row[0] for row in rows]
