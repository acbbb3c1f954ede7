"""The dialect's whole API, as a table; each part of it stands in a file of its own."""

from guerdon.dialects.voucherify import (
    routes_access,
    routes_members,
    routes_offers,
    routes_orders,
    routes_purchases,
    routes_v1,
)
from guerdon.dialects.voucherify.call import Route
from guerdon.dialects.voucherify.wire import ErrorResponse
from guerdon.http.openapi import Api

API = Api(
    title="Guerdon, in the dialect of Voucherify: loyalties v2, and v1 for redeeming",
    version="2",
    error=ErrorResponse,
    security={
        "app_id": {
            "type": "apiKey",
            "in": "header",
            "name": "X-App-Id",
            "description": "the application's id",
        },
        "app_token": {
            "type": "apiKey",
            "in": "header",
            "name": "X-App-Token",
            "description": "its secret",
        },
        "bearer": {"type": "http", "scheme": "bearer"},
    },
    ways=(("app_id", "app_token"), ("bearer",)),
    refuses=(400, 401, 403, 406, 429, 500, 503),
    writes_refuse=(413, 415),
    keys_refuse=(409,),
)

ROUTES: tuple[Route, ...] = (
    *routes_purchases.ROUTES,
    *routes_members.ROUTES,
    *routes_offers.ROUTES,
    *routes_orders.ROUTES,
    *routes_v1.ROUTES,
    *routes_access.ROUTES,
)
