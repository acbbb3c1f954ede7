"""Customers, and how they are found."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from guerdon.sandbox.shopify.failures import Fields
from guerdon.sandbox.shopify.metafield_shape import metafield_fields
from guerdon.sandbox.shopify.shape import Info, Root, gid, money, number_of, page
from guerdon.sandbox.shopify.shop import Customer, Shop
from guerdon.sandbox.shopify.store_credit_shape import account_nodes


def customer_roots(shop: Shop) -> dict[str, Root]:
    """Give the resolvers of the customers' root fields."""

    def by_id(_info: Info, id: str) -> Fields | None:  # noqa: A002
        return _node_or_none(shop, shop.find_customer(number_of(id, "Customer")))

    def by_identifier(_info: Info, identifier: Fields) -> Fields | None:
        ((name, value),) = identifier.items()
        if name == "id":
            return _node_or_none(shop, shop.find_customer(number_of(value, "Customer")))
        for customer in shop.customers.values():
            if name == "emailAddress" and (customer.email or "").casefold() == value.casefold():
                return customer_node(shop, customer)
            if name == "phoneNumber" and customer.phone == value:
                return customer_node(shop, customer)
        return None

    return {
        "customer": by_id,
        "customerByIdentifier": by_identifier,
        "customers": _searching(shop),
        "tagsAdd": _tagging(shop, lambda before, tags: sorted({*before, *tags})),
        "tagsRemove": _tagging(shop, lambda before, tags: sorted({*before} - {*tags})),
    }


def _node_or_none(shop: Shop, customer: Customer | None) -> Fields | None:
    return None if customer is None else customer_node(shop, customer)


def customer_node(shop: Shop, customer: Customer) -> Fields:
    """Show a customer; what leads back to customers is worked out only when asked for."""
    name = gid("Customer", customer.id)
    full = " ".join(part for part in (customer.first_name, customer.last_name) if part)

    def accounts(_info: Info, query: str | None = None, **paging: Any) -> Fields:
        return page(account_nodes(shop, customer, query, owner=customer_node), **paging)

    return {
        "__typename": "Customer",
        "id": name,
        "legacyResourceId": customer.id,
        "email": customer.email,
        "phone": customer.phone,
        "defaultEmailAddress": _email(customer),
        "defaultPhoneNumber": (
            None
            if customer.phone is None
            else {"phoneNumber": customer.phone, "marketingState": "NOT_SUBSCRIBED"}
        ),
        "firstName": customer.first_name,
        "lastName": customer.last_name,
        "displayName": full or customer.email or str(customer.id),
        "state": "DISABLED",
        "locale": "en",
        "note": None,
        "tags": customer.tags,
        "verifiedEmail": True,
        "numberOfOrders": 0,
        "amountSpent": money(Decimal(0), shop.settings.currency),
        "createdAt": customer.created_at,
        "updatedAt": customer.created_at,
        "orders": lambda _info, **paging: page([], **paging),
        "storeCreditAccounts": accounts,
        **metafield_fields(shop, name),
    }


def _email(customer: Customer) -> Fields | None:
    if customer.email is None:
        return None
    return {
        "emailAddress": customer.email,
        "marketingState": "NOT_SUBSCRIBED",
        "validFormat": True,
    }


def _searching(shop: Shop) -> Root:
    def search(_info: Info, query: str | None = None, **paging: Any) -> Fields:
        found = [one for one in shop.customers.values() if _matches(one, query or "")]
        return page([customer_node(shop, one) for one in found], **paging)

    return search


def _matches(customer: Customer, query: str) -> bool:
    """Apply the two filters that are used: an e-mail in quotes is compared whole."""
    email = (customer.email or "").casefold()
    named = re.search(r"email:(?:[\"']([^\"']*)[\"']|(\S+))", query)
    if named is not None and named[1] is not None:
        return named[1].casefold() == email
    if named is not None:
        return set(re.split(r"\W+", named[2].casefold())) <= set(re.split(r"\W+", email))
    numbered = re.search(r"\bid:(\d+)", query)
    return numbered is None or int(numbered[1]) == customer.id


def _tagging(shop: Shop, change: Callable[[list[str], list[str]], list[str]]) -> Root:
    def tag(_info: Info, id: str, tags: list[str]) -> Fields:  # noqa: A002
        customer = shop.find_customer(number_of(id, "Customer"))
        if customer is None:
            return {"node": None, "userErrors": [{"field": ["id"], "message": "Not found"}]}
        customer.tags = change(customer.tags, tags)
        return {"node": customer_node(shop, customer), "userErrors": []}

    return tag
