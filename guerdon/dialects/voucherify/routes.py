"""The dialect's whole API, as a table; each part of it stands in a file of its own."""

from msgspec.structs import replace

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

_PARTS: tuple[tuple[str, tuple[Route, ...]], ...] = (
    ("Purchases", routes_purchases.ROUTES),
    ("Members and cards", routes_members.ROUTES),
    ("Programs and offers", routes_offers.ROUTES),
    ("Orders, events and payments", routes_orders.ROUTES),
    ("Version 1: cards, campaigns, rewards, redemptions", routes_v1.ROUTES),
    ("Bearer tokens", routes_access.ROUTES),
)
ROUTES: tuple[Route, ...] = tuple(
    replace(route, tag=tag) for tag, routes in _PARTS for route in routes
)
