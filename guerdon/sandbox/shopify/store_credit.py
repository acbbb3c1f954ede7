"""Store credit. Nothing in a call lets Shopify see that it is a repetition, so nor does this."""

from decimal import Decimal
from typing import Any

from guerdon.sandbox.shopify.customers import customer_node
from guerdon.sandbox.shopify.failures import Fields, user_error
from guerdon.sandbox.shopify.shape import Info, Root, number_of
from guerdon.sandbox.shopify.shop import CreditAccount, CreditTransaction, Shop
from guerdon.sandbox.shopify.store_credit_shape import account_node, transaction_node

_Refusal = tuple[list[str], str, str]


def store_credit_roots(shop: Shop) -> dict[str, Root]:
    """Give the resolvers of the root fields of store credit."""

    def account(_info: Info, id: str) -> Fields | None:  # noqa: A002
        found = shop.credit_accounts.get(number_of(id, "StoreCreditAccount") or 0)
        return None if found is None else account_node(shop, found, owner=customer_node)

    def credit(_info: Info, id: str, **arguments: Fields) -> Fields:  # noqa: A002
        return _credit(shop, id, arguments["creditInput"])

    def debit(_info: Info, id: str, **arguments: Fields) -> Fields:  # noqa: A002
        return _debit(shop, id, arguments["debitInput"])

    return {
        "storeCreditAccount": account,
        "storeCreditConfiguration": lambda _: {"storeCreditEnabled": True},
        "storeCreditAccountCredit": credit,
        "storeCreditAccountDebit": debit,
    }


def _credit(shop: Shop, name: str, given: Fields) -> Fields:
    amount: Decimal = given["creditAmount"]["amount"]
    currency: str = given["creditAmount"]["currencyCode"]
    expires_at = given.get("expiresAt")
    where = ["creditInput", "creditAmount"]
    found = _account(shop, name, currency, opens=True)
    if isinstance(found, tuple):
        return _refused(found)
    if found.currency != currency:
        return _refused((where, "The currency is not the account's.", "MISMATCHING_CURRENCY"))
    if amount <= 0:
        message = "A positive amount must be used to credit a store credit account."
        return _refused(([*where, "amount"], message, "NEGATIVE_OR_ZERO_AMOUNT"))
    if expires_at is not None and expires_at <= shop.now():
        message = "The expiry date must be in the future."
        return _refused((["creditInput", "expiresAt"], message, "EXPIRES_AT_IN_PAST"))
    if found.balance + amount > shop.settings.credit_limit:
        message = "The operation would put the balance over its limit."
        return _refused(([*where, "amount"], message, "CREDIT_LIMIT_EXCEEDED"))
    shop.credit_accounts[found.id] = found
    found.balance += amount
    return _done(shop, found, amount, expires_at)


def _debit(shop: Shop, name: str, given: Fields) -> Fields:
    amount: Decimal = given["debitAmount"]["amount"]
    currency: str = given["debitAmount"]["currencyCode"]
    where = ["debitInput", "debitAmount"]
    found = _account(shop, name, currency, opens=False)
    if isinstance(found, tuple):
        return _refused(found)
    if found.currency != currency:
        return _refused((where, "The currency is not the account's.", "MISMATCHING_CURRENCY"))
    if amount <= 0:
        message = "A positive amount must be used to debit a store credit account."
        return _refused(([*where, "amount"], message, "NEGATIVE_OR_ZERO_AMOUNT"))
    if found.balance < amount:
        message = "The store credit account does not have sufficient funds."
        return _refused(([*where, "amount"], message, "INSUFFICIENT_FUNDS"))
    found.balance -= amount
    return _done(shop, found, -amount, None)


def _account(shop: Shop, name: str, currency: str, *, opens: bool) -> CreditAccount | _Refusal:
    """Find an account by its own id or by its customer's, for whom one may be opened."""
    number = number_of(name, "StoreCreditAccount")
    if number is not None:
        found = shop.credit_accounts.get(number)
        return found or (["id"], "Store credit account does not exist", "ACCOUNT_NOT_FOUND")
    customer = shop.customer_to_use(number_of(name, "Customer"))
    if customer is None:
        return ["id"], "Owner does not exist", "OWNER_NOT_FOUND"
    for account in shop.credit_accounts.values():
        if (account.customer_id, account.currency) == (customer.id, currency):
            return account
    if not opens:
        return ["id"], "Store credit account does not exist", "ACCOUNT_NOT_FOUND"
    # Kept only once something was credited to it.
    return CreditAccount(id=shop.take_id(), customer_id=customer.id, currency=currency)


def _refused(refusal: _Refusal) -> Fields:
    return {"storeCreditAccountTransaction": None, "userErrors": [user_error(*refusal)]}


def _done(shop: Shop, account: CreditAccount, amount: Decimal, expires_at: Any) -> Fields:
    transaction = CreditTransaction(
        id=shop.take_id(),
        amount=amount,
        balance_after=account.balance,
        created_at=shop.second(),
        expires_at=expires_at,
    )
    account.transactions.append(transaction)
    shown = transaction_node(shop, account, transaction, owner=customer_node)
    return {"storeCreditAccountTransaction": shown, "userErrors": []}
