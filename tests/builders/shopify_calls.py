"""Calls to a sandbox's Shopify, made in the process, and the inputs they take."""

from datetime import UTC, datetime
from typing import Any

import httpx

from guerdon.sandbox.app import SandboxApp
from tests.builders.http import Clock
from tests.builders.sandbox import SHOP

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
CUSTOMER = "gid://shopify/Customer/7001002003"
VERSION = "2026-10"

CREATE = """
mutation Create($input: DiscountCodeBasicInput!) {
  discountCodeBasicCreate(basicCodeDiscount: $input) {
    codeDiscountNode { id codeDiscount { __typename ... on DiscountCodeBasic {
      title status startsAt endsAt usageLimit discountClasses tags
      codes(first: 5) { nodes { id code } }
      customerGets { value { __typename
        ... on DiscountAmount { amount { amount currencyCode } }
        ... on DiscountPercentage { percentage } } }
      context { __typename ... on DiscountCustomers { customers { id } } } } } }
    userErrors { field code message extraInfo } } }
"""


class ShopifyCalls:
    """One app's calls to one shop, in the process, at a time that stands still."""

    def __init__(self, app: SandboxApp, clock: Clock) -> None:
        self.app = app
        self.clock = clock
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app),
            base_url=f"http://sandbox.test/shopify/{SHOP}",
            headers={"X-Shopify-Access-Token": "a-token"},
        )

    async def post(
        self, query: str, variables: dict[str, Any] | None = None, *, version: str = VERSION
    ) -> httpx.Response:
        body = {"query": query, "variables": variables or {}}
        return await self.client.post(f"/admin/api/{version}/graphql.json", json=body)

    async def call(self, query: str, variables: dict[str, Any] | None = None) -> Any:
        """Give the value of the only root field, of a call that has no top-level errors."""
        came = await self.post(query, variables)
        assert came.status_code == 200
        body = came.json()
        assert "errors" not in body, body["errors"]
        (value,) = body["data"].values()
        return value

    async def errors(self, query: str, variables: dict[str, Any] | None = None) -> Any:
        """Give the top-level errors of a call that has some."""
        came = await self.post(query, variables)
        assert came.status_code == 200
        return came.json()["errors"]

    async def create(self, **changes: Any) -> Any:
        """Create a basic discount, and give the payload."""
        return await self.call(CREATE, {"input": basic_input(**changes)})

    async def create_id(self, **changes: Any) -> str:
        payload = await self.create(**changes)
        assert payload["userErrors"] == []
        made: str = payload["codeDiscountNode"]["id"]
        return made


def basic_input(**changes: Any) -> dict[str, Any]:
    """Make the input of a basic discount; what is changed to None is left out."""
    given = {
        "title": "A reward",
        "code": "LOY-1",
        "startsAt": "2026-11-21T09:00:00Z",
        "usageLimit": 1,
        "appliesOncePerCustomer": True,
        "context": {"customers": {"add": [CUSTOMER]}},
        "customerGets": {
            "value": {"discountAmount": {"amount": "15.00", "appliesOnEachItem": False}},
            "items": {"all": True},
        },
        "combinesWith": {"productDiscounts": True},
        "tags": ["loyalty", "redemption-9"],
        **changes,
    }
    return {name: value for name, value in given.items() if value is not None}


def refusals(payload: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Give a payload's user errors as paths and codes."""
    return [(".".join(one["field"] or []), one.get("code")) for one in payload["userErrors"]]
