"""Writes what merchants offer; a catalogue reads it back."""

from datetime import datetime

import msgspec

from guerdon.domain.catalogue import EarningRule, Merchant, PointType, Program, Reward, Tier
from guerdon.domain.ids import MerchantId, RewardId, RewardVersionId
from guerdon.store.connection import Connection
from guerdon.store.statements import statements

_SQL = statements("offers")
_rewards = msgspec.json.Decoder(Reward)
_tiers = msgspec.json.Decoder(Tier)


def _json(definition: msgspec.Struct) -> str:
    return msgspec.json.encode(definition).decode()


async def insert_merchant(tx: Connection, merchant: Merchant, now: datetime) -> None:
    """Add a merchant; its slug is unique over all merchants."""
    await tx.execute(
        _SQL["insert_merchant"],
        merchant.id,
        merchant.slug,
        merchant.name,
        merchant.timezone,
        merchant.currency,
        merchant.storefront_url,
        now,
    )


async def update_merchant(tx: Connection, merchant: Merchant) -> None:
    """Change a merchant's name, time zone and currency."""
    await tx.execute(
        _SQL["update_merchant"],
        merchant.id,
        merchant.name,
        merchant.timezone,
        merchant.currency,
        merchant.storefront_url,
    )


async def find_merchant_by_slug(tx: Connection, slug: str) -> MerchantId | None:
    """Find a merchant's id by its short name."""
    found: int | None = await tx.fetchval(_SQL["find_merchant_by_slug"], slug)
    return None if found is None else MerchantId(found)


async def list_merchants(tx: Connection) -> list[tuple[MerchantId, str]]:
    """List all merchants with their short names, by id."""
    return [(row[0], row[1]) for row in await tx.fetch(_SQL["list_merchants"])]


async def get_next_merchant_id(tx: Connection) -> MerchantId:
    """Give a merchant id that is free as things stand."""
    return MerchantId(await tx.fetchval(_SQL["get_next_merchant_id"]))


async def put_point_type(
    tx: Connection, merchant_id: MerchantId, point_type: PointType, now: datetime
) -> None:
    """Add or change a point type."""
    await tx.execute(
        _SQL["put_point_type"],
        merchant_id,
        point_type.id,
        point_type.slug,
        _json(point_type),
        now,
        now,
    )


async def put_program(
    tx: Connection, merchant_id: MerchantId, program: Program, now: datetime
) -> None:
    """Add or change a program."""
    await tx.execute(
        _SQL["put_program"], merchant_id, program.id, program.slug, _json(program), now, now
    )


async def put_tier(
    tx: Connection, merchant_id: MerchantId, tier: Tier, archived_at: datetime | None = None
) -> None:
    """Add, change or archive a tier; its own times are kept."""
    await tx.execute(
        _SQL["put_tier"],
        merchant_id,
        tier.id,
        tier.program_id,
        tier.slug,
        _json(tier),
        tier.created_at,
        tier.updated_at,
        archived_at,
    )


async def list_archived_tiers(tx: Connection, merchant_id: MerchantId) -> list[Tier]:
    """List tiers that are only history; the catalogue leaves them out."""
    rows = await tx.fetch(_SQL["list_archived_tiers"], merchant_id)
    return [_tiers.decode(row[0]) for row in rows]


async def put_reward(tx: Connection, merchant_id: MerchantId, reward: Reward) -> None:
    """Add, change or archive a reward, and set its counter's backstop.

    Locks the counter. The version must exist or be inserted beside this."""
    await tx.execute(
        _SQL["put_reward"],
        merchant_id,
        reward.id,
        reward.program_id,
        reward.slug,
        reward.version_id,
        _json(reward),
        reward.created_at,
        reward.updated_at,
        reward.archived_at,
    )
    await put_reward_counter(tx, merchant_id, reward)


async def put_reward_counter(tx: Connection, merchant_id: MerchantId, reward: Reward) -> None:
    """Begin a reward's counter or move its backstop, never below what was taken already."""
    await tx.execute(
        _SQL["put_reward_counter"], merchant_id, reward.id, reward.stock, reward.max_redemptions
    )


async def insert_reward_version(
    tx: Connection, merchant_id: MerchantId, reward: Reward, now: datetime
) -> None:
    """Keep a reward as it stands under its version id."""
    await tx.execute(
        _SQL["insert_reward_version"],
        merchant_id,
        reward.version_id,
        reward.id,
        _json(reward),
        now,
    )


async def put_rule(tx: Connection, merchant_id: MerchantId, rule: EarningRule) -> None:
    """Add, change or archive an earning rule; its own times are kept."""
    await tx.execute(
        _SQL["put_rule"],
        merchant_id,
        rule.id,
        rule.program_id,
        rule.slug,
        _json(rule),
        rule.created_at,
        rule.updated_at,
        rule.archived_at,
    )


async def list_reward_versions(
    tx: Connection, merchant_id: MerchantId, ids: list[RewardVersionId]
) -> dict[RewardVersionId, Reward]:
    """List rewards as they stood when they were redeemed."""
    rows = await tx.fetch(_SQL["list_reward_versions"], merchant_id, ids)
    rewards = [_rewards.decode(row[0]) for row in rows]
    return {reward.version_id: reward for reward in rewards}


async def insert_pool_codes(
    tx: Connection,
    merchant_id: MerchantId,
    reward_id: RewardId,
    codes: list[tuple[int, str]],
    now: datetime,
) -> int:
    """Add codes to a reward's pool; give how many were new."""
    status = await tx.execute(
        _SQL["insert_pool_codes"],
        merchant_id,
        reward_id,
        now,
        [code_id for code_id, _ in codes],
        [code for _, code in codes],
    )
    return int(status.rsplit(" ", 1)[1])
