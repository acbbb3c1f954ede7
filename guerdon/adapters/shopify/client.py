"""One shop's Admin GraphQL API: a document and its variables in, its data out, or how it failed."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from guerdon.adapters.shopify.breaker import Breaker
from guerdon.adapters.shopify.documents import Document
from guerdon.adapters.shopify.failures import AnswerLost, NotExecuted
from guerdon.adapters.shopify.throttling import Bucket
from guerdon.adapters.shopify.tokens import Tokens
from guerdon.http import calling
from guerdon.http.calling import Answer, Caller

# What a call chain may take as a whole, and one answer within it.
CHAIN_SECONDS = 7.0
ANSWER_SECONDS = 4.0
# A call given up after so long says as much of the shop as one that was not answered.
_PATIENCE_SECONDS = 1.0
# A shop that could not be used for now: locked, frozen, unpaid, or with a token it does not know.
_SHUT = {401: "the token", 402: "the shop's plan", 403: "the access", 423: "the shop"}
_SHUT_SECONDS = 60.0
# Errors of the whole call that come before anything is carried out.
_THROTTLED = "THROTTLED"
_MAYBE_EXECUTED = frozenset({"INTERNAL_SERVER_ERROR", "TIMEOUT"})
_QUERY_ATTEMPTS = 3
_PAUSE_SECONDS = 0.1
# With less left, what is sent would most likely not be answered in time.
_LEFT_SECONDS_MIN = 0.2

Json = Mapping[str, Any]
_log = structlog.get_logger(__name__)


class Budget:
    """The time that a chain of calls may still take."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ends_at = clock() + seconds

    @property
    def left(self) -> float:
        return self._ends_at - self._clock()


class Address(Struct, frozen=True):
    """Where a shop is, and which version of the API it is asked for."""

    shop: str
    api_version: str
    base_url: str | None = None

    @property
    def origin(self) -> str:
        return (self.base_url or f"https://{self.shop}").rstrip("/")

    @property
    def graphql(self) -> str:
        return f"{self.origin}/admin/api/{self.api_version}/graphql.json"

    @property
    def token(self) -> str:
        return f"{self.origin}/admin/oauth/access_token"


class _Throttled(Exception):
    """The call was thrown out for want of points, and is to wait so long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"throttled for {seconds:.2f} s")
        self.seconds = seconds


class Shop:
    """Calls one shop, no faster than it likes, and not at all while it does not answer."""

    def __init__(
        self,
        address: Address,
        tokens: Tokens,
        caller: Caller,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self.address = address
        self._tokens = tokens
        self._caller = caller
        self._clock = clock
        self._sleep = sleep
        self._answer_seconds = answer_seconds
        self.bucket = Bucket(clock)
        self.breaker = Breaker(clock)
        self._versions_warned: set[str] = set()

    def budget(self, seconds: float = CHAIN_SECONDS) -> Budget:
        """Begin a chain of calls that may take so long as a whole."""
        return Budget(seconds, self._clock)

    async def call(self, document: Document, variables: Json, budget: Budget) -> Json:
        """Send a document and give its data.

        Raises NotExecuted where nothing was changed, AnswerLost where that is not known. What
        changes nothing is sent again by itself for as long as the budget lasts; what waits for
        points waits no longer than that."""
        attempts = _QUERY_ATTEMPTS if document.is_query else 1
        while True:
            try:
                return await self._paced(document, variables, budget)
            except _Throttled as throttled:
                # Not carried out, so it may be sent again, unless that would be too late.
                wait = throttled.seconds + random.uniform(0, 0.1)  # noqa: S311 -- spreads load
                if wait >= budget.left:
                    raise NotExecuted(
                        "the shop's limit of calls is used up", after_seconds=throttled.seconds
                    ) from None
                await self._sleep(wait)
            except AnswerLost as lost:
                attempts -= 1
                wait = max(lost.after_seconds or 0.0, _PAUSE_SECONDS)
                if attempts <= 0 or budget.left <= wait + _LEFT_SECONDS_MIN:
                    raise
                await self._sleep(wait)

    async def _paced(self, document: Document, variables: Json, budget: Budget) -> Json:
        shut = self.breaker.admit()
        if shut is not None:
            raise NotExecuted("the shop did not answer of late", after_seconds=shut)
        ticket = self.bucket.take(document.name, max(budget.left, 0.0))
        if ticket is None:
            raise NotExecuted(
                "the shop's limit of calls is used up",
                after_seconds=self.bucket.wait_of(document.name),
            )
        cost: Json | None = None
        is_sent = False
        try:
            if ticket.wait_seconds:
                await self._sleep(ticket.wait_seconds)
            if budget.left <= _LEFT_SECONDS_MIN:
                raise NotExecuted("the time for the call was over before it was sent")
            is_sent = True
            answer = await self._authorized(document, variables, budget)
            body = self._read(answer)
            cost = body.get("extensions", {}).get("cost")
            return self._judge(answer, body, document)
        finally:
            if is_sent:
                self.bucket.settle(ticket, cost)
            else:
                self.bucket.put_back(ticket)

    async def _authorized(self, document: Document, variables: Json, budget: Budget) -> Answer:
        """Send with a token; where it is refused and another is to be had, with that."""
        token = await self._tokens.get()
        answer = await self._send(document, variables, token, budget)
        if answer.status == 401:
            other = await self._tokens.replace(token)
            if other is not None:
                answer = await self._send(document, variables, other, budget)
        return answer

    async def _send(
        self, document: Document, variables: Json, token: str, budget: Budget
    ) -> Answer:
        """Send once."""
        seconds = max(min(self._answer_seconds, budget.left), _LEFT_SECONDS_MIN)
        began_at = self._clock()
        try:
            return await self._caller.call(
                "POST",
                self.address.graphql,
                headers={"X-Shopify-Access-Token": token, "Content-Type": "application/json"},
                content=msgspec.json.encode({"query": document.text, "variables": variables}),
                seconds_max=seconds,
            )
        except calling.NotSent as failure:
            self.breaker.failed()
            raise NotExecuted(f"the shop is out of reach: {failure.reason}") from failure
        except calling.AnswerLost as failure:
            self.breaker.failed()
            raise AnswerLost(f"the shop's answer was lost: {failure.reason}") from failure
        except asyncio.CancelledError:
            if self._clock() - began_at > _PATIENCE_SECONDS:
                self.breaker.failed()
            raise

    def _read(self, answer: Answer) -> Json:
        """Read the answer's body, or say by its status what became of the call."""
        status = answer.status
        if status >= 500:
            self.breaker.failed()
            raise AnswerLost(
                f"the shop answered with status {status}",
                after_seconds=answer.retry_after_seconds(),
            )
        self.breaker.succeeded()
        if status == 429:
            raise _Throttled(answer.retry_after_seconds() or 1.0)
        if status in _SHUT:
            raise NotExecuted(
                f"Shopify refuses {_SHUT[status]}: status {status}", after_seconds=_SHUT_SECONDS
            )
        if status != 200:
            raise NotExecuted(f"Shopify answered with status {status}", is_permanent=True)
        try:
            body = msgspec.json.decode(answer.body) if answer.is_whole else None
        except msgspec.DecodeError:
            body = None
        if not isinstance(body, dict):
            raise AnswerLost("the shop's answer is not whole, or not JSON")
        return body

    def _judge(self, answer: Answer, body: Json, document: Document) -> Json:
        """Give the data, unless Shopify says that there is none or that it is not whole."""
        self._check_version(answer)
        errors = body.get("errors")
        if errors:
            self._raise_of(errors, body, answer)
        data = body.get("data")
        if not isinstance(data, dict):
            raise AnswerLost(f"the shop's answer to {document.name} has no data")
        return data

    def _raise_of(self, errors: object, body: Json, answer: Answer) -> None:
        listed = errors if isinstance(errors, list) else []
        found = [each for each in listed if isinstance(each, dict)]
        codes = {str((each.get("extensions") or {}).get("code")) for each in found}
        said = "; ".join(str(each.get("message")) for each in found) or str(errors)[:200]
        if _THROTTLED in codes:
            raise _Throttled(answer.retry_after_seconds() or _wait_of(body))
        if codes & _MAYBE_EXECUTED or any((body.get("data") or {}).values()):
            raise AnswerLost(f"Shopify failed within: {said}")
        raise NotExecuted(f"Shopify refused the call: {said}", is_permanent=True)

    def _check_version(self, answer: Answer) -> None:
        """Warn, once, of an answer in another version than was asked for.

        What the call changed is changed, and the answer holds every field that was asked for, or
        it would be an error: to raise here would turn what was done into what failed."""
        version = answer.headers.get("x-shopify-api-version")
        if version in (None, self.address.api_version) or version in self._versions_warned:
            return
        self._versions_warned.add(version)
        _log.warning(
            "shopify_version_differs",
            shop=self.address.shop,
            asked=self.address.api_version,
            answered=version,
        )


def _wait_of(body: Json) -> float:
    """Work out when the bucket will hold what the thrown-out call costs."""
    cost = (body.get("extensions") or {}).get("cost") or {}
    status = cost.get("throttleStatus") or {}
    try:
        lacking = float(cost["requestedQueryCost"]) - float(status["currentlyAvailable"])
        return max(lacking / float(status["restoreRate"]), 0.0)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return 1.0
