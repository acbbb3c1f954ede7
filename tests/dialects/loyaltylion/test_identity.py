"""Who calls, and for which sites."""

from guerdon.dialects.loyaltylion.scopes import SCOPES
from tests.builders.lion import ServedLion, basic


async def test_a_key_learns_who_it_is(served: ServedLion) -> None:
    headers = await served.add_key("read_customers", "write_orders")
    response = await served.client.get("/v2/whoami", headers=headers)
    assert response.status_code == 200
    assert response.json() == {
        "kind": "api_key",
        "account_id": served.shop.id,
        "program_id": served.shop.program.id,
        "scopes": ["read_customers", "write_orders"],
        "integration": None,
    }


async def test_a_token_and_secret_have_every_scope(served: ServedLion) -> None:
    response = await served.client.get("/v2/whoami", headers=basic())
    assert response.status_code == 200
    assert response.json()["kind"] == "token_secret"
    assert response.json()["scopes"] == list(SCOPES)
