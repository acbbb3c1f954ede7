"""What merchants offer, read as one value."""

from datetime import datetime
from typing import TypeVar

import msgspec
from asyncpg import Record
from msgspec.structs import replace

from guerdon.domain.catalogue import (
    Catalogue,
    EarningRule,
    Merchant,
    PointType,
    Program,
    Reward,
    Tier,
)
from guerdon.domain.ids import MerchantId, ProgramId
from guerdon.store.connection import Connection
from guerdon.store.sequences import get_catalogue_version
from guerdon.store.statements import statements

_SQL = statements("catalogues")
_point_types = msgspec.json.Decoder(PointType)
_programs = msgspec.json.Decoder(Program)
_tiers = msgspec.json.Decoder(Tier)
_rewards = msgspec.json.Decoder(Reward)
_rules = msgspec.json.Decoder(EarningRule)
_Dated = TypeVar("_Dated", Program, PointType)


async def find_merchant(tx: Connection, merchant_id: MerchantId) -> Merchant | None:
    """Find a merchant by id."""
    row = await tx.fetchrow(_SQL["find_merchant"], merchant_id)
    if row is None:
        return None
    return Merchant(
        id=row[0],
        slug=row[1],
        name=row[2],
        timezone=row[3],
        currency=row[4],
        storefront_url=row[5],
    )


async def get_merchant_created_at(tx: Connection, merchant_id: MerchantId) -> datetime:
    """Give since when there is this merchant, who is there."""
    created_at: datetime = await tx.fetchval(_SQL["get_merchant_created_at"], merchant_id)
    return created_at


async def list_offers(tx: Connection, merchant: Merchant) -> Catalogue:
    """Read all of a merchant's offers. Needs a snapshot, or the catalogue may be of two versions.

    A definition is the whole value, its times included; the columns repeat what is sorted by. Only
    programs and point types have theirs from the columns."""
    version = await get_catalogue_version(tx, merchant.id)
    programs: dict[ProgramId, Program] = {}
    tiers: dict[ProgramId, list[Tier]] = {}
    catalogue = Catalogue(
        version=version,
        merchant=merchant,
        programs=programs,
        point_types={},
        tiers={},
        rewards={},
        rules={},
    )
    for row in await tx.fetch(_SQL["list_offers"], merchant.id):
        what, definition = row["what"], row["definition"]
        if what == "program":
            program = _dated(_programs.decode(definition), row)
            programs[program.id] = program
        elif what == "tier" and row["archived_at"] is None:
            tier = _tiers.decode(definition)
            tiers.setdefault(tier.program_id, []).append(tier)
        elif what == "reward":
            reward = _rewards.decode(definition)
            catalogue.rewards[reward.id] = reward
        elif what == "rule":
            rule = _rules.decode(definition)
            catalogue.rules[rule.id] = rule
        elif what == "point_type":
            point_type = _dated(_point_types.decode(definition), row)
            catalogue.point_types[point_type.id] = point_type
    for program_id, each in tiers.items():
        catalogue.tiers[program_id] = tuple(sorted(each, key=lambda tier: tier.points_required))
    return catalogue


def _dated(thing: _Dated, row: Record) -> _Dated:
    """Date what is put without its times; it was changed at none, where it is as it was made."""
    changed_at = row["updated_at"] if row["updated_at"] != row["created_at"] else None
    return replace(thing, created_at=row["created_at"], updated_at=changed_at)
