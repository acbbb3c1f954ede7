"""Which scope opens which call, written down once more: every route with every single scope."""

import re

import pytest

from guerdon.dialects.loyaltylion.routes import ROUTES
from guerdon.dialects.loyaltylion.scopes import SCOPES
from tests.builders.lion import ServedLion, basic, error_of

_READ = {"read_customers", "write_customers"}
_WRITE = {"write_customers"}
_READ_ORDERS = {"read_orders", "write_orders"}
_WRITE_ORDERS = {"write_orders"}
_ANY: set[str] = set(SCOPES)
_CUSTOMER = "/v2/customers/{merchant_id}"
_CLAIMS = f"{_CUSTOMER}/claimed_rewards"
_OPENED_BY: dict[str, set[str]] = {
    "GET /v2/whoami": _ANY,
    "GET /v2/sites": _ANY,
    "GET /v2/customers": _READ,
    f"GET {_CUSTOMER}": _READ,
    f"PATCH {_CUSTOMER}": _WRITE,
    f"PUT {_CUSTOMER}": _WRITE,
    f"POST {_CUSTOMER}/points": _WRITE,
    f"POST {_CUSTOMER}/remove_points": _WRITE,
    f"GET {_CUSTOMER}/transactions": _READ,
    "GET /v2/transactions": _READ,
    f"GET {_CUSTOMER}/available_rewards": _READ,
    f"POST {_CLAIMS}": _WRITE,
    f"GET {_CLAIMS}": _READ,
    f"GET {_CLAIMS}/{{claimed_reward_id}}": _READ,
    f"POST {_CLAIMS}/{{claimed_reward_id}}/refund": _WRITE,
    "POST /v2/rewards/{reward_id}/enable": {"write_configuration"},
    "POST /v2/rewards/{reward_id}/disable": {"write_configuration"},
    "GET /v2/loyalty_emails/unsubscribes": {"read_unsubscribes", "write_unsubscribes"},
    "POST /v2/loyalty_emails/unsubscribes": {"write_unsubscribes"},
    "POST /v2/webhooks": _ANY,
    "GET /v2/webhooks": _ANY,
    "DELETE /v2/webhooks/{webhook_id}": _ANY,
    "GET /v2/activities": _READ,
    "POST /v2/activities": _WRITE,
    "PUT /v2/activities/{name}/{merchant_id}": _WRITE,
    "GET /v2/orders": _READ_ORDERS,
    "POST /v2/orders": _WRITE_ORDERS,
    "GET /v2/orders/{merchant_id}": _READ_ORDERS,
    "PUT /v2/orders/{merchant_id}": _WRITE_ORDERS,
    "PUT /v2/orders/{merchant_id}/cancelled": _WRITE_ORDERS,
    "PUT /v2/orders/{merchant_id}/paid": _WRITE_ORDERS,
    "PUT /v2/orders/{merchant_id}/refunded": _WRITE_ORDERS,
    "POST /v2/orders/{merchant_id}/payments": _WRITE_ORDERS,
    "POST /v2/orders/{merchant_id}/refunds": _WRITE_ORDERS,
}
_CLOSED_TO_PAIRS = {
    "GET /v2/sites",
    "POST /v2/rewards/{reward_id}/enable",
    "POST /v2/rewards/{reward_id}/disable",
}


def _concrete(path: str) -> str:
    return re.sub(r"{(\w+)}", lambda found: "7" if found[1] != "name" else "x", path)


def test_every_route_is_written_down() -> None:
    assert {f"{route.method} {route.path}" for route in ROUTES} == _OPENED_BY.keys()


@pytest.mark.parametrize("scope", [*SCOPES, None])
async def test_a_scope_alone_opens_these_and_no_others(
    served: ServedLion, scope: str | None
) -> None:
    headers = await served.add_key(*([scope] if scope else []))
    for name, opened_by in _OPENED_BY.items():
        method, path = name.split(" ")
        response = await served.client.request(method, _concrete(path), headers=headers)
        is_open = scope in opened_by or opened_by == _ANY
        if is_open:
            assert response.status_code not in (401, 403, 500), name
        else:
            assert error_of(response)[:2] == (403, "forbidden"), name


async def test_a_token_and_secret_has_all_scopes_but_not_all_calls(served: ServedLion) -> None:
    for name in _OPENED_BY:
        method, path = name.split(" ")
        response = await served.client.request(method, _concrete(path), headers=basic())
        assert (response.status_code == 403) == (name in _CLOSED_TO_PAIRS), name
        assert response.status_code not in (401, 500), name
