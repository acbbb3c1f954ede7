"""The token that a shop's calls carry: fixed, or fetched by client credentials and renewed."""

import asyncio
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from guerdon.adapters.shopify.failures import NotExecuted
from guerdon.http.calling import Caller, CallFailed

# A token is renewed once so much of its life is over.
RENEWED_AT = 0.8
_SECONDS_MAX = 5.0
# A token that is still good and could not be renewed is used for so long before it is tried again,
# as no call is to wait for what does not answer.
_PAUSE_SECONDS = 60.0


class Tokens(Protocol):
    """Where a client gets its token."""

    async def get(self) -> str:
        """Give a token to call with."""
        ...

    async def replace(self, refused: str) -> str | None:
        """Give another token than the one that was refused; None where there is none."""
        ...


class FixedToken:
    """A token made once in the shop's admin."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def get(self) -> str:
        """Give the token."""
        return self._token

    async def replace(self, refused: str) -> str | None:
        """Give nothing: there is no other."""
        del refused
        return None


class _Grant(Struct, frozen=True):
    access_token: str
    expires_in: float = 86_399.0


class GrantedToken:
    """A token fetched with the app's own id and secret. One fetch is under way at a time, and
    whoever comes meanwhile gets what it brings."""

    def __init__(
        self,
        caller: Caller,
        url: str,
        client_id: str,
        client_secret: str,
        clock: Callable[[], float],
    ) -> None:
        self._caller = caller
        self._url = url
        self._client_id = client_id
        self._client_secret = client_secret
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token: str | None = None
        self._renew_at = 0.0
        self._ends_at = 0.0

    async def get(self) -> str:
        """Give the token, renewed where most of its life is over."""
        if self._token is not None and self._clock() < self._renew_at:
            return self._token
        async with self._lock:
            if self._token is None or self._clock() >= self._renew_at:
                try:
                    await self._fetch()
                except NotExecuted:
                    now = self._clock()
                    if self._token is None or now >= self._ends_at:
                        raise
                    self._renew_at = now + _PAUSE_SECONDS
            assert self._token is not None
            return self._token

    async def replace(self, refused: str) -> str | None:
        """Fetch another token, unless somebody did since the refused one was handed out."""
        async with self._lock:
            if self._token == refused:
                self._token = None
                await self._fetch()
            return self._token

    async def _fetch(self) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret,
        }
        try:
            answer = await self._caller.call(
                "POST",
                self._url,
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                content=urlencode(form).encode(),
                seconds_max=_SECONDS_MAX,
            )
        except CallFailed as failure:
            # A token fetched in vain harms nobody.
            raise NotExecuted(f"no token could be fetched: {failure.reason}") from failure
        if answer.status != 200:
            raise NotExecuted(f"Shopify gave no token: status {answer.status}")
        try:
            grant = msgspec.json.decode(answer.body, type=_Grant)
        except msgspec.MsgspecError:
            # The answer may hold a token, so nothing of it is repeated.
            raise NotExecuted("Shopify's answer to the request for a token is no grant") from None
        now = self._clock()
        self._token = grant.access_token
        self._renew_at = now + grant.expires_in * RENEWED_AT
        self._ends_at = now + grant.expires_in
