"""A served shop: the application on a real database, a client, keys and members."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from guerdon.dialects.mage.translate import dress
from guerdon.domain.catalogue import Reward
from guerdon.domain.command import Adjust, Done, Enrol
from guerdon.domain.key import Access
from guerdon.domain.member import MemberRef
from guerdon.engine.keying import Keyring, create_key
from guerdon.engine.submitting import Ledger
from guerdon.store.connection import Pool
from guerdon.web import WebApp, create_app
from tests.builders.shop import PROGRAM, Shop

SECRET = "a-secret-of-the-storefront"
READ_SECRET = "a-secret-that-only-reads"


@dataclass(frozen=True, kw_only=True)
class Served:
    """What a test of a dialect works with; `client` speaks to /mage with the full key."""

    shop: Shop
    ledger: Ledger
    app: WebApp
    client: httpx.AsyncClient

    @property
    def pool(self) -> Pool:
        return self.ledger.runtime.pool

    async def customer(self, identifier: str = "7001") -> dict[str, Any]:
        """Give a customer's attributes as the dialect shows them."""
        response = await self.client.get(f"/v1/customers/{identifier}")
        assert response.status_code == 200
        attributes: dict[str, Any] = response.json()["data"]["attributes"]
        return attributes

    async def enrol(
        self, external_id: str = "7001", email: str | None = "ana@shop.example", points: int = 0
    ) -> MemberRef:
        """Make a member with so many points."""
        command = Enrol(program_id=PROGRAM, external_id=external_id, email=email)
        assert isinstance(await self.ledger.submit(self.shop.id, command), Done)
        ref = MemberRef(external_id=external_id)
        if points:
            adjust = Adjust(program_id=PROGRAM, member=ref, points=points)
            assert isinstance(await self.ledger.submit(self.shop.id, adjust), Done)
        return ref

    async def purchase(
        self, reward: Reward | None = None, customer: str = "7001", **headers: str
    ) -> httpx.Response:
        """Buy a reward, the shop's first unless named. Underscores in header names are dashes."""
        bought = reward or self.shop.rewards[0]
        return await self.client.post(
            f"/v1/rewards/{dress('reward', bought.id)}/purchase",
            json={"customer_identifier": customer},
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )


async def add_key(
    ledger: Ledger,
    shop: Shop,
    secret: str = SECRET,
    access: Access = "full",
    dialect: str = "mage",
) -> None:
    await create_key(
        ledger.runtime,
        merchant_id=shop.id,
        program_id=shop.program.id,
        dialect=dialect,
        name=access,
        access=access,
        secret=secret,
    )


async def serve(ledger: Ledger, shop: Shop, *, calls_per_second_max: int = 0) -> Served:
    """Make the application and a client in the same process; both keys exist."""
    await add_key(ledger, shop)
    await add_key(ledger, shop, READ_SECRET, "read")
    pool = ledger.runtime.pool
    app = create_app(
        ledger,
        keyring=Keyring(pool, kept_seconds=60),
        mage_calls_per_second_max=calls_per_second_max,
    )
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, raise_app_exceptions=True),
        base_url="http://guerdon.test/mage",
        headers={"Authorization": SECRET},
    )
    return Served(shop=shop, ledger=ledger, app=app, client=client)


class Clock:
    """A runtime's clock that stands still until it is moved."""

    def __init__(
        self, now: datetime = datetime(2026, 3, 14, 9, 26, 53, 589000, tzinfo=UTC)
    ) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


def error_of(response: httpx.Response) -> tuple[int, str, str]:
    """Give an error answer's status, title and detail; the envelope holds nothing else."""
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    body = response.json()
    assert list(body) == ["errors"]
    (error,) = body["errors"]
    assert list(error) == ["status", "title", "detail"]
    assert error["status"] == str(response.status_code)
    return response.status_code, error["title"], error["detail"]


_TABLES = (
    "members wallets lots entries redemptions earnings pool_codes reward_counters"
    " idempotency_records events webhook_subscriptions fulfilments"
).split()


async def everything(pool: Pool, *tables: str) -> dict[str, list[str]]:
    """Read all rows that a call may change, to compare before and after."""
    found = {}
    async with pool.acquire() as connection:
        for table in tables or _TABLES:
            query = f"SELECT t::text AS row FROM {table} t ORDER BY 1"  # noqa: S608 -- our own
            rows = await connection.fetch(query)
            found[table] = [row["row"] for row in rows]
    return found
