"""Claims over HTTP, and what the vendor documents of their answers."""

from typing import Any

import httpx

from guerdon.domain.catalogue import Reward
from tests.builders.lion import ServedLion
from tests.builders.shop import make_reward

CLAIMED_KEYS = [
    "id",
    "claimed_at",
    "point_cost",
    "redeemable",
    "reward",
    "state",
    "session",
    "auto_refund_at",
    "expires_at",
]
REWARD_KEYS = [
    "id",
    "title",
    "description",
    "sort_key",
    "content",
    "point_cost",
    "method",
    "discount_type",
    "discount_amount",
    "minimum_spend",
    "usage_limit",
    "min_redemption_amount",
    "max_redemption_amount",
    "max_free_shipping",
    "site_id",
    "target_site",
    "order_type",
    "target_type",
    "target_collections",
    "target_products",
    "session_options",
    "auto_refund_seconds",
    "expiry_options",
    "redeemable_expiry_options",
    "kind",
]


def claims_of(customer: str = "C-1") -> str:
    return f"/v2/customers/{customer}/claimed_rewards"


async def ask(
    served: ServedLion,
    reward: Reward | None = None,
    *,
    customer: str = "C-1",
    headers: dict[str, str] | None = None,
    **body: Any,
) -> httpx.Response:
    """Claim a reward, the shop's first unless named."""
    number = (reward or served.shop.rewards[0]).id
    return await served.client.post(
        claims_of(customer), json={"reward_id": number, **body}, headers=headers
    )


async def claim(
    served: ServedLion, reward: Reward | None = None, *, customer: str = "C-1", **body: Any
) -> dict[str, Any]:
    """Claim a reward, which must go well, and give what was claimed."""
    return claimed_of(await ask(served, reward, customer=customer, **body), 201)


def claimed_of(response: httpx.Response, status: int = 200) -> dict[str, Any]:
    """Give the claimed reward of an answer; its shape is the documented one."""
    assert response.status_code == status, response.text
    claimed: dict[str, Any] = response.json()["claimed_reward"]
    assert list(claimed) == CLAIMED_KEYS
    assert claimed["expires_at"] == claimed["auto_refund_at"]
    assert '"null"' not in response.text
    check_reward(claimed["reward"])
    return claimed


def check_reward(reward: dict[str, Any]) -> None:
    """Every reward has all that is common, and nothing but what its kind may add."""
    added = {"supported_channels", "recurring_cycle_limit"}
    assert [name for name in reward if name not in added] == REWARD_KEYS
    assert isinstance(reward["target_collections"], list)
    assert isinstance(reward["target_products"], list)
    numbers = [reward[name] for name in ("id", "sort_key", "point_cost", "site_id", "usage_limit")]
    assert all(type(number) is int for number in numbers)


async def refund(
    served: ServedLion, claimed: dict[str, Any], customer: str = "C-1", **headers: str
) -> httpx.Response:
    """Ask for a claimed reward to be taken back."""
    path = f"{claims_of(customer)}/{claimed['id']}/refund"
    return await served.client.post(path, headers=headers)


async def look(
    served: ServedLion, claimed: dict[str, Any], customer: str = "C-1"
) -> dict[str, Any]:
    """Give a claimed reward as it stands."""
    return claimed_of(await served.client.get(f"{claims_of(customer)}/{claimed['id']}"))


async def points(served: ServedLion, customer: str = "C-1") -> tuple[int, int]:
    """Give the points a customer can spend, and those spent."""
    (row,) = await rows(
        served,
        "SELECT w.points_available, w.points_redeemed FROM wallets w "
        "JOIN members m ON m.merchant_id = w.merchant_id AND m.id = w.member_id "
        "WHERE m.merchant_id = $1 AND m.external_id = $2",
        served.shop.id,
        customer,
    )
    return row[0], row[1]


async def rows(served: ServedLion, sql: str, *arguments: object) -> list[tuple[Any, ...]]:
    """Ask the database, or tell it something."""
    async with served.pool.acquire() as connection:
        found: Any = await connection.fetch(sql, *arguments)
        return [tuple(row) for row in found]


PLANT = make_reward(
    1,
    name="Plant a hedge",
    kind="custom",
    fulfil_by="manual",
    points_cost=300,
    discount=None,
    units_max=10,
    position=4,
)
