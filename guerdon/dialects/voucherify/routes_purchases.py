"""Purchases of rewards, their refunds, and the transactions of cards."""

from guerdon.dialects.voucherify import purchases, refunds, transactions
from guerdon.dialects.voucherify.call import Route
from guerdon.dialects.voucherify.lists import Page
from guerdon.dialects.voucherify.wire_purchases import PurchaseBody, RefundBody
from guerdon.dialects.voucherify.wire_transactions import (
    CardTransaction,
    CurrentPurchase,
    DryRun,
    Refunded,
    RewardTransaction,
    SeedPurchase,
)

_MEMBER = "/v2/loyalties/programs/{programId}/members/{memberId}"

ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path=f"{_MEMBER}/rewards/purchases",
        handler=purchases.purchase_reward,
        summary="Buy a reward",
        body=PurchaseBody,
        answers={200: DryRun, 202: SeedPurchase | CurrentPurchase},
        refuses=(404, 423),
        more_notes=(
            "Points, stock and limits are taken at once; a worker does the rest, and the "
            "transaction is polled for. An Idempotency-Key makes it safe to ask again."
        ),
        takes_key=True,
    ),
    Route(
        method="GET",
        path=f"{_MEMBER}/rewards/purchases",
        handler=purchases.list_purchases,
        summary="List what a member bought",
        answers={200: Page[RewardTransaction]},
        refuses=(404,),
        query=purchases.LIST.query,
    ),
    Route(
        method="GET",
        path=f"{_MEMBER}/cards/{{cardId}}/transactions",
        handler=transactions.list_transactions,
        summary="List what happened on a card",
        answers={200: Page[CardTransaction]},
        refuses=(404,),
        query=transactions.LIST.query,
    ),
    Route(
        method="POST",
        path="/v2/loyalties/programs/{programId}/rewards/purchases/{rewardTransactionId}/refund",
        handler=refunds.refund_purchase,
        summary="Give a purchase back",
        body=RefundBody,
        needs_body=False,
        answers={202: Refunded},
        refuses=(404, 423),
        takes_key=True,
    ),
)
