"""Orders, events, paying with points, and what a customer could earn or buy."""

from guerdon.dialects.voucherify import (
    examine,
    examine_earning,
    orders,
    payments,
    wire_examine,
    wire_orders,
    wire_payments,
)
from guerdon.dialects.voucherify.call import Route
from guerdon.dialects.voucherify.lists import Page

_PAYMENTS = "/v2/loyalties/programs/{programId}/members/{memberId}/orders/payments"

ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path=_PAYMENTS,
        handler=payments.create_payment,
        summary="Pay for an order with points",
        body=wire_payments.PaymentBody,
        answers={202: wire_payments.PaymentAnswer, 200: wire_payments.DryPaymentAnswer},
        refuses=(404, 423),
        takes_key=True,
    ),
    Route(
        method="GET",
        path=_PAYMENTS,
        handler=payments.list_payments,
        summary="List what a member paid for with points",
        query=payments.LIST.query,
        answers={200: Page[wire_payments.OrderTransaction]},
        refuses=(404,),
    ),
    Route(
        method="POST",
        path="/v1/orders",
        handler=orders.create_order,
        summary="State an order; paid, it earns",
        body=wire_orders.OrderBody,
        answers={200: wire_orders.Order},
        refuses=(404,),
        takes_key=True,
    ),
    Route(
        method="GET",
        path="/v1/orders/{orderId}",
        handler=orders.get_order,
        summary="Show an order",
        answers={200: wire_orders.Order},
        refuses=(404,),
    ),
    Route(
        method="POST",
        path="/v1/events",
        handler=orders.track_event,
        summary="Tell of what a customer did; rules for it award points",
        body=wire_orders.EventBody,
        answers={200: wire_orders.EventAnswer},
        refuses=(404,),
        takes_key=True,
    ),
    Route(
        method="POST",
        path="/v2/loyalties/examine/rewards",
        handler=examine.examine_rewards,
        summary="Say what a customer could buy now",
        body=wire_examine.RewardsBody,
        answers={200: wire_examine.RewardsResult},
        refuses=(404,),
        changes=False,
    ),
    *(
        Route(
            method="POST",
            path=path,
            handler=examine_earning.examine_earning,
            summary="Say what a customer would earn",
            body=wire_examine.EarningBody,
            answers={200: wire_examine.EarningsResult},
            refuses=(404,),
            changes=False,
        )
        for path in ("/v2/loyalties/examine/earning-rules", "/v2/loyalties/examine")
    ),
)
