"""The Link header: addresses that a client can go to as they are."""

import re

import httpx
import pytest

from guerdon.web import create_app
from tests.builders.lion import TOKEN, ServedLion, bearer

_LINK = re.compile(r'<([^>]+)>; rel="(next|prev)"')


@pytest.fixture
async def many(served: ServedLion) -> ServedLion:
    """A shop with five members."""
    for number in range(5):
        await served.enrol(f"C-{number}", f"c{number}@shop.example")
    return served


def _links(response: httpx.Response) -> dict[str, str]:
    assert response.status_code == 200
    return {relation: address for address, relation in _LINK.findall(response.headers["link"])}


async def test_a_client_reads_a_list_by_its_links_alone(many: ServedLion) -> None:
    seen: list[str] = []
    address: str | None = "/v2/customers?limit=2"
    while address is not None:
        response = await many.client.get(address)
        seen += [each["merchant_id"] for each in response.json()["customers"]]
        address = _links(response).get("next") if "link" in response.headers else None
    assert seen == ["C-4", "C-3", "C-2", "C-1", "C-0"]


@pytest.mark.parametrize(
    ("headers", "base"),
    [
        ({}, "http://guerdon.test/loyaltylion"),
        ({"Host": "points.example:8443"}, "http://points.example:8443/loyaltylion"),
        ({"Host": "[2001:db8::1]:80"}, "http://[2001:db8::1]:80/loyaltylion"),
        ({"X-Forwarded-Proto": "https"}, "https://guerdon.test/loyaltylion"),
        ({"X-Forwarded-Proto": "HTTPS, http"}, "https://guerdon.test/loyaltylion"),
        ({"X-Forwarded-Proto": "javascript"}, "http://guerdon.test/loyaltylion"),
        ({"Host": 'a"><b'}, "/loyaltylion"),
        ({"Host": "user@points.example"}, "/loyaltylion"),
        ({"Host": ""}, "/loyaltylion"),
    ],
)
async def test_addresses_begin_where_the_caller_is(
    many: ServedLion, headers: dict[str, str], base: str
) -> None:
    response = await many.client.get("/v2/customers?limit=2", headers=headers)
    address = _links(response)["next"]
    assert address.startswith(f"{base}/v2/customers?cursor=")
    assert address.endswith("&limit=2")


async def test_a_caller_over_tls_is_never_sent_elsewhere(many: ServedLion) -> None:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=many.app), base_url="https://guerdon.test"
    ) as client:
        response = await client.get(
            "/loyaltylion/v2/customers?limit=2",
            headers={**bearer(TOKEN), "X-Forwarded-Proto": "http"},
        )
    assert _links(response)["next"].startswith("https://guerdon.test/loyaltylion/v2/customers?")


async def test_on_a_host_of_its_own_addresses_begin_at_the_root(many: ServedLion) -> None:
    app = create_app(many.ledger, hosts={"lion.example": "loyaltylion"})
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="https://lion.example"
    ) as client:
        response = await client.get("/v2/customers?limit=2", headers=bearer(TOKEN))
        assert _links(response)["next"].startswith("https://lion.example/v2/customers?")
        following = await client.get(_links(response)["next"], headers=bearer(TOKEN))
    assert set(_links(following)) == {"prev", "next"}
