"""A served shop: the application on a real database, a client, keys and members."""

from dataclasses import dataclass

import httpx

from guerdon.dialects.mage.translate import dress
from guerdon.domain.catalogue import Reward
from guerdon.domain.command import Adjust, Done, Enrol
from guerdon.domain.key import Access
from guerdon.domain.member import MemberRef
from guerdon.engine.keying import Keyring, create_key
from guerdon.engine.submitting import Ledger
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
    ledger: Ledger, shop: Shop, secret: str = SECRET, access: Access = "full"
) -> None:
    await create_key(
        ledger.runtime,
        merchant_id=shop.id,
        program_id=shop.program.id,
        dialect="mage",
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
