"""Webhook subscriptions, and the one secret that they are signed with."""

import asyncio
from typing import Any

import pytest

from guerdon.dialects.loyaltylion.announcing import EVENTS
from guerdon.dialects.loyaltylion.wire_webhooks import TOPICS
from guerdon.domain.errors import Invalid
from guerdon.domain.webhook_url import UrlRules
from guerdon.engine import subscribing
from guerdon.engine.subscribing import Scope, tell_shared_secret
from guerdon.store import webhook_subscriptions
from guerdon.store.snapshot import snapshot
from tests.builders.http import everything
from tests.builders.lion import ServedLion, basic, details_of, error_of
from tests.dialects.loyaltylion.conftest import SEAL, ServeLion

_ADDRESS = "https://shop.example/hooks"


def _body(topic: str = "customers/update", address: str = _ADDRESS) -> dict[str, Any]:
    return {"webhook": {"topic": topic, "address": address}}


def _scope(served: ServedLion) -> Scope:
    return Scope(
        merchant_id=served.shop.id, dialect="loyaltylion", program_id=served.shop.program.id
    )


async def _secrets(served: ServedLion) -> set[str]:
    """Open what the program's webhooks are signed with."""
    async with snapshot(served.pool) as view:
        found = await webhook_subscriptions.list_addressed_subscriptions(view, served.shop.id)
    return {
        SEAL.open(sealed, subscribing.context_of(served.shop.id, each.id)).decode()
        for each, sealed in found
    }


async def test_a_webhook_is_made_listed_and_removed(served: ServedLion) -> None:
    made = await served.client.post("/v2/webhooks", json=_body())
    assert made.status_code == 201
    webhook = made.json()["webhook"]
    assert list(made.json()) == ["webhook"]
    assert webhook == {
        "id": webhook["id"],
        "topic": "customers/update",
        "address": _ADDRESS,
        "created_at": webhook["created_at"],
        "updated_at": webhook["created_at"],
        "service_integration_id": None,
    }
    assert webhook["created_at"].endswith("Z")
    other = (await served.client.post("/v2/webhooks", json=_body(TOPICS[1]))).json()["webhook"]
    listed = await served.client.get("/v2/webhooks")
    assert (listed.status_code, listed.json()) == (200, {"webhooks": [other, webhook]})
    removed = await served.client.delete(f"/v2/webhooks/{webhook['id']}")
    assert (removed.status_code, removed.content) == (204, b"")
    assert (await served.client.get("/v2/webhooks")).json() == {"webhooks": [other]}
    gone = await served.client.delete(f"/v2/webhooks/{webhook['id']}")
    assert error_of(gone) == (404, "not_found", f"Webhook '{webhook['id']}' not found")


async def test_a_retry_with_its_key_makes_one_webhook(served: ServedLion) -> None:
    headers = {"Idempotency-Key": "once"}
    answers = [
        await served.client.post("/v2/webhooks", json=_body(), headers=headers) for _ in range(2)
    ]
    assert answers[0].content == answers[1].content
    assert "idempotent-replayed" in answers[1].headers
    assert len((await served.client.get("/v2/webhooks")).json()["webhooks"]) == 1
    path = f"/v2/webhooks/{answers[0].json()['webhook']['id']}"
    for is_replay in (False, True):
        removed = await served.client.delete(path, headers={"Idempotency-Key": "away"})
        assert removed.status_code == 204
        assert ("idempotent-replayed" in removed.headers) is is_replay


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({}, {"webhook": "required"}),
        ({"webhook": []}, {"webhook": "expected object, received array"}),
        ({"webhook": {}}, {"webhook.topic": "required", "webhook.address": "required"}),
        (
            {"webhook": {"topic": 1, "address": None, "service_integration_id": "x"}},
            {
                "webhook.topic": "expected string, received integer",
                "webhook.address": "expected string, received null",
                "webhook.service_integration_id": "expected integer or null, received string",
            },
        ),
        (_body("customers/created"), {"webhook.topic": "is not a known topic"}),
        (
            _body("rewards/store_fulfilment"),
            {"webhook.topic": "is managed by the rewards and cannot be subscribed to"},
        ),
        (_body(address="http://shop.example/"), {"webhook.address": "must use HTTPS"}),
        (_body(address="hooks"), {"webhook.address": "must be a valid URL"}),
        (
            _body(address="https://127.0.0.1/"),
            {"webhook.address": "must not point to a private address"},
        ),
    ],
)
async def test_what_makes_no_sense_is_named_and_changes_nothing(
    served: ServedLion, body: object, details: dict[str, str]
) -> None:
    before = await everything(served.pool, "webhook_subscriptions", "signing_secrets")
    assert details_of(await served.client.post("/v2/webhooks", json=body)) == details
    assert await everything(served.pool, "webhook_subscriptions", "signing_secrets") == before


@pytest.mark.parametrize("text", ["x", "0", "-1", "1.5", "9007199254740992", "%D9%A3", "1e3"])
async def test_an_id_that_is_no_number_is_named(served: ServedLion, text: str) -> None:
    response = await served.client.delete(f"/v2/webhooks/{text}")
    assert list(details_of(response)) == ["webhook_id"]


@pytest.mark.parametrize(
    ("scopes", "topic", "lacking"),
    [
        (("read_customers",), "customers/update", None),
        (("write_customers",), "program_events/customer.points_earned", None),
        (("read_orders",), "customers/update", "read_customers"),
        (("read_customers",), "loyalty_emails/unsubscribe", "read_unsubscribes"),
        (("write_unsubscribes",), "loyalty_emails/unsubscribe", None),
        (("read_customers",), "program_events/customer.referral_complete", "read_orders"),
        (("read_orders",), "program_events/customer.rule_completed", "read_customers"),
        (("read_customers", "write_orders"), "program_events/customer.rule_completed", None),
    ],
)
async def test_a_key_subscribes_to_what_its_scopes_cover(
    served: ServedLion, scopes: tuple[str, ...], topic: str, lacking: str | None
) -> None:
    headers = await served.add_key(*scopes)
    response = await served.client.post("/v2/webhooks", json=_body(topic), headers=headers)
    if lacking is None:
        assert response.status_code == 201
    else:
        assert error_of(response) == (403, "forbidden", f"This API key lacks the scope {lacking}")


async def test_every_topic_of_the_vendors_is_taken(served: ServedLion) -> None:
    for topic in TOPICS:
        response = await served.client.post("/v2/webhooks", json=_body(topic), headers=basic())
        assert response.json()["webhook"]["topic"] == topic
    assert set(EVENTS) <= set(TOPICS)


async def test_an_operator_may_allow_http_for_trials(serve_shop: ServeLion) -> None:
    served = await serve_shop(webhook_urls=UrlRules(allows_http=True, allows_private=True))
    response = await served.client.post("/v2/webhooks", json=_body(address="http://localhost:1/x"))
    assert response.status_code == 201


async def test_all_webhooks_of_a_program_share_the_site_secret(served: ServedLion) -> None:
    await asyncio.gather(*(served.client.post("/v2/webhooks", json=_body()) for _ in range(4)))
    await served.client.post("/v2/webhooks", json=_body(), headers=basic())
    runtime = served.ledger.runtime
    secret = await tell_shared_secret(runtime, _scope(served))
    assert len(secret) == 64
    assert await _secrets(served) == {secret}
    assert await tell_shared_secret(runtime, _scope(served)) == secret


async def test_the_site_secret_that_a_shop_has_already_is_kept(served: ServedLion) -> None:
    await served.client.post("/v2/webhooks", json=_body())
    runtime = served.ledger.runtime
    mine = "the-site-secret-of-the-shop"
    assert await tell_shared_secret(runtime, _scope(served), mine) == mine
    await served.client.post("/v2/webhooks", json=_body())
    assert await _secrets(served) == {mine}
    with pytest.raises(Invalid):
        await tell_shared_secret(runtime, _scope(served), "short")
    assert await tell_shared_secret(runtime, _scope(served)) == mine
