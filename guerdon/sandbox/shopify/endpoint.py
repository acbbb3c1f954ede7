"""Shopify over HTTP: tokens by client credentials, GraphQL by version, throttled by cost."""

import re
from datetime import timedelta
from typing import Any

from guerdon.http.asgi import Answer
from guerdon.sandbox.exchange import Fields, NotJson, Request, answer, form_of, object_of
from guerdon.sandbox.faults import Fault
from guerdon.sandbox.shopify.executing import Call, Refused, named_roots, prepare, run
from guerdon.sandbox.shopify.failures import TopLevel, user_error
from guerdon.sandbox.shopify.throttle import Bucket, cost_of, throttled_body
from guerdon.sandbox.shopify.versions import VERSIONS, serving
from guerdon.sandbox.world import World

_DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com")
_GRAPHQL = re.compile(r"/admin/api/([^/]+)/graphql\.json")
_TOKEN = "/admin/oauth/access_token"  # noqa: S105 -- a path
_CLIENT_ID = "sandbox-app"
_UNAUTHORIZED = "[API] Invalid API key or access token (unrecognized login or wrong password)"


class ShopifyService:
    """Answers for the shop whose domain is the first part of the path."""

    def __init__(self, world: World) -> None:
        self._world = world

    def names(self, request: Request) -> list[str]:
        """Give the root fields of a GraphQL call, by which faults know it."""
        try:
            sent = object_of(request.body)
        except NotJson:
            return []
        text = sent.get("query")
        name = sent.get("operationName")
        return named_roots(text, name) if isinstance(text, str) else []

    def act(self, request: Request) -> Answer:
        return self._answer(request, None)

    def faulted(self, request: Request, fault: Fault) -> Answer:
        """Answer with a fault that has Shopify's own form."""
        return self._answer(request, fault)

    def _answer(self, request: Request, fault: Fault | None) -> Answer:
        _, domain, *rest = request.path.split("/", 2)
        path = f"/{rest[0]}" if rest else ""
        if _DOMAIN.fullmatch(domain) is None:
            return answer(404, {"errors": "Not Found"})
        if path == _TOKEN and request.method == "POST":
            return self._token(request, fault)
        found = _GRAPHQL.fullmatch(path)
        if found is None or request.method != "POST":
            return answer(404, {"errors": "Not Found"})
        version = serving(found[1])
        if version is None:
            return answer(404, {"errors": "Not Found"})
        token = request.header("x-shopify-access-token")
        if not self._is_good(token):
            return answer(401, {"errors": _UNAUTHORIZED})
        if fault is not None and fault.kind == "wrong_version":
            version = fault.code or VERSIONS[0]
        return self._graphql(request, fault, domain, version, self._world.bucket(domain, token))

    def _is_good(self, token: str) -> bool:
        ends_at = self._world.tokens.get(token)
        if ends_at is not None:
            return self._world.now() < ends_at
        return bool(token) and not token.startswith("bad")

    def _token(self, request: Request, fault: Fault | None) -> Answer:
        if fault is not None and fault.kind != "wrong_version":
            return answer(fault.status or 400, {"error": fault.code or "invalid_request"})
        try:
            sent = form_of(request)
        except NotJson:
            return answer(400, {"error": "invalid_request"})
        if sent.get("grant_type") != "client_credentials":
            return answer(400, {"error": "unsupported_grant_type"})
        secret = str(sent.get("client_secret") or "")
        if sent.get("client_id") != _CLIENT_ID or not secret or secret.startswith("bad"):
            return answer(400, {"error": "application_cannot_be_found"})
        world = self._world
        domain = request.path.split("/", 2)[1]
        token = f"shpat_sandbox{world.take_id()}"
        world.tokens[token] = world.now() + timedelta(seconds=world.options.token_seconds)
        body = {
            "access_token": token,
            "scope": ",".join(world.shop(domain).settings.scopes),
            "expires_in": world.options.token_seconds,
        }
        return answer(200, body)

    def _graphql(
        self, request: Request, fault: Fault | None, domain: str, version: str, bucket: Bucket
    ) -> Answer:
        headers = {"X-Shopify-API-Version": version, "X-Request-Id": str(self._world.take_id())}
        try:
            sent = object_of(request.body)
        except NotJson:
            return answer(400, {"errors": {"query": "Required parameter missing or invalid"}})
        text, variables, name = sent.get("query"), sent.get("variables"), sent.get("operationName")
        if not isinstance(text, str) or not text.strip():
            return answer(400, {"errors": {"query": "Required parameter missing or invalid"}})
        if fault is not None and fault.kind == "top_error":
            return answer(fault.status or 200, _top_error(fault), headers=headers)
        try:
            call = prepare(text, variables if isinstance(variables, dict) else {}, name)
        except Refused as refused:
            return answer(200, {"errors": refused.errors}, headers=headers)
        is_faulted = fault is not None and fault.kind == "throttled"
        if is_faulted or not bucket.takes(call.cost):
            return _throttled(fault, call, bucket, headers)
        return answer(200, self._run(call, fault, domain, bucket), headers=headers)

    def _run(self, call: Call, fault: Fault | None, domain: str, bucket: Bucket) -> Fields:
        errors: dict[str, Fields] = {}
        if fault is not None and fault.kind == "user_error":
            message = fault.message or "The sandbox was told to refuse this"
            told = user_error(fault.field, message, fault.code or None, extraInfo=None)
            wanted = [name for name in call.root_fields if fault.match in (None, name)]
            errors = dict.fromkeys(wanted, told)
        data, failed = run(self._world.shop(domain), call, errors)
        body: Fields = {"data": data}
        if failed:
            body["errors"] = failed
        body["extensions"] = {"cost": cost_of(call.cost, call.cost, bucket)}
        return body


def _top_error(fault: Fault) -> Any:
    if fault.body is not None:
        return fault.body
    message = fault.message or "Internal error. Looks like something went wrong on our end."
    return {"errors": [TopLevel(fault.code or "INTERNAL_SERVER_ERROR", message).entry()]}


def _throttled(fault: Fault | None, call: Call, bucket: Bucket, headers: dict[str, str]) -> Answer:
    """Shopify was seen to throttle with status 200 and with 429; a fault may ask for either."""
    status = 200 if fault is None else fault.status or 200
    if fault is not None and status == 429:
        headers = {**headers, "Retry-After": f"{fault.seconds:.1f}"}
    if fault is not None:
        headers = {**headers, **fault.headers}
    return answer(status, throttled_body(call.cost, bucket), headers=headers)
