"""Calls to other people's servers: bounded in time and in size, and exact about what was lost."""

import asyncio
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx
from msgspec import Struct

from guerdon import __version__

# Shorter than any platform keeps a silent connection: one that the other side closes at the moment
# it is used again loses an answer, and with some platforms that is a letter of unknown fate.
_IDLE_SECONDS_MAX = 5.0
_RETRY_AFTER_SECONDS_MAX = 86_400.0

_WORD = re.compile(r"[A-Za-z0-9_./-]{1,120}")


class CallFailed(Exception):
    """A call came to no answer. `reason` is fit for logs: it holds neither secret nor address."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotSent(CallFailed):
    """The request never left whole, so nobody can have acted on it: repeating it is safe."""


class AnswerLost(CallFailed):
    """The request may have arrived and been acted on; what was answered is not known."""


class Answer(Struct, frozen=True):
    """`body` is to be trusted only if it `is_whole`; the status and the headers always are."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool

    def retry_after_seconds(self) -> float | None:
        """Give for how long the server asked to be left alone. A date counts from the answer's
        own, so that a wrong clock on either side does no harm."""
        asked = self.headers.get("retry-after", "").strip()
        if not asked:
            return None
        try:
            seconds = float(asked)
        except ValueError:
            try:
                answered_at = parsedate_to_datetime(self.headers.get("date", ""))
                seconds = (parsedate_to_datetime(asked) - answered_at).total_seconds()
            except (TypeError, ValueError, OverflowError):
                return None
        # What is not a number is not within these bounds either.
        if not 0 <= seconds <= _RETRY_AFTER_SECONDS_MAX:
            return None if seconds != seconds or seconds < 0 else _RETRY_AFTER_SECONDS_MAX  # noqa: PLR0124
        return seconds


def words_to_keep(*said: object) -> str:
    """Join what may be kept of a server's own words: codes and pointers. Its sentences may quote
    an address or a key, and what is kept of a failure outlives the member's erasure."""
    return " ".join(word for word in said if isinstance(word, str) and _WORD.fullmatch(word))


class _Progress:
    """How far a request has come, as the connection tells it.

    One with a body can be acted on only once its body is under way, one without as soon as its
    headers are."""

    def __init__(self, content: bytes) -> None:
        self.may_have_arrived = False
        self.status: int | None = None
        self.headers: Mapping[str, str] = {}
        self.body = bytearray()
        self._last_part = (
            ".send_request_body.started" if content else ".send_request_headers.started"
        )

    async def trace(self, event: str, _: Mapping[str, object]) -> None:
        if event.endswith(self._last_part):
            self.may_have_arrived = True

    def answer(self, *, is_whole: bool) -> Answer:
        assert self.status is not None, "there is an answer once there is a status"
        return Answer(self.status, self.headers, bytes(self.body), is_whole)


class Caller:
    """Makes calls over kept connections. Redirects are not followed and no cookie is kept.

    Used in one event loop; `aclose` ends its connections. `seconds_max` bounds a call as a whole,
    however slowly the other side speaks; `bytes_max` bounds what is read of an answer's body."""

    def __init__(
        self,
        *,
        connect_seconds_max: float = 4.0,
        seconds_max: float = 10.0,
        bytes_max: int = 64 * 1024,
        connections_max: int = 200,
    ) -> None:
        self._seconds_max = seconds_max
        self._bytes_max = bytes_max
        self._timeout = httpx.Timeout(seconds_max, connect=connect_seconds_max)
        self._limits = httpx.Limits(
            max_connections=connections_max,
            max_keepalive_connections=connections_max,
            keepalive_expiry=_IDLE_SECONDS_MAX,
        )
        self._client: httpx.AsyncClient | None = None

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes = b"",
        seconds_max: float | None = None,
    ) -> Answer:
        """Make one call; raises NotSent or AnswerLost where there is no answer.

        An answer of which only the body was lost, or was too long, is an answer: see `is_whole`."""
        progress = _Progress(content)
        try:
            async with asyncio.timeout(self._seconds_max if seconds_max is None else seconds_max):
                is_whole = await self._exchange(progress, method, url, headers, content)
        except (OSError, ValueError, httpx.HTTPError, httpx.InvalidURL) as error:
            if progress.status is not None:
                return progress.answer(is_whole=False)
            # Only the kind of the error is told: its text may quote a header or an address. No
            # chain either, since a traceback shows the text of every error in it.
            reason = _reason_of(error)
            if progress.may_have_arrived and not isinstance(error, httpx.ProxyError):
                raise AnswerLost(reason) from None
            raise NotSent(reason) from None
        return progress.answer(is_whole=is_whole)

    async def _exchange(
        self,
        progress: _Progress,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes,
    ) -> bool:
        async with self._opened().stream(
            method, url, headers=headers, content=content, extensions={"trace": progress.trace}
        ) as response:
            progress.headers = response.headers
            progress.status = response.status_code
            async for chunk in response.aiter_bytes():
                room = self._bytes_max - len(progress.body)
                progress.body += chunk[:room]
                if len(chunk) > room:
                    return False
        return True

    def _opened(self) -> httpx.AsyncClient:
        # Made at the first call and not before: that is the loop that it belongs to.
        if self._client is None:
            self._client = httpx.AsyncClient(
                timeout=self._timeout,
                limits=self._limits,
                follow_redirects=False,
                # One merchant's cookie is nothing for another's call.
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                # A compressed answer may be a thousand times what was read of it.
                headers={"Accept-Encoding": "identity", "User-Agent": f"guerdon/{__version__}"},
            )
        return self._client

    async def aclose(self) -> None:
        """Close the connections; another call would open new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


def _reason_of(error: Exception) -> str:
    if isinstance(error, httpx.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, httpx.PoolTimeout):
        return "no connection was free in time"
    if isinstance(error, (TimeoutError, httpx.TimeoutException)):
        return "no answer in time"
    if isinstance(error, httpx.ConnectError):
        return "no connection"
    if isinstance(error, (httpx.NetworkError, httpx.RemoteProtocolError)):
        return "the connection was lost"
    return f"the call could not be made ({type(error).__name__})"
