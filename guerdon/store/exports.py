"""Gives everything of a merchant, a page at a time, so that it can leave."""

import re
from collections.abc import Awaitable, Callable

from msgspec import Struct

from guerdon.domain.ids import MerchantId
from guerdon.store.connection import Connection, Record
from guerdon.store.statements import statements

_SQL = statements("exports")

Fetch = Callable[[Connection, MerchantId, int, int], Awaitable[list[Record]]]


class Export(Struct, frozen=True):
    """A kind of row: what its file is called, its columns, and how to read a page of it.

    `key` is the place of the column that pages go by."""

    name: str
    columns: tuple[str, ...]
    key: int
    fetch: Fetch


async def export_merchant(
    view: Connection, merchant_id: MerchantId, after: int, limit: int
) -> list[Record]:
    """Give the merchant itself."""
    return await view.fetch(_SQL["export_merchant"], merchant_id, after, limit)


async def export_programs(
    view: Connection, merchant_id: MerchantId, after: int, limit: int
) -> list[Record]:
    """Give programs, after an id."""
    return await view.fetch(_SQL["export_programs"], merchant_id, after, limit)


async def export_point_types(
    view: Connection, merchant_id: MerchantId, after: int, limit: int
) -> list[Record]:
    """Give point types, after an id."""
    return await view.fetch(_SQL["export_point_types"], merchant_id, after, limit)


async def export_tiers(
    view: Connection, merchant_id: MerchantId, after: int, limit: int
) -> list[Record]:
    """Give tiers, archived ones too, after an id."""
    return await view.fetch(_SQL["export_tiers"], merchant_id, after, limit)


async def export_rewards(
    view: Connection, merchant_id: MerchantId, after: int, limit: int
) -> list[Record]:
    """Give rewards, archived ones too, after an id."""
    return await view.fetch(_SQL["export_rewards"], merchant_id, after, limit)


async def export_reward_versions(
    view: Connection, merchant_id: MerchantId, after: int, limit: int
) -> list[Record]:
    """Give rewards as they stood when they were redeemed, after an id."""
    return await view.fetch(_SQL["export_reward_versions"], merchant_id, after, limit)


async def export_reward_counters(
    view: Connection, merchant_id: MerchantId, after: int, limit: int
) -> list[Record]:
    """Give what was taken of each reward, after an id."""
    return await view.fetch(_SQL["export_reward_counters"], merchant_id, after, limit)


async def export_earning_rules(
    view: Connection, merchant_id: MerchantId, after: int, limit: int
) -> list[Record]:
    """Give earning rules, archived ones too, after an id."""
    return await view.fetch(_SQL["export_earning_rules"], merchant_id, after, limit)


async def export_templates(
    view: Connection, merchant_id: MerchantId, after: int, limit: int
) -> list[Record]:
    """Give rewards and rules that stand for themselves, deleted ones too, after an id."""
    return await view.fetch(_SQL["export_templates"], merchant_id, after, limit)


async def export_members(
    view: Connection, merchant_id: MerchantId, after: int, limit: int
) -> list[Record]:
    """Give members, after an id."""
    return await view.fetch(_SQL["export_members"], merchant_id, after, limit)


async def export_wallets(
    view: Connection, merchant_id: MerchantId, after: int, limit: int
) -> list[Record]:
    """Give wallets, after an id."""
    return await view.fetch(_SQL["export_wallets"], merchant_id, after, limit)


async def export_lots(
    view: Connection, merchant_id: MerchantId, after: int, limit: int
) -> list[Record]:
    """Give lots, after an id."""
    return await view.fetch(_SQL["export_lots"], merchant_id, after, limit)


async def export_entries(
    view: Connection, merchant_id: MerchantId, after: int, limit: int
) -> list[Record]:
    """Give ledger entries, after an id."""
    return await view.fetch(_SQL["export_entries"], merchant_id, after, limit)


async def export_redemptions(
    view: Connection, merchant_id: MerchantId, after: int, limit: int
) -> list[Record]:
    """Give redemptions, after an id."""
    return await view.fetch(_SQL["export_redemptions"], merchant_id, after, limit)


async def export_earnings(
    view: Connection, merchant_id: MerchantId, after: int, limit: int
) -> list[Record]:
    """Give earnings, after an id."""
    return await view.fetch(_SQL["export_earnings"], merchant_id, after, limit)


async def export_events(
    view: Connection, merchant_id: MerchantId, after: int, limit: int
) -> list[Record]:
    """Give events, after an id."""
    return await view.fetch(_SQL["export_events"], merchant_id, after, limit)


async def export_webhook_subscriptions(
    view: Connection, merchant_id: MerchantId, after: int, limit: int
) -> list[Record]:
    """Give webhook subscriptions, without their secrets, after an id."""
    return await view.fetch(_SQL["export_webhook_subscriptions"], merchant_id, after, limit)


async def export_email_unsubscribes(
    view: Connection, merchant_id: MerchantId, after: int, limit: int
) -> list[Record]:
    """Give addresses that want no e-mails of a program, after an id."""
    return await view.fetch(_SQL["export_email_unsubscribes"], merchant_id, after, limit)


async def export_customers(
    view: Connection, merchant_id: MerchantId, after: int, limit: int
) -> list[Record]:
    """Give customers of whom something was stated, after an id."""
    return await view.fetch(_SQL["export_customers"], merchant_id, after, limit)


async def export_refused_adjustments(
    view: Connection, merchant_id: MerchantId, after: int, limit: int
) -> list[Record]:
    """Give deductions that a wallet could not bear, after an id."""
    return await view.fetch(_SQL["export_refused_adjustments"], merchant_id, after, limit)


async def export_order_payments(
    view: Connection, merchant_id: MerchantId, after: int, limit: int
) -> list[Record]:
    """Give points that paid for orders, after an id."""
    return await view.fetch(_SQL["export_order_payments"], merchant_id, after, limit)


async def export_orders(
    view: Connection, merchant_id: MerchantId, after: int, limit: int
) -> list[Record]:
    """Give orders that were stated by a call, after an id."""
    return await view.fetch(_SQL["export_orders"], merchant_id, after, limit)


def _export(name: str, fetch: Fetch, key: str = "id") -> Export:
    """Describe a kind of row by the columns that its statement lists."""
    listed = re.match(r"SELECT (.*?)\sFROM", _SQL[fetch.__name__], re.DOTALL)
    assert listed is not None, "an export lists plain columns"
    columns = tuple(column.strip() for column in listed[1].split(","))
    return Export(name, columns, columns.index(key), fetch)


EXPORTS = (
    _export("merchant", export_merchant, "merchant_id"),
    _export("programs", export_programs),
    _export("point_types", export_point_types),
    _export("tiers", export_tiers),
    _export("rewards", export_rewards),
    _export("reward_versions", export_reward_versions),
    _export("reward_counters", export_reward_counters, "reward_id"),
    _export("earning_rules", export_earning_rules),
    _export("templates", export_templates),
    _export("members", export_members),
    _export("wallets", export_wallets),
    _export("lots", export_lots),
    _export("entries", export_entries),
    _export("redemptions", export_redemptions),
    _export("earnings", export_earnings),
    _export("events", export_events),
    _export("webhook_subscriptions", export_webhook_subscriptions),
    _export("email_unsubscribes", export_email_unsubscribes),
    _export("customers", export_customers),
    _export("refused_adjustments", export_refused_adjustments),
    _export("order_payments", export_order_payments),
    _export("orders", export_orders),
)
