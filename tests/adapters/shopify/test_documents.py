"""Every document, and every variable that is sent with one, against the schema of the version."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import pytest
from graphql import (
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    parse,
    validate,
    validate_schema,
)
from graphql.execution.values import get_variable_values
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from guerdon.adapters.shopify import documents
from guerdon.adapters.shopify.documents import document
from guerdon.adapters.shopify.gift_cards import gift_card_code, gift_card_input
from guerdon.adapters.shopify.metafields import (
    offers_value,
    standing_value,
    write_metafields,
)
from guerdon.adapters.shopify.pool import PER_CALL
from guerdon.adapters.shopify.store_credit import credit_input
from guerdon.adapters.shopify.translate import many_codes, single_use
from guerdon.domain.catalogue import Discount, Reward
from guerdon.domain.ids import MerchantId, RedemptionId
from guerdon.engine.ports import Connected, FulfilmentFailed, Handover
from tests.builders.letters import make_letter, make_member, make_redemption
from tests.builders.shop import make_reward, make_rule, make_shop, make_tier
from tests.builders.state import make_catalogue

T = TypeVar("T")

_FOLDER = Path(str(files(documents.__name__)))
NAMES = sorted(path.stem for path in _FOLDER.glob("*.graphql"))
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    text = files("guerdon.sandbox").joinpath("shopify-admin-subset.graphql").read_text("utf-8")
    built = build_schema(text)
    assert validate_schema(built) == []
    return built


def problems(schema: GraphQLSchema, name: str, variables: dict[str, Any]) -> list[str]:
    """List what the schema holds against variables of a document."""
    (operation,) = parse(document(name).text).definitions
    assert isinstance(operation, OperationDefinitionNode)
    found = get_variable_values(schema, operation.variable_definitions or (), variables)
    return [error.message for error in found] if isinstance(found, list) else []


@pytest.mark.parametrize("name", NAMES)
def test_a_document_is_valid(schema: GraphQLSchema, name: str) -> None:
    parsed = parse(document(name).text)
    assert [error.message for error in validate(schema, parsed)] == []
    (operation,) = parsed.definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert document(name).is_query == (operation.operation.value == "query")


def test_the_check_would_find_a_wrong_variable(schema: GraphQLSchema) -> None:
    wish = single_use(_handover(make_reward()), "MAGE-1")
    assert problems(schema, wish.document, {"input": wish.input}) == []
    assert problems(schema, wish.document, {"input": wish.input | {"usageLimit": "one"}})
    assert problems(schema, wish.document, {"input": wish.input | {"nonsense": 1}})
    both = {"all": "ALL", "customers": {"add": []}}
    assert problems(schema, wish.document, {"input": wish.input | {"context": both}})


_IDS = st.lists(st.integers(1, 10**15).map(str), max_size=3).map(tuple)
_AMOUNTS = st.none() | st.integers(0, 10**12)
_DISCOUNTS = st.builds(
    Discount,
    type=st.sampled_from(["fixed_amount", "percentage", "free_shipping", "free_product"]),
    amount_minor=_AMOUNTS,
    percent_hundredths=st.none() | st.integers(0, 10_000),
    minimum_spend_minor=_AMOUNTS,
    shipping_max_minor=_AMOUNTS,
    collection_ids=_IDS,
    product_ids=_IDS,
    variant_ids=_IDS,
    buys_collection_ids=_IDS,
    buys_product_ids=_IDS,
    buys_quantity=st.integers(1, 100),
    combines_with=st.lists(st.sampled_from(["order", "product", "shipping"]), unique=True).map(
        tuple
    ),
    applies_on_one_time=st.booleans(),
    applies_on_subscription=st.booleans(),
    recurring_cycles_max=st.none() | st.integers(1, 60),
)
_KINDS = st.sampled_from(
    [
        "active_subscription_discount",
        "active_subscription_product",
        "cart_discount",
        "cart_variable_discount",
        "checkout_redemption",
        "collection_discount",
        "custom",
        "free_shipping",
        "gift_card",
        "product_cart",
        "product_discount",
    ]
)
_REWARDS = st.builds(
    lambda name, kind, discount: make_reward(name=name, kind=kind, discount=discount),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=400),
    _KINDS,
    st.none() | _DISCOUNTS,
)
_CURRENCIES = st.sampled_from(["GBP", "USD", "JPY", "KWD"])
_CUSTOMERS = st.sampled_from(["7001", "gid://shopify/Customer/7001", "anna", "b@shop.example"])


def _handover(
    reward: Reward,
    *,
    currency: str = "GBP",
    external_id: str = "7001",
    units: int = 1,
    days: int | None = 30,
) -> Handover:
    merchant = replace(make_shop().merchant, currency=currency)
    expires_at = None if days is None else NOW + timedelta(days=days)
    redemption = make_redemption(reward, units=units, created_at=NOW, expires_at=expires_at)
    connected = Connected(
        merchant_id=MerchantId(1), kind="shopify", definition={"store_credit": "true"}, secrets={}
    )
    return Handover(
        merchant=merchant,
        member=make_member(external_id=external_id),
        reward=reward,
        redemption=redemption,
        connected=connected,
        code="MAGE-7QH2ZPXX",
    )


_HANDOVERS = st.builds(
    _handover,
    _REWARDS,
    currency=_CURRENCIES,
    external_id=_CUSTOMERS,
    units=st.integers(1, 1000),
    days=st.none() | st.integers(1, 4000),
)


def _or_refused(make: Callable[[], T]) -> T | None:
    """Give what is made, or None where it is refused for good, before any call."""
    try:
        return make()
    except FulfilmentFailed as refused:
        if not refused.is_permanent:
            raise
        return None


@given(handover=_HANDOVERS)
def test_whatever_the_reward_shopify_understands_the_discount(
    schema: GraphQLSchema, handover: Handover
) -> None:
    one = _or_refused(lambda: single_use(handover, "MAGE-1"))
    many = _or_refused(lambda: many_codes(handover.merchant, handover.reward, "MAGE-1", NOW))
    for wish in (one, many):
        if wish is not None:
            assert problems(schema, wish.document, {"input": wish.input}) == []
            assert wish.input["tags"][0] == "loyalty"
            assert all(len(tag) <= 255 for tag in wish.input["tags"])
            assert 1 <= len(wish.input["title"]) <= 255


@given(handover=_HANDOVERS)
def test_whatever_the_reward_shopify_understands_the_money(
    schema: GraphQLSchema, handover: Handover
) -> None:
    card = _or_refused(lambda: gift_card_input(handover, gift_card_code("MAGE-7QH2ZP")))
    if card is not None:
        assert problems(schema, "gift_card_create", {"input": card}) == []
    credit = _or_refused(lambda: credit_input(handover))
    if credit is not None:
        variables = {"owner": credit[0], "input": credit[1]}
        assert problems(schema, "store_credit", variables) == []


def test_the_other_documents_get_variables_that_fit(schema: GraphQLSchema) -> None:
    gid = "gid://shopify/Customer/7001"
    shop = make_shop(tiers=(make_tier(1, 0),), rules=(make_rule(),))
    values = {gid: standing_value(make_letter().standing), "gid://shopify/Shop/1": {}}
    values["gid://shopify/Shop/1"] = offers_value(make_catalogue(shop))
    codes = [{"code": f"MAGE-{number}"} for number in range(PER_CALL)]
    sent: dict[str, dict[str, Any]] = {
        "discount_by_code": {"code": "MAGE-1"},
        "discount_deactivate": {"id": "gid://shopify/DiscountCodeNode/1"},
        "metafields_set": {"metafields": write_metafields(values)},
        "customer": {"identifier": {"id": gid}},
        "codes_add": {"discount": "gid://shopify/DiscountCodeNode/1", "codes": codes},
        "subscription_create": {
            "topic": "ORDERS_PAID",
            "subscription": {"uri": "https://points.example/hooks", "format": "JSON"},
        },
    }
    for name, variables in sent.items():
        assert problems(schema, name, variables) == [], name


def test_two_redemptions_never_share_a_tag() -> None:
    first = _handover(make_reward())
    other = make_redemption(make_reward(), id=RedemptionId(6002), created_at=NOW)
    tags = {
        tag
        for handover in (first, replace(first, redemption=other))
        for tag in single_use(handover, "MAGE-1").input["tags"]
    }
    assert len(tags) == 3
