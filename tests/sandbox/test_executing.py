"""What is refused before anything runs, and what a call costs."""

from typing import Any

import pytest

from guerdon.sandbox.app import SandboxApp
from guerdon.sandbox.shopify.throttle import REAL
from tests.builders.http import Clock
from tests.builders.shopify_calls import CREATE, NOW, ShopifyCalls, basic_input

_BARE_CREATE = """mutation ($input: DiscountCodeBasicInput!) {
  discountCodeBasicCreate(basicCodeDiscount: $input) { codeDiscountNode { id }
    userErrors { field code } } }"""


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("{ nothing }", "undefinedField"),
        ("{ shop { nothing } }", "undefinedField"),
        ("{ shop(id: 1) { name } }", "argumentNotAccepted"),
        ("{ customer { id } }", "missingRequiredArguments"),
        ("{ shop }", "selectionMismatch"),
        ("query ($a: Int) { shop { name } }", "variableNotUsed"),
        ("{ customer(id: $id) { id } }", "variableNotDefined"),
        (
            "query ($c: Int!) { codeDiscountNodeByCode(code: $c) { id } }",
            "variableMismatch",
        ),
        (
            (
                'mutation { discountCodeBasicCreate(basicCodeDiscount: {usageLimit: "1"})'
                " { userErrors { code } } }"
            ),
            "argumentLiteralsIncompatible",
        ),
        ("{ shop { ...nowhere } }", "useAndDefineFragment"),
        ("{ shop { name }", "BAD_REQUEST"),
        ("query A { shop { name } } query B { shop { name } }", "BAD_REQUEST"),
    ],
)
async def test_wrong_document_is_refused_in_shopify_s_words(
    shopify: ShopifyCalls, document: str, code: str
) -> None:
    came = await shopify.post(document)
    assert came.status_code == 200
    body = came.json()
    assert list(body) == ["errors"]
    assert body["errors"][0]["extensions"]["code"] == code


@pytest.mark.parametrize(
    ("changes", "path", "explanation"),
    [
        ({"colour": "red"}, ["colour"], "Field is not defined on DiscountCodeBasicInput"),
        ({"usageLimit": "1"}, ["usageLimit"], "Int cannot represent non-integer value: '1'"),
        ({"startsAt": "today"}, ["startsAt"], "DateTime cannot represent value: 'today'"),
        ({"startsAt": "2026-11-21T09:00:00"}, ["startsAt"], None),
        ({"context": {"all": "SOME"}}, ["context", "all"], None),
        (
            {"context": {"all": "ALL", "customers": {"add": []}}},
            ["context"],
            None,
        ),
        (
            {"minimumRequirement": {"quantity": {"greaterThanOrEqualToQuantity": "-1"}}},
            ["minimumRequirement", "quantity", "greaterThanOrEqualToQuantity"],
            None,
        ),
    ],
)
async def test_wrong_variable_is_refused_with_its_path(
    shopify: ShopifyCalls, changes: dict[str, Any], path: list[str], explanation: str | None
) -> None:
    (error,) = await shopify.errors(CREATE, {"input": basic_input(**changes)})
    assert error["extensions"]["code"] == "INVALID_VARIABLE"
    (problem,) = error["extensions"]["problems"]
    assert problem["path"] == path
    assert explanation in (None, problem["explanation"])


async def test_missing_variable_is_refused(shopify: ShopifyCalls) -> None:
    (error,) = await shopify.errors(CREATE)
    (problem,) = error["extensions"]["problems"]
    assert problem == {"path": [], "explanation": "Expected value to not be null"}


async def test_malformed_id_is_refused(shopify: ShopifyCalls) -> None:
    (error,) = await shopify.errors('{ customer(id: "7001") { id } }')
    assert error["message"] == "Invalid global id '7001'"


async def test_unbounded_list_is_refused(shopify: ShopifyCalls) -> None:
    (error,) = await shopify.errors("{ customers { nodes { id } } }")
    assert error["extensions"]["code"] == "BAD_REQUEST"
    assert error["message"] == "you must provide one of first or last"


async def test_pages_lead_through_a_list(shopify: ShopifyCalls) -> None:
    made = [await shopify.create_id(code=f"C{n}") for n in range(5)]
    ask = """query ($after: String) { discountNodes(first: 2, after: $after) {
      nodes { id } pageInfo { hasNextPage endCursor } } }"""
    seen: list[str] = []
    found: Any = {"pageInfo": {"endCursor": None}}
    for _ in range(3):
        after = found["pageInfo"]["endCursor"]
        found = await shopify.call(ask, {"after": after})
        seen += [node["id"].replace("DiscountNode", "DiscountCodeNode") for node in found["nodes"]]
    assert seen == made
    assert found["pageInfo"]["hasNextPage"] is False


@pytest.mark.parametrize(
    ("document", "variables", "cost"),
    [
        ("{ shop { name } }", {}, 1),
        ('{ codeDiscountNodeByCode(code: "A") { id } }', {}, 1),
        (_BARE_CREATE, {"input": basic_input()}, 10),
        (CREATE, {"input": basic_input()}, 23),
    ],
)
async def test_cost_is_that_of_shopify_s_rules(
    shopify: ShopifyCalls, document: str, variables: dict[str, Any], cost: int
) -> None:
    came = await shopify.post(document, variables)
    shown = came.json()["extensions"]["cost"]
    assert (shown["requestedQueryCost"], shown["actualQueryCost"]) == (cost, cost)


async def test_one_call_has_a_most_it_may_cost(shopify: ShopifyCalls) -> None:
    (error,) = await shopify.errors(
        "{ customers(first: 250) { nodes { storeCreditAccounts(first: 5) { nodes { id } } } } }"
    )
    assert error["extensions"]["code"] == "MAX_COST_EXCEEDED"


async def test_empty_bucket_throttles_and_does_not_act() -> None:
    clock = Clock(NOW)
    shopify = ShopifyCalls(SandboxApp(clock, rate=REAL), clock)
    for n in range(199):
        await shopify.post(_BARE_CREATE, {"input": basic_input(code=f"C{n}")})
    came = await shopify.post(_BARE_CREATE, {"input": basic_input(code="C199")})
    status = came.json()["extensions"]["cost"]["throttleStatus"]
    assert status == {"maximumAvailable": 2000.0, "currentlyAvailable": 0, "restoreRate": 100.0}
    throttled = (await shopify.post(_BARE_CREATE, {"input": basic_input(code="LAST")})).json()
    assert "data" not in throttled
    assert throttled["errors"][0]["message"] == "Throttled"
    assert throttled["errors"][0]["extensions"]["code"] == "THROTTLED"
    cost = throttled["extensions"]["cost"]
    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (10, None)
    # What a client must wait is worked out from what it was told.
    clock.advance(seconds=(10 - cost["throttleStatus"]["currentlyAvailable"]) / 100)
    assert (await shopify.call('{ codeDiscountNodeByCode(code: "LAST") { id } }')) is None
    clock.advance(seconds=0.01)
    assert "data" in (await shopify.post(_BARE_CREATE, {"input": basic_input(code="LAST")})).json()


async def test_two_apps_have_a_bucket_each() -> None:
    clock = Clock(NOW)
    shopify = ShopifyCalls(SandboxApp(clock, rate=REAL), clock)
    await shopify.post("{ shop { name } }")
    shopify.client.headers["X-Shopify-Access-Token"] = "another-token"
    came = await shopify.post("{ shop { name } }")
    assert came.json()["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"] == 1999


@pytest.mark.parametrize("body", ["no json", "[]", "{}", '{"query": 5}'])
async def test_body_without_a_query_is_a_bad_request(shopify: ShopifyCalls, body: str) -> None:
    came = await shopify.client.post("/admin/api/2026-10/graphql.json", content=body)
    assert came.status_code == 400
