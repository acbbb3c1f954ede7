"""A shop served in the Voucherify dialect: a client with a pair of keys, members, their ids."""

from dataclasses import dataclass
from typing import Any

import httpx

from guerdon.dialects.voucherify.call import Settings
from guerdon.dialects.voucherify.ids import write_customer_id, write_id
from guerdon.domain.command import Adjust, Done, Enrol
from guerdon.domain.key import Access
from guerdon.domain.member import MemberRef
from guerdon.engine.keying import Keyring, create_key
from guerdon.engine.submitting import Ledger
from guerdon.store.connection import Pool
from guerdon.web import WebApp, create_app
from tests.builders.shop import PROGRAM, Shop
from tests.support.vouch_document import check_described
from tests.support.vouch_schemas import check_answer

APP_ID = "an-application-of-the-shop"
APP_TOKEN = "a-secret-of-the-application"
READ_APP_ID = "an-application-that-reads"
READ_APP_TOKEN = "a-secret-that-only-reads-here"
PROGRAM_ID = write_id("program", PROGRAM)


@dataclass(frozen=True, kw_only=True)
class ServedVouch:
    """What a test of the dialect works with; `client` speaks to /voucherify with a pair of keys,
    and holds every answer of v2 to its published form, and all to the document that is served."""

    shop: Shop
    ledger: Ledger
    app: WebApp
    client: httpx.AsyncClient

    @property
    def pool(self) -> Pool:
        return self.ledger.runtime.pool

    async def enrol(
        self, external_id: str = "C-1", email: str | None = "ana@shop.example", points: int = 0
    ) -> str:
        """Make a member with so many points, and give the member's id in the dialect's form."""
        command = Enrol(program_id=PROGRAM, external_id=external_id, email=email)
        assert isinstance(await self.ledger.submit(self.shop.id, command), Done)
        if points:
            ref = MemberRef(external_id=external_id)
            adjust = Adjust(program_id=PROGRAM, member=ref, points=points)
            assert isinstance(await self.ledger.submit(self.shop.id, adjust), Done)
        async with self.pool.acquire() as connection:
            number: int = await connection.fetchval(
                "SELECT max(id) FROM members WHERE merchant_id = $1 AND external_id = $2",
                self.shop.id,
                external_id,
            )
        return write_id("member", number)

    def customer_id(self, external_id: str = "C-1") -> str:
        return write_customer_id(external_id)


def keys(app_id: str = APP_ID, token: str = APP_TOKEN) -> dict[str, str]:
    """Give the headers that show a pair of keys."""
    return {"X-App-Id": app_id, "X-App-Token": token}


READ_KEYS = keys(READ_APP_ID, READ_APP_TOKEN)


async def add_pair(
    ledger: Ledger, shop: Shop, app_id: str, secret: str, access: Access = "full"
) -> None:
    await create_key(
        ledger.runtime,
        merchant_id=shop.id,
        program_id=None,
        dialect="voucherify",
        name=access,
        access=access,
        app_id=app_id,
        secret=secret,
    )


async def serve_vouch(
    ledger: Ledger,
    shop: Shop,
    *,
    calls_per_minute_max: int = 0,
    settings: Settings | None = None,
) -> ServedVouch:
    """Make the application and a client in the same process; a read-only pair exists too."""
    await add_pair(ledger, shop, APP_ID, APP_TOKEN)
    await add_pair(ledger, shop, READ_APP_ID, READ_APP_TOKEN, "read")
    app = create_app(
        ledger,
        keyring=Keyring(ledger.runtime.pool, kept_seconds=60),
        voucherify_calls_per_minute_max=calls_per_minute_max,
        voucherify_settings=settings,
    )
    profile = Settings().purchase_profile if settings is None else settings.purchase_profile

    async def check(response: httpx.Response) -> None:
        await response.aread()
        path = response.request.url.path.removeprefix("/voucherify")
        check_answer(response, path, profile)
        check_described(response, path)

    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, raise_app_exceptions=True),
        base_url="http://guerdon.test/voucherify",
        headers=keys(),
        event_hooks={"response": [check]},
    )
    return ServedVouch(shop=shop, ledger=ledger, app=app, client=client)


def error_of(response: httpx.Response) -> tuple[int, str, str | None]:
    """Give an error answer's status, key and details; the body holds nothing unknown."""
    body = problem_of(response)
    return response.status_code, body["key"], body.get("details")


def problem_of(response: httpx.Response) -> dict[str, Any]:
    """Give an error answer's body, whose form is checked."""
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    body: dict[str, Any] = response.json()
    assert {"code", "key", "message", "request_id"} <= set(body)
    assert set(body) <= {
        "code",
        "key",
        "message",
        "details",
        "request_id",
        "resource_id",
        "resource_type",
        "related_object_ids",
        "related_object_type",
        "related_object_total",
        "error",
    }
    assert body["code"] == response.status_code
    assert len(body["request_id"]) == 20
    assert body["request_id"].startswith("v-")
    return body
