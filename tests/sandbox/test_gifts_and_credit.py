from typing import Any

import pytest

from tests.builders.sandbox import SHOP
from tests.builders.shopify_calls import CUSTOMER, ShopifyCalls, refusals

_CARD = """mutation ($i: GiftCardCreateInput!) { giftCardCreate(input: $i) {
  giftCard { id lastCharacters note enabled initialValue { amount currencyCode } }
  giftCardCode userErrors { field code message } } }"""
_CREDIT = """mutation ($id: ID!, $c: StoreCreditAccountCreditInput!) {
  storeCreditAccountCredit(id: $id, creditInput: $c) {
    storeCreditAccountTransaction { amount { amount } balanceAfterTransaction { amount }
      expiresAt account { id } }
    userErrors { field code } } }"""
_DEBIT = """mutation ($id: ID!, $c: StoreCreditAccountDebitInput!) {
  storeCreditAccountDebit(id: $id, debitInput: $c) {
    storeCreditAccountTransaction { balanceAfterTransaction { amount } }
    userErrors { field code } } }"""
_TRANSACTIONS = """query ($id: ID!) { customer(id: $id) {
  storeCreditAccounts(first: 1, query: "currency_code:GBP") { nodes {
    balance { amount }
    transactions(first: 5, reverse: true) { nodes {
      amount { amount } createdAt
      ... on StoreCreditAccountCreditTransaction { expiresAt } } } } } } }"""


def _card(**changes: Any) -> dict[str, Any]:
    given = {
        "initialAmount": {"amount": "25.00", "currencyCode": "GBP"},
        "code": "GIFT2345",
        "customerId": CUSTOMER,
        "note": "redemption 9",
        **changes,
    }
    return {name: value for name, value in given.items() if value is not None}


async def test_gift_card_shows_its_code_once(shopify: ShopifyCalls) -> None:
    payload = await shopify.call(_CARD, {"i": _card()})
    assert payload["userErrors"] == []
    assert payload["giftCardCode"].upper() == "GIFT2345"
    card = payload["giftCard"]
    assert card["initialValue"] == {"amount": "25.0", "currencyCode": "GBP"}
    assert card["lastCharacters"] == "2345"
    found = await shopify.call(
        '{ giftCards(first: 1, query: "gift2345") { nodes { id note lastCharacters } } }'
    )
    assert found["nodes"] == [{"id": card["id"], "note": "redemption 9", "lastCharacters": "2345"}]


async def test_duplicate_gift_card_has_no_error_code(shopify: ShopifyCalls) -> None:
    await shopify.call(_CARD, {"i": _card()})
    payload = await shopify.call(_CARD, {"i": _card(code="gift2345")})
    assert payload["giftCard"] is None
    assert payload["userErrors"] == [
        {"field": ["input", "code"], "code": None, "message": "Code has already been taken"}
    ]


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"initialAmount": None}, "input.initialAmount", "MISSING_ARGUMENT"),
        (
            {"initialAmount": {"amount": "0", "currencyCode": "GBP"}},
            "input.initialAmount.amount",
            "GREATER_THAN",
        ),
        (
            {"initialAmount": {"amount": "2000.01", "currencyCode": "GBP"}},
            "input.initialAmount.amount",
            "GIFT_CARD_LIMIT_EXCEEDED",
        ),
        ({"code": "SHORT"}, "input.code", "TOO_SHORT"),
        ({"code": "L" * 21}, "input.code", "TOO_LONG"),
        ({"code": "WITH-DASH"}, "input.code", "INVALID"),
    ],
)
async def test_wrong_gift_card_is_refused(
    shopify: ShopifyCalls, changes: dict[str, Any], path: str, code: str
) -> None:
    assert refusals(await shopify.call(_CARD, {"i": _card(**changes)})) == [(path, code)]


async def test_strict_shop_knows_whom_it_gives_to(shopify: ShopifyCalls) -> None:
    shopify.app.world.shop(SHOP)._strict_customers = True
    card = await shopify.call(_CARD, {"i": _card()})
    assert refusals(card) == [("input.customerId", "CUSTOMER_NOT_FOUND")]
    credit = await shopify.call(_CREDIT, {"id": CUSTOMER, "c": _credit("5")})
    assert refusals(credit) == [("id", "OWNER_NOT_FOUND")]


async def test_gift_card_is_deactivated_for_good(shopify: ShopifyCalls) -> None:
    made = (await shopify.call(_CARD, {"i": _card()}))["giftCard"]["id"]
    end = """mutation ($id: ID!) { giftCardDeactivate(id: $id) {
      giftCard { enabled deactivatedAt } userErrors { field code } } }"""
    payload = await shopify.call(end, {"id": made})
    assert payload["giftCard"] == {"enabled": False, "deactivatedAt": "2026-11-21T09:30:00Z"}
    shopify.clock.advance(hours=1)
    assert await shopify.call(end, {"id": made}) == payload
    unknown = await shopify.call(end, {"id": "gid://shopify/GiftCard/1"})
    assert refusals(unknown) == [("id", "GIFT_CARD_NOT_FOUND")]


def _credit(amount: str, **more: Any) -> dict[str, Any]:
    return {"creditAmount": {"amount": amount, "currencyCode": "GBP"}, **more}


async def test_every_credit_is_a_new_one(shopify: ShopifyCalls) -> None:
    given = _credit("5", expiresAt="2027-11-21T09:30:07Z")
    for balance in ("5.0", "10.0"):
        payload = await shopify.call(_CREDIT, {"id": CUSTOMER, "c": given})
        assert payload["userErrors"] == []
        transaction = payload["storeCreditAccountTransaction"]
        assert transaction["balanceAfterTransaction"]["amount"] == balance
        shopify.clock.advance(seconds=1)
    account = (await shopify.call(_TRANSACTIONS, {"id": CUSTOMER}))["storeCreditAccounts"]
    assert account["nodes"][0] == {
        "balance": {"amount": "10.0"},
        "transactions": {
            "nodes": [
                {
                    "amount": {"amount": "5.0"},
                    "createdAt": f"2026-11-21T09:30:0{second}Z",
                    "expiresAt": "2027-11-21T09:30:07Z",
                }
                for second in (1, 0)
            ]
        },
    }


@pytest.mark.parametrize(
    ("given", "path", "code"),
    [
        (_credit("0"), "creditInput.creditAmount.amount", "NEGATIVE_OR_ZERO_AMOUNT"),
        (
            _credit("5", expiresAt="2026-11-21T09:30:00Z"),
            "creditInput.expiresAt",
            "EXPIRES_AT_IN_PAST",
        ),
        (_credit("10001"), "creditInput.creditAmount.amount", "CREDIT_LIMIT_EXCEEDED"),
    ],
)
async def test_wrong_credit_is_refused_and_opens_no_account(
    shopify: ShopifyCalls, given: dict[str, Any], path: str, code: str
) -> None:
    payload = await shopify.call(_CREDIT, {"id": CUSTOMER, "c": given})
    assert refusals(payload) == [(path, code)]
    assert shopify.app.world.shop(SHOP).credit_accounts == {}


async def test_account_has_one_currency(shopify: ShopifyCalls) -> None:
    payload = await shopify.call(_CREDIT, {"id": CUSTOMER, "c": _credit("5")})
    account = payload["storeCreditAccountTransaction"]["account"]["id"]
    other = {"creditAmount": {"amount": "5", "currencyCode": "EUR"}}
    refused = await shopify.call(_CREDIT, {"id": account, "c": other})
    assert refusals(refused) == [("creditInput.creditAmount", "MISMATCHING_CURRENCY")]


async def test_debit_takes_no_more_than_there_is(shopify: ShopifyCalls) -> None:
    given = {"debitAmount": {"amount": "3", "currencyCode": "GBP"}}
    without = await shopify.call(_DEBIT, {"id": CUSTOMER, "c": given})
    assert refusals(without) == [("id", "ACCOUNT_NOT_FOUND")]
    await shopify.call(_CREDIT, {"id": CUSTOMER, "c": _credit("5")})
    payload = await shopify.call(_DEBIT, {"id": CUSTOMER, "c": given})
    transaction = payload["storeCreditAccountTransaction"]
    assert transaction == {"balanceAfterTransaction": {"amount": "2.0"}}
    refused = await shopify.call(_DEBIT, {"id": CUSTOMER, "c": given})
    assert refusals(refused) == [("debitInput.debitAmount.amount", "INSUFFICIENT_FUNDS")]
