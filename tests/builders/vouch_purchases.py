"""A member who buys rewards over the Voucherify dialect, and polls for what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import httpx

from guerdon.dialects.voucherify.ids import read_id, write_id
from guerdon.domain.catalogue import Reward
from guerdon.engine.queueing import process_queued
from tests.builders.shop import POINT_TYPE
from tests.builders.vouch import PROGRAM_ID, ServedVouch

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Buyer:
    """`member` is the id of a member of the shop's program."""

    served: ServedVouch
    member: str

    @property
    def number(self) -> int:
        number = read_id("member", self.member)
        assert number is not None
        return number

    @property
    def root(self) -> str:
        return f"/v2/loyalties/programs/{PROGRAM_ID}/members/{self.member}"

    @property
    def purchases_path(self) -> str:
        return f"{self.root}/rewards/purchases"

    async def ask(
        self,
        reward: Reward | str,
        mode: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Ask for a reward, whatever comes of it."""
        named = reward if isinstance(reward, str) else write_id("reward", reward.id)
        body = {"reward_id": named} | ({} if mode is None else {"mode": mode})
        return await self.served.client.post(self.purchases_path, json=body, headers=headers)

    async def buy(self, reward: Reward | str) -> Json:
        """Buy a reward, and give the transaction that is answered with."""
        response = await self.ask(reward)
        assert response.status_code == 202, response.text
        transaction: Json = response.json()["transaction"]
        return transaction

    async def purchases(self, query: str = "") -> list[Json]:
        """Give what is on the page of purchases that a query asks for."""
        return list((await self.page(self.purchases_path, query))["data"])

    async def card(self, point_type_id: int = POINT_TYPE) -> str:
        """Give the id of the member's card of a point type."""
        (number,) = await row_of(
            self.served,
            "SELECT id FROM wallets WHERE member_id = $1 AND point_type_id = $2",
            self.number,
            point_type_id,
        )
        return write_id("card", number)

    async def transactions(self, query: str = "", *, card: str | None = None) -> list[Json]:
        """Give what is on the page of a card's transactions that a query asks for."""
        return list((await self.page(await self.card_path(card), query))["data"])

    async def card_path(self, card: str | None = None) -> str:
        """Give the path of a card's transactions, without one that of the default card's."""
        return f"{self.root}/cards/{card or await self.card()}/transactions"

    async def poll(self, bought: Json) -> tuple[Json, Json]:
        """Give both transactions of a purchase as they stand, found by their ids."""
        redemption = await self._redemption_of(bought)
        rewards = await self.purchases(
            f"?filters[id][conditions][$is]={write_id('reward_transaction', redemption + 1)}"
        )
        cards = await self.transactions(
            f"?filters[id][conditions][$is]={write_id('card_transaction', redemption)}",
            card=bought["card_id"],
        )
        assert len(rewards) == len(cards) == 1
        return rewards[0], cards[0]

    async def process(self) -> int:
        """Do what a worker does when it comes by; give how many were brought on their way."""
        return (await process_queued(self.served.ledger, self.served.shop.id, 500)).done

    async def refund(self, bought: Json, body: Json | None = None) -> httpx.Response:
        """Ask for a purchase to be given back."""
        named = write_id("reward_transaction", await self._redemption_of(bought) + 1)
        path = f"/v2/loyalties/programs/{PROGRAM_ID}/rewards/purchases/{named}/refund"
        return await self.served.client.post(path, json=body)

    async def balance(self, point_type_id: int = POINT_TYPE) -> tuple[int, int]:
        """Give the points of a wallet that can be spent, and those that are held."""
        available, held = await row_of(
            self.served,
            "SELECT points_available, points_held FROM wallets "
            "WHERE member_id = $1 AND point_type_id = $2",
            self.number,
            point_type_id,
        )
        return available, held

    async def _redemption_of(self, bought: Json) -> int:
        number = read_id("card_transaction", bought["card_transaction_id"])
        assert number is not None
        return number

    async def page(self, path: str, query: str = "") -> Json:
        """Give a page of a list."""
        response = await self.served.client.get(f"{path}{query}")
        assert response.status_code == 200, response.text
        page: Json = response.json()
        return page


async def buyer_of(served: ServedVouch, external_id: str = "C-1", points: int = 1000) -> Buyer:
    """Enrol a member with so many points, who buys."""
    return Buyer(served=served, member=await served.enrol(external_id, None, points))


async def row_counts(served: ServedVouch) -> dict[str, int]:
    """Count the rows of every table."""
    async with served.pool.acquire() as connection:
        tables = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        )
        return {
            row[0]: await connection.fetchval(f"SELECT count(*) FROM {row[0]}")  # noqa: S608
            for row in tables
        }


async def row_of(served: ServedVouch, sql: str, *values: object) -> tuple[Any, ...]:
    """Give the one row that a statement asks for."""
    async with served.pool.acquire() as connection:
        (row,) = await connection.fetch(sql, *values)
        return tuple(cast("Sequence[Any]", row))
