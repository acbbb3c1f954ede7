"""The dialect's front door, and its whole API as a table at the foot."""

import time

import structlog

from guerdon.dialects.mage import (
    actions,
    customers,
    history,
    rewards,
    rules,
    tiers,
    webhooks,
    wire,
    wire_earning,
    wire_webhooks,
)
from guerdon.dialects.mage.auth import authenticate
from guerdon.dialects.mage.call import Call, Route
from guerdon.dialects.mage.errors import (
    BROKEN,
    NOT_FOUND,
    READ_ONLY,
    TOO_LARGE,
    TOO_MANY,
    Fault,
    error_answer,
    guerdon_error_answer,
)
from guerdon.dialects.mage.parameters import PAGING, filter_parameter, sort_parameter
from guerdon.domain.errors import GuerdonError, Unavailable
from guerdon.engine.expiring import give_back_due
from guerdon.engine.keying import Keyring
from guerdon.engine.submitting import Ledger
from guerdon.http.asgi import (
    Answer,
    BodyTooLarge,
    Disconnected,
    Receive,
    Scope,
    Send,
    read_body,
    send_answer,
)
from guerdon.http.limiting import SlidingWindow
from guerdon.http.metering import Meter
from guerdon.http.openapi import Api, Parameter
from guerdon.http.reference import REFERENCE_PATHS, Reference
from guerdon.http.routing import Resource, Router
from guerdon.store.faults import DRIVER_ERRORS, fault_of

BODY_BYTES_MAX = 1 << 20

API = Api(
    title="Guerdon, in the dialect of Mage Loyalty v1",
    version="1",
    error=wire.ErrorDocument,
    security={"key": {"type": "apiKey", "in": "header", "name": "Authorization"}},
    # What any operation, and what any write, may be refused with.
    refuses=(400, 401, 429, 500, 503),
    writes_refuse=(403, 409, 413),
)
_log = structlog.get_logger(__name__)


class MageApp:
    """Answers under a mount point. `calls_per_second_max` 0 sets no limit; the vendor's is 6."""

    def __init__(
        self,
        ledger: Ledger,
        keyring: Keyring,
        meter: Meter,
        *,
        calls_per_second_max: int = 0,
    ) -> None:
        self._ledger = ledger
        self._keyring = keyring
        self._meter = meter
        self._window = SlidingWindow(calls_per_second_max)
        self._router: Router[Route] = Router(ROUTES)
        self._reference = Reference(API, ROUTES)

    async def handle(self, scope: Scope, receive: Receive, send: Send, *, raw_path: bytes) -> None:
        """Answer one request; `raw_path` begins after the mount point."""
        started = time.perf_counter()
        method: str = scope["method"]
        if raw_path in REFERENCE_PATHS and method in ("GET", "HEAD"):
            told = self._reference.answer(scope, raw_path)
            await send_answer(send, told, is_head=method == "HEAD")
            return
        found = self._router.find(raw_path)
        if found is None:
            answer, path = NOT_FOUND, "other"
        else:
            path = found[0].path
            try:
                answer = await self._answer(scope, receive, method, *found)
            except Disconnected:
                return
        self._meter.count("mage", path, answer.status, time.perf_counter() - started)
        await send_answer(send, answer, is_head=method == "HEAD")

    async def _answer(
        self,
        scope: Scope,
        receive: Receive,
        method: str,
        resource: Resource[Route],
        path: tuple[str, ...],
    ) -> Answer:
        """Go through the door in the vendor's order: method, key, rate, scope; then the body and
        the operation's own checks."""
        route = resource.routes.get("GET" if method == "HEAD" else method)
        if route is None:
            return _no_such_method(method, resource)
        try:
            headers: list[tuple[bytes, bytes]] = scope["headers"]
            key = await authenticate(self._keyring, headers)
            if isinstance(key, Answer):
                return key
            if not self._window.admits(key.id):
                return TOO_MANY
            body = b""
            if route.is_write:
                if key.access != "full":
                    return READ_ONLY
                body = await read_body(receive, bytes_max=BODY_BYTES_MAX)
            elif route.path.startswith("/v1/customers"):
                # What is shown of points is brought up to date before.
                await give_back_due(self._ledger, key.merchant_id)
            call = Call(
                self._ledger,
                key,
                route,
                path,
                query_string=scope["query_string"],
                headers=headers,
                body=body,
            )
            return await route.handler(call)
        except Fault as fault:
            return fault.answer
        except BodyTooLarge:
            return TOO_LARGE
        except GuerdonError as error:
            return guerdon_error_answer(error)
        except Disconnected:
            raise
        except Exception as error:  # noqa: BLE001 -- the caller is owed an answer whatever it is
            return _mishap(error, route)


def _no_such_method(method: str, resource: Resource[Route]) -> Answer:
    allow = ((b"allow", resource.allow),)
    if method == "OPTIONS":
        return Answer(204, headers=allow)
    return error_answer(405, f"{method} is not supported on this path", headers=allow)


def _mishap(error: Exception, route: Route) -> Answer:
    """Answer what no rule foresaw: a database out of reach is a 503, anything else our fault."""
    if isinstance(error, DRIVER_ERRORS) and fault_of(error) in ("lost", "busy", "collision"):
        _log.warning("database_unavailable", route=route.path, error=repr(error))
        return guerdon_error_answer(Unavailable())
    _log.error("request_failed", method=route.method, route=route.path, exc_info=error)
    return BROKEN


ROUTES = (
    Route(
        method="GET",
        path="/v1/customers",
        handler=customers.list_customers,
        summary="List members",
        answers={200: wire.Collection[wire.Customer]},
        query=(
            filter_parameter("email"),
            filter_parameter("loyalty_status", "member", "excluded"),
            sort_parameter("created_at", "points", "lifetime_points", "redeemed_points"),
            *PAGING,
        ),
    ),
    Route(
        method="POST",
        path="/v1/customers",
        handler=customers.enrol_customer,
        summary="Enrol a customer",
        body=wire.EnrolBody,
        answers={201: wire.Document[wire.Customer], 200: wire.Document[wire.Customer]},
        refuses=(404,),
    ),
    Route(
        method="GET",
        path="/v1/customers/{identifier}",
        handler=customers.get_customer,
        summary="Show a member",
        answers={200: wire.Document[wire.Customer]},
        refuses=(404,),
        query=(Parameter("exclude_vip", "string", "`true` leaves the tier out"),),
    ),
    Route(
        method="PUT",
        path="/v1/customers/{identifier}",
        handler=customers.update_customer,
        summary="Change, exclude or re-include a member",
        body=(wire.CustomerChange, wire.CustomerChangeDocument),
        answers={200: wire.Document[wire.Customer]},
        refuses=(404,),
    ),
    Route(
        method="POST",
        path="/v1/customers/{identifier}/points",
        handler=customers.adjust_points,
        summary="Adjust a member's points by hand",
        body=wire.AdjustmentBody,
        answers={200: wire.Document[wire.PointsAdjustment]},
        refuses=(404,),
    ),
    Route(
        method="GET",
        path="/v1/customers/{identifier}/earning-history",
        handler=history.list_earning_history,
        summary="List what a member earned",
        answers={200: wire.Collection[wire.EarningHistoryEntry]},
        refuses=(404,),
        query=(
            filter_parameter("status", "pending", "approved", "rejected"),
            sort_parameter("created_at", "points", "points_given_at"),
            *PAGING,
        ),
    ),
    Route(
        method="GET",
        path="/v1/customers/{identifier}/reward-history",
        handler=history.list_reward_history,
        summary="List what a member bought",
        answers={200: wire.Collection[wire.RewardHistoryEntry]},
        refuses=(404,),
        query=(
            filter_parameter("status", "active", "used", "expired"),
            sort_parameter("created_at", "points_spent"),
            *PAGING,
        ),
    ),
    Route(
        method="GET",
        path="/v1/rewards",
        handler=rewards.list_rewards,
        summary="List rewards",
        answers={200: wire.Collection[wire.Reward]},
        query=(
            filter_parameter("is_active", "true", "false"),
            sort_parameter("created_at", "name", "points_cost"),
            *PAGING,
        ),
    ),
    Route(
        method="GET",
        path="/v1/rewards/{id}",
        handler=rewards.get_reward,
        summary="Show a reward",
        answers={200: wire.Document[wire.Reward]},
        refuses=(404,),
    ),
    Route(
        method="POST",
        path="/v1/rewards/{id}/purchase",
        handler=rewards.purchase_reward,
        summary="Buy a reward with a member's points",
        body=wire.PurchaseBody,
        answers={201: wire.Document[wire.RewardHistoryEntry]},
        refuses=(404, 422),
    ),
    Route(
        method="GET",
        path="/v1/earning-rules",
        handler=rules.list_rules,
        summary="List earning rules",
        answers={200: wire.Collection[wire_earning.EarningRule]},
        query=(
            filter_parameter("is_active", "true", "false"),
            sort_parameter(*rules.SORTS),
            *PAGING,
        ),
    ),
    Route(
        method="POST",
        path="/v1/earning-rules/{id}/award",
        handler=rules.award_rule,
        summary="Award an earning rule's points to a member, once",
        body=wire_earning.AwardBody,
        answers={201: wire.Document[wire_earning.AwardedEntry]},
        refuses=(404, 409, 422),
    ),
    Route(
        method="POST",
        path="/v1/actions",
        handler=actions.award_action,
        summary="Award a custom action's points to a member",
        body=wire_earning.ActionBody,
        answers={
            201: wire.Document[wire_earning.ActionEntry],
            200: wire.Document[wire_earning.ActionEntry],
        },
        refuses=(404, 409),
    ),
    Route(
        method="GET",
        path="/v1/vip-tiers",
        handler=tiers.list_tiers,
        summary="List VIP tiers, the lowest first",
        answers={200: wire_earning.VipTiers},
    ),
    Route(
        method="POST",
        path="/v1/webhook-subscriptions",
        handler=webhooks.create_subscription,
        summary="Subscribe an address to events",
        body=wire_webhooks.CreateSubscriptionBody,
        answers={201: wire.Document[wire_webhooks.WebhookSubscriptionWithSecret]},
        refuses=(409,),
    ),
    Route(
        method="GET",
        path="/v1/webhook-subscriptions",
        handler=webhooks.list_subscriptions,
        summary="List webhook subscriptions, the newest first",
        answers={200: wire.Collection[wire_webhooks.WebhookSubscription]},
        query=PAGING,
    ),
    Route(
        method="GET",
        path="/v1/webhook-subscriptions/{id}",
        handler=webhooks.get_subscription,
        summary="Show a webhook subscription",
        answers={200: wire.Document[wire_webhooks.WebhookSubscription]},
        refuses=(404,),
    ),
    Route(
        method="PUT",
        path="/v1/webhook-subscriptions/{id}",
        handler=webhooks.update_subscription,
        summary="Change or pause a webhook subscription",
        body=wire_webhooks.UpdateSubscriptionBody,
        answers={200: wire.Document[wire_webhooks.WebhookSubscription]},
        refuses=(404, 409),
    ),
    Route(
        method="DELETE",
        path="/v1/webhook-subscriptions/{id}",
        handler=webhooks.delete_subscription,
        summary="Remove a webhook subscription",
        answers={204: None},
        refuses=(404, 409),
    ),
    Route(
        method="POST",
        path="/v1/webhook-subscriptions/{id}/rotate-secret",
        handler=webhooks.rotate_secret,
        summary="Give a webhook subscription a new secret",
        answers={200: wire.Document[wire_webhooks.WebhookSubscriptionWithSecret]},
        refuses=(404, 409),
    ),
)
