"""Hands rewards over as store credit: off unless it is asked for, as Shopify can do it twice.

A credit carries no word of ours, and Shopify does not know a repetition for one. What there is to
know a credit again by is its amount and the second at which it expires, which is made from the
redemption."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from guerdon.adapters.shopify.client import Budget, Shop
from guerdon.adapters.shopify.documents import document
from guerdon.adapters.shopify.failures import (
    AnswerLost,
    Declined,
    NotExecuted,
    read_user_errors,
)
from guerdon.adapters.shopify.fulfil import failed, shop_of
from guerdon.adapters.shopify.shops import Shops
from guerdon.adapters.shopify.translate import (
    Json,
    Unsaid,
    customer_gid,
    instant,
    money,
    redemption_tag,
)
from guerdon.domain.integration import IntegrationKind
from guerdon.engine.ports import Fulfilled, FulfilmentFailed, Handover

# Before this nothing is said to be missing: what was sent may be under way still.
QUIET = timedelta(seconds=60)
# Credit that need not expire must all the same, for the sake of the mark.
_LIVES = timedelta(days=3650)
_DAY_SECONDS = 86_400


class StoreCreditFulfiller:
    """`store_credit`: credit on the customer's account."""

    platform: IntegrationKind = "shopify"

    def __init__(self, shops: Shops, now: Callable[[], datetime]) -> None:
        self._shops = shops
        self._now = now

    async def fulfil(self, handover: Handover) -> Fulfilled:
        """Give the credit, or find it given.

        A repetition that finds none soon after the redemption, or that finds two, leaves it
        unknown: the one is to be asked again, the other is for a person to look at."""
        owner, wish = credit_input(handover)
        shop = shop_of(self._shops, handover)
        budget = shop.budget()
        if handover.is_repeat:
            given = await _look(shop, handover, owner, wish, budget)
            if given is not None:
                return Fulfilled(reference=given)
            if self._now() - handover.redemption.created_at < QUIET:
                raise AnswerLost("it is too early to say that no credit was given")
        variables = {"owner": owner, "input": wish}
        try:
            data = await shop.call(document("store_credit"), variables, budget)
        except NotExecuted as failure:
            raise failed(failure) from failure
        except AnswerLost:
            given = await _look(shop, handover, owner, wish, budget)
            if given is None:
                raise
            return Fulfilled(reference=given)
        payload = data["storeCreditAccountCredit"] or {}
        errors = read_user_errors(payload)
        entry = payload.get("storeCreditAccountTransaction")
        if entry is None or errors:
            raise FulfilmentFailed(
                f"Shopify refused the credit: {Declined(errors)}", is_permanent=True
            )
        return Fulfilled(reference=entry["id"])

    async def take_back(self, handover: Handover) -> None:
        """Make sure that no credit was given; where one was, say that a person must take it back.

        Taking credit is no more to be repeated than giving it, and the account may have been spent
        from."""
        await require_no_credit(self._shops, handover)


async def require_no_credit(shops: Shops, handover: Handover) -> bool:
    """Raise FulfilmentFailed, for good, where credit was given. Else say that there was none."""
    owner, wish = credit_input(handover)
    shop = shop_of(shops, handover)
    try:
        given = await _look(shop, handover, owner, wish, shop.budget())
    except AnswerLost as lost:
        raise FulfilmentFailed(str(lost), after_seconds=lost.after_seconds) from lost
    if given is not None:
        raise FulfilmentFailed(
            f"store credit is not taken back by itself: take back {given} by hand",
            is_permanent=True,
        )
    return False


def credit_input(handover: Handover) -> tuple[str, Json]:
    """Write whose credit it is, and the credit. Raises Unsaid where store credit is not on."""
    reward, currency = handover.reward, handover.merchant.currency
    if handover.connected.definition.get("store_credit") != "true":
        raise Unsaid("store credit is off: the shop's connection does not turn it on")
    owner = customer_gid(handover.member.external_id)
    if owner is None:
        raise Unsaid("store credit needs a member who is a customer of the shop")
    amount_minor = reward.discount.amount_minor if reward.discount else None
    if not amount_minor:
        raise Unsaid(f"the store credit of {reward.slug!r} has no amount")
    return owner, {
        "creditAmount": {
            "amount": money(amount_minor * handover.redemption.units, currency),
            "currencyCode": currency,
        },
        "expiresAt": instant(marked_expiry(handover)),
        "notify": False,
    }


def marked_expiry(handover: Handover) -> datetime:
    """Give when the credit expires: never sooner than promised, at most two days later, and at a
    second of the day that is the redemption's own."""
    redemption = handover.redemption
    promised = redemption.expires_at or redemption.created_at + _LIVES
    tag = redemption_tag(handover.merchant, redemption.id)
    mark = int.from_bytes(hashlib.sha256(tag.encode()).digest()[:8], "big") % _DAY_SECONDS
    midnight = datetime.combine(promised.astimezone(UTC).date(), time(), UTC)
    return midnight + timedelta(days=1, seconds=mark)


async def _look(
    shop: Shop, handover: Handover, owner: str, wish: Json, budget: Budget
) -> str | None:
    """Find the credit that carries the redemption's mark; two of them are for a person to see."""
    asked = wish["creditAmount"]
    variables = {"owner": owner, "search": f"currency_code:{asked['currencyCode']}"}
    try:
        data = await shop.call(document("store_credit_lookup"), variables, budget)
    except NotExecuted as failure:
        raise AnswerLost(f"the credit could not be looked up: {failure.reason}") from failure
    accounts = ((data["customer"] or {}).get("storeCreditAccounts") or {}).get("nodes") or []
    found = [
        entry["id"]
        for account in accounts
        for entry in account["transactions"]["nodes"]
        if _is_ours(entry, handover, wish)
    ]
    if len(found) > 1:
        raise AnswerLost(f"a person must look: {' and '.join(found)} may both be this credit")
    return found[0] if found else None


def _is_ours(entry: Json, handover: Handover, wish: Json) -> bool:
    if not entry.get("expiresAt"):
        return False
    asked = wish["creditAmount"]
    amount = entry["amount"]
    return (
        amount["currencyCode"] == asked["currencyCode"]
        and Decimal(amount["amount"]) == Decimal(asked["amount"])
        and _instant(entry["expiresAt"]) == _instant(wish["expiresAt"])
        and _instant(entry["createdAt"]) >= handover.redemption.created_at - timedelta(minutes=5)
    )


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(microsecond=0)
