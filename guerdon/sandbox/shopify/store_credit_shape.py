"""How a customer's store credit is shown."""

import re
from collections.abc import Callable
from typing import Any

from guerdon.sandbox.shopify.failures import Fields
from guerdon.sandbox.shopify.shape import Info, gid, money, page
from guerdon.sandbox.shopify.shop import CreditAccount, CreditTransaction, Customer, Shop

OwnerNode = Callable[[Shop, Customer], Fields]


def account_nodes(
    shop: Shop, customer: Customer, query: str | None, *, owner: OwnerNode
) -> list[Fields]:
    """Give a customer's accounts, one per currency; the query may name one."""
    named = re.search(r"currency_code:\s*['\"]?([A-Z]{3})", query or "")
    return [
        account_node(shop, account, owner=owner)
        for account in shop.credit_accounts.values()
        if account.customer_id == customer.id and (named is None or account.currency == named[1])
    ]


def account_node(shop: Shop, account: CreditAccount, *, owner: OwnerNode) -> Fields:
    def transactions(_info: Info, **paging: Any) -> Fields:
        shown = [transaction_node(shop, account, one, owner=owner) for one in account.transactions]
        return page(shown, **paging)

    return {
        "__typename": "StoreCreditAccount",
        "id": gid("StoreCreditAccount", account.id),
        "balance": money(account.balance, account.currency),
        "owner": lambda _info: owner(shop, shop.customers[account.customer_id]),
        "transactions": transactions,
    }


def transaction_node(
    shop: Shop, account: CreditAccount, transaction: CreditTransaction, *, owner: OwnerNode
) -> Fields:
    is_credit = transaction.amount > 0
    kind = "StoreCreditAccountCreditTransaction"
    if not is_credit:
        kind = "StoreCreditAccountDebitTransaction"
    return {
        "__typename": kind,
        "id": gid(kind, transaction.id),
        "account": lambda _info: account_node(shop, account, owner=owner),
        "amount": money(transaction.amount, account.currency),
        "balanceAfterTransaction": money(transaction.balance_after, account.currency),
        "remainingAmount": money(max(transaction.amount, 0 * transaction.amount), account.currency),
        "createdAt": transaction.created_at,
        "expiresAt": transaction.expires_at,
        "event": "ADJUSTMENT",
    }
