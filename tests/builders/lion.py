"""A shop served in the LoyaltyLion dialect: a client with every scope, keys, members."""

import base64
from dataclasses import dataclass
from typing import Any

import httpx

from guerdon.dialects.loyaltylion.scopes import SCOPES
from guerdon.domain.command import Adjust, Done, Enrol
from guerdon.domain.key import Access
from guerdon.domain.member import MemberRef
from guerdon.engine.keying import Keyring, create_key
from guerdon.engine.submitting import Ledger
from guerdon.store.connection import Pool
from guerdon.web import WebApp, create_app
from tests.builders.shop import PROGRAM, Shop

TOKEN = f"pat_{'a1' * 16}"
PAIR_TOKEN = "a-token-of-the-shop"
PAIR_SECRET = "a-secret-beside-the-token"


@dataclass(frozen=True, kw_only=True)
class ServedLion:
    """What a test of the dialect works with; `client` speaks to /loyaltylion with every scope."""

    shop: Shop
    ledger: Ledger
    app: WebApp
    client: httpx.AsyncClient

    @property
    def pool(self) -> Pool:
        return self.ledger.runtime.pool

    async def enrol(
        self, external_id: str = "C-1", email: str | None = "ana@shop.example", points: int = 0
    ) -> MemberRef:
        """Make a member with so many points."""
        command = Enrol(program_id=PROGRAM, external_id=external_id, email=email)
        assert isinstance(await self.ledger.submit(self.shop.id, command), Done)
        ref = MemberRef(external_id=external_id)
        if points:
            adjust = Adjust(program_id=PROGRAM, member=ref, points=points)
            assert isinstance(await self.ledger.submit(self.shop.id, adjust), Done)
        return ref

    async def add_key(
        self, *scopes: str, token: str = f"pat_{'b2' * 16}", access: Access = "full"
    ) -> dict[str, str]:
        """Make a key with these scopes alone, and give the header that shows it."""
        await _add_key(self.ledger, self.shop, token, scopes, access=access)
        return bearer(token)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic(token: str = PAIR_TOKEN, secret: str = PAIR_SECRET) -> dict[str, str]:
    pair = base64.b64encode(f"{token}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


async def _add_key(
    ledger: Ledger,
    shop: Shop,
    secret: str,
    scopes: tuple[str, ...] = (),
    *,
    app_id: str | None = None,
    access: Access = "full",
) -> None:
    await create_key(
        ledger.runtime,
        merchant_id=shop.id,
        program_id=shop.program.id,
        dialect="loyaltylion",
        name="a key",
        access=access,
        scopes=scopes,
        app_id=app_id,
        secret=secret,
    )


async def serve_lion(ledger: Ledger, shop: Shop, *, calls_per_second_max: int = 0) -> ServedLion:
    """Make the application and a client in the same process; a token and secret exist too."""
    await _add_key(ledger, shop, TOKEN, SCOPES)
    await _add_key(ledger, shop, PAIR_SECRET, app_id=PAIR_TOKEN)
    app = create_app(
        ledger,
        keyring=Keyring(ledger.runtime.pool, kept_seconds=60),
        loyaltylion_calls_per_second_max=calls_per_second_max,
    )
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, raise_app_exceptions=True),
        base_url="http://guerdon.test/loyaltylion",
        headers=bearer(TOKEN),
    )
    return ServedLion(shop=shop, ledger=ledger, app=app, client=client)


def error_of(response: httpx.Response) -> tuple[int, str, str]:
    """Give an error answer's status, code and message; the envelope holds nothing else."""
    error = _error(response)
    assert set(error) <= {"name", "code", "message", "details", "limit"}
    return response.status_code, error["code"], error["message"]


def details_of(response: httpx.Response) -> dict[str, str]:
    """Give what a 400 says of each field."""
    assert error_of(response) == (400, "invalid_request", "Invalid request")
    details: dict[str, str] = _error(response)["details"]
    return details


def _error(response: httpx.Response) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    body = response.json()
    assert list(body) == ["error"]
    error: dict[str, Any] = body["error"]
    return error
