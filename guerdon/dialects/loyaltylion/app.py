"""The dialect's front door, and its whole API as a table at the foot."""

import re
import time

import structlog

from guerdon.dialects.loyaltylion import (
    activities,
    claims,
    customers,
    identity,
    orders,
    rewards,
    transactions,
    unsubscribes,
    webhooks,
    wire,
    wire_activities,
    wire_customers,
    wire_emails,
    wire_identity,
    wire_orders,
    wire_rewards,
    wire_transactions,
    wire_webhooks,
)
from guerdon.dialects.loyaltylion.auth import authenticate, is_pair, scopes_of
from guerdon.dialects.loyaltylion.call import Call, Route
from guerdon.dialects.loyaltylion.errors import (
    BROKEN,
    NOT_FOR_PAIRS,
    NOT_FOUND,
    READ_ONLY,
    TOO_LARGE,
    TOO_MANY,
    Fault,
    error_answer,
    guerdon_error_answer,
    scope_missing,
)
from guerdon.dialects.loyaltylion.paging import CURSOR, LIMIT, PAGE, SINCE_ID
from guerdon.dialects.loyaltylion.scopes import covers
from guerdon.domain.errors import GuerdonError, Unavailable
from guerdon.domain.key import Key
from guerdon.engine.keying import Keyring
from guerdon.engine.submitting import Ledger
from guerdon.http.asgi import (
    Answer,
    BodyTooLarge,
    Disconnected,
    Receive,
    Scope,
    Send,
    mount_of,
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
    title="Guerdon, in the dialect of LoyaltyLion v2",
    version="2",
    error=wire.ErrorDocument,
    security={
        "key": {"type": "http", "scheme": "bearer"},
        "token_and_secret": {"type": "http", "scheme": "basic"},
    },
    # What any operation, and what any write, may be refused with.
    refuses=(400, 401, 403, 429, 500, 503),
    writes_refuse=(409, 413),
    integers=frozenset({"reward_id", "claimed_reward_id", "webhook_id"}),
)
_HOST = re.compile(rb"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
_log = structlog.get_logger(__name__)


class LoyaltyLionApp:
    """Answers under a mount point. `calls_per_second_max` 0 sets no limit; the vendor's is 20. With
    `is_strict` only those keys are shown that the vendor's first document has."""

    def __init__(
        self,
        ledger: Ledger,
        keyring: Keyring,
        meter: Meter,
        *,
        calls_per_second_max: int = 0,
        is_strict: bool = False,
    ) -> None:
        self._ledger = ledger
        self._keyring = keyring
        self._meter = meter
        self._is_strict = is_strict
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
        if found is None or any("\x00" in segment for segment in found[1]):
            answer, path = NOT_FOUND, "other"
        else:
            path = found[0].path
            try:
                answer = await self._answer(scope, receive, method, raw_path, *found)
            except Disconnected:
                return
        self._meter.count("loyaltylion", path, answer.status, time.perf_counter() - started)
        await send_answer(send, answer, is_head=method == "HEAD")

    async def _answer(
        self,
        scope: Scope,
        receive: Receive,
        method: str,
        raw_path: bytes,
        resource: Resource[Route],
        path: tuple[str, ...],
    ) -> Answer:
        """Go through the door: method, key, rate, scope; then the body and the operation's own
        checks."""
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
            refused = _refuse(route, key)
            if refused is not None:
                return refused
            body = await read_body(receive, bytes_max=BODY_BYTES_MAX) if route.is_write else b""
            call = Call(
                self._ledger,
                key,
                route,
                path,
                base_url=_base_url(scope, raw_path),
                raw_path=raw_path,
                query_string=scope["query_string"],
                headers=headers,
                body=body,
                is_strict=self._is_strict,
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


def _refuse(route: Route, key: Key) -> Answer | None:
    """Say why a known key may not make this call; None where it may."""
    if is_pair(key) and not route.is_for_pairs:
        return NOT_FOR_PAIRS
    if route.is_write and key.access != "full":
        return READ_ONLY
    if route.scope is not None and not covers(scopes_of(key), route.scope):
        return scope_missing(route.scope)
    return None


def _no_such_method(method: str, resource: Resource[Route]) -> Answer:
    allow = ((b"allow", resource.allow),)
    if method == "OPTIONS":
        return Answer(204, headers=allow)
    return error_answer(
        405,
        f"{method} is not supported on this path",
        name="MethodNotAllowedError",
        code="method_not_allowed",
        headers=allow,
    )


def _mishap(error: Exception, route: Route) -> Answer:
    """Answer what no rule foresaw: a database out of reach is a 503, anything else our fault."""
    if isinstance(error, DRIVER_ERRORS) and fault_of(error) in ("lost", "busy", "collision"):
        _log.warning("database_unavailable", route=route.path, error=repr(error))
        return guerdon_error_answer(Unavailable())
    _log.error("request_failed", method=route.method, route=route.path, exc_info=error)
    return BROKEN


def _base_url(scope: Scope, raw_path: bytes) -> str:
    """Give where the caller finds this dialect. A proxy's word that the caller speaks HTTPS is
    believed: it can only turn a caller's own links to HTTPS, never away from it. Where the Host
    header names no host, addresses begin at the root."""
    mount = mount_of(scope, raw_path)
    host, is_https = b"", scope.get("scheme") == "https"
    for name, value in scope["headers"]:
        if name == b"host":
            host = value
        elif name == b"x-forwarded-proto":
            is_https = is_https or value.split(b",")[0].strip().lower() == b"https"
    if not _HOST.fullmatch(host):
        return mount
    return f"{'https' if is_https else 'http'}://{host.decode()}{mount}"


ROUTES = (
    Route(
        method="GET",
        path="/v2/whoami",
        handler=identity.whoami,
        summary="Say which key calls, and what it may do",
        scope=None,
        answers={200: wire_identity.Identity},
    ),
    Route(
        method="GET",
        path="/v2/sites",
        handler=identity.list_sites,
        summary="List sites: the one that a merchant has",
        scope=None,
        is_for_pairs=False,
        answers={200: wire_identity.Sites},
    ),
    Route(
        method="GET",
        path="/v2/customers",
        handler=customers.list_customers,
        summary="List customers",
        scope="read_customers",
        answers={200: wire_customers.Customers},
        query=customers.QUERY,
    ),
    Route(
        method="GET",
        path="/v2/customers/{merchant_id}",
        handler=customers.get_customer,
        summary="Show a customer",
        scope="read_customers",
        answers={200: wire_customers.CustomerDocument},
        refuses=(404,),
    ),
    *(
        Route(
            method=method,
            path="/v2/customers/{merchant_id}",
            handler=customers.update_customer,
            summary="Change a customer's birthday, block them or let them in again",
            scope="write_customers",
            body=wire_customers.CustomerChangeDocument,
            answers={200: wire_customers.CustomerDocument},
            refuses=(404,),
        )
        for method in ("PATCH", "PUT")
    ),
    Route(
        method="POST",
        path="/v2/customers/{merchant_id}/points",
        handler=customers.add_points,
        summary="Give a customer points",
        scope="write_customers",
        body=wire_customers.PointsBody,
        answers={201: str},
        refuses=(404, 422),
    ),
    Route(
        method="POST",
        path="/v2/customers/{merchant_id}/remove_points",
        handler=customers.remove_points,
        summary="Take points from a customer",
        scope="write_customers",
        body=wire_customers.RemovePointsBody,
        answers={204: None},
        refuses=(404, 422),
    ),
    Route(
        method="GET",
        path="/v2/customers/{merchant_id}/transactions",
        handler=transactions.list_customer_transactions,
        summary="List a customer's transactions, the newest first",
        scope="read_customers",
        answers={200: wire_transactions.Transactions},
        refuses=(404,),
        query=transactions.CUSTOMER_QUERY,
    ),
    Route(
        method="GET",
        path="/v2/transactions",
        handler=transactions.list_transactions,
        summary="List transactions, the newest first",
        scope="read_customers",
        answers={200: wire_transactions.Transactions},
        query=transactions.QUERY,
    ),
    Route(
        method="GET",
        path="/v2/customers/{merchant_id}/available_rewards",
        handler=rewards.list_available_rewards,
        summary="List the rewards that a customer can have, affordable or not",
        scope="read_customers",
        answers={200: wire_rewards.AvailableRewards},
        refuses=(404,),
        query=(
            Parameter("site_id", "integer", "Only rewards of this site"),
            Parameter("country", "string", "Only those for this country, as ISO 3166-1 alpha-2"),
        ),
    ),
    Route(
        method="POST",
        path="/v2/customers/{merchant_id}/claimed_rewards",
        handler=claims.claim_reward,
        summary="Claim a reward for a customer, for points",
        scope="write_customers",
        body=wire_rewards.ClaimBody,
        answers={201: wire_rewards.ClaimedRewardDocument},
        refuses=(404, 422),
    ),
    Route(
        method="GET",
        path="/v2/customers/{merchant_id}/claimed_rewards",
        handler=claims.list_claimed_rewards,
        summary="List what a customer claimed, the newest first",
        scope="read_customers",
        answers={200: wire_rewards.ClaimedRewards},
        refuses=(404,),
        query=(LIMIT, CURSOR, SINCE_ID),
    ),
    Route(
        method="GET",
        path="/v2/customers/{merchant_id}/claimed_rewards/{claimed_reward_id}",
        handler=claims.get_claimed_reward,
        summary="Show a claimed reward",
        scope="read_customers",
        answers={200: wire_rewards.ClaimedRewardDocument},
        refuses=(404,),
    ),
    Route(
        method="POST",
        path="/v2/customers/{merchant_id}/claimed_rewards/{claimed_reward_id}/refund",
        handler=claims.refund_claimed_reward,
        summary="Take an unused reward back and return its points",
        scope="write_customers",
        answers={200: wire_rewards.RefundDocument},
        refuses=(404, 422),
    ),
    Route(
        method="POST",
        path="/v2/rewards/{reward_id}/enable",
        handler=rewards.enable_reward,
        summary="Let a reward be claimed",
        scope="write_configuration",
        is_for_pairs=False,
        answers={200: wire_rewards.Switched},
        refuses=(404,),
    ),
    Route(
        method="POST",
        path="/v2/rewards/{reward_id}/disable",
        handler=rewards.disable_reward,
        summary="Let a reward be claimed no longer",
        scope="write_configuration",
        is_for_pairs=False,
        answers={200: wire_rewards.Switched},
        refuses=(404,),
    ),
    Route(
        method="GET",
        path="/v2/loyalty_emails/unsubscribes",
        handler=unsubscribes.list_unsubscribes,
        summary="List who wants no loyalty e-mails, the newest first",
        scope="read_unsubscribes",
        answers={200: list[wire_emails.Unsubscribe]},
        query=(
            LIMIT,
            Parameter("page", "integer", "Counts from 1", default=1),
            Parameter("since_id", "integer", "Above this id of the list, in rising order"),
        ),
    ),
    Route(
        method="POST",
        path="/v2/loyalty_emails/unsubscribes",
        handler=unsubscribes.add_unsubscribe,
        summary="Send an address no more loyalty e-mails",
        scope="write_unsubscribes",
        body=wire_emails.UnsubscribeBody,
        answers={201: wire_emails.Unsubscribe, 200: wire_emails.Unsubscribe},
        refuses=(422,),
    ),
    Route(
        method="POST",
        path="/v2/webhooks",
        handler=webhooks.create_webhook,
        summary="Subscribe an address to a topic that the key's scopes cover",
        scope=None,
        body=wire_webhooks.CreateWebhookBody,
        answers={201: wire_webhooks.WebhookDocument},
    ),
    Route(
        method="GET",
        path="/v2/webhooks",
        handler=webhooks.list_webhooks,
        summary="List webhooks, the newest first",
        scope=None,
        answers={200: wire_webhooks.Webhooks},
    ),
    Route(
        method="DELETE",
        path="/v2/webhooks/{webhook_id}",
        handler=webhooks.delete_webhook,
        summary="Remove a webhook",
        scope=None,
        answers={204: None},
        refuses=(404,),
    ),
    Route(
        method="GET",
        path="/v2/activities",
        handler=activities.list_activities,
        summary="List what earned points, purchases too",
        scope="read_customers",
        answers={200: wire_activities.Activities},
        query=(LIMIT, CURSOR, SINCE_ID, PAGE, *activities.FILTER_PARAMETERS),
    ),
    Route(
        method="POST",
        path="/v2/activities",
        handler=activities.create_activity,
        summary="Tell what a customer did; by merchant_id it counts once",
        scope="write_customers",
        body=wire_activities.ActivityBody,
        answers={201: None},
    ),
    Route(
        method="PUT",
        path="/v2/activities/{name}/{merchant_id}",
        handler=activities.update_activity,
        summary="Approve, decline or void an activity",
        scope="write_customers",
        body=wire_activities.ActivityStateBody,
        answers={204: None},
        refuses=(404, 422),
    ),
    Route(
        method="GET",
        path="/v2/orders",
        handler=orders.list_orders,
        summary="List orders",
        scope="read_orders",
        answers={200: wire_orders.Orders},
        query=(LIMIT, CURSOR, SINCE_ID, PAGE, *orders.FILTER_PARAMETERS),
    ),
    Route(
        method="POST",
        path="/v2/orders",
        handler=orders.create_order,
        summary="Tell of an order; by its merchant_id it is there once",
        scope="write_orders",
        body=wire_orders.OrderBody,
        answers={201: str},
    ),
    Route(
        method="GET",
        path="/v2/orders/{merchant_id}",
        handler=orders.get_order,
        summary="Show an order, by the shop's own id",
        scope="read_orders",
        answers={200: wire_orders.OrderDetail},
        refuses=(404,),
    ),
    Route(
        method="PUT",
        path="/v2/orders/{merchant_id}",
        handler=orders.update_order,
        summary="Tell how an order stands",
        scope="write_orders",
        body=wire_orders.OrderUpdateBody,
        answers={204: None},
        refuses=(404,),
    ),
    Route(
        method="PUT",
        path="/v2/orders/{merchant_id}/cancelled",
        handler=orders.cancel_order,
        summary="Tell that an order was cancelled",
        scope="write_orders",
        answers={204: None},
        refuses=(404,),
    ),
    Route(
        method="PUT",
        path="/v2/orders/{merchant_id}/paid",
        handler=orders.pay_order,
        summary="Tell that all of an order was paid",
        scope="write_orders",
        answers={204: None},
        refuses=(404,),
    ),
    Route(
        method="PUT",
        path="/v2/orders/{merchant_id}/refunded",
        handler=orders.refund_order,
        summary="Tell that all of an order was refunded",
        scope="write_orders",
        answers={204: None},
        refuses=(404,),
    ),
    Route(
        method="POST",
        path="/v2/orders/{merchant_id}/payments",
        handler=orders.add_payment,
        summary="Tell that more of an order was paid",
        scope="write_orders",
        body=wire_orders.AmountBody,
        answers={201: str},
        refuses=(404,),
    ),
    Route(
        method="POST",
        path="/v2/orders/{merchant_id}/refunds",
        handler=orders.add_refund,
        summary="Tell that more of an order was refunded",
        scope="write_orders",
        body=wire_orders.AmountBody,
        answers={201: str},
        refuses=(404,),
    ),
)
