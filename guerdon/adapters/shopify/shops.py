"""The shops that merchants are connected to, each with its client."""

import asyncio
import hashlib

import msgspec

from guerdon.adapters.shopify.client import ANSWER_SECONDS, Address, Shop
from guerdon.adapters.shopify.failures import NotExecuted
from guerdon.adapters.shopify.tokens import FixedToken, GrantedToken, Tokens
from guerdon.domain.ids import MerchantId
from guerdon.engine.ports import Connected
from guerdon.http.calling import Caller

API_VERSION = "2026-10"
_BYTES_MAX = 4 * 1024 * 1024


class Shops:
    """Keeps one client for each merchant's shop, and the connections that they share.

    A client lives until its merchant's connection changes, so that what was learned of the shop
    (its token, its points, whether it answers) outlives a call."""

    def __init__(self, *, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._answer_seconds = answer_seconds
        self._known: dict[MerchantId, tuple[bytes, Shop]] = {}
        self._caller = Caller(connect_seconds_max=2.0, bytes_max=_BYTES_MAX, connections_max=100)

    def of(self, connected: Connected) -> Shop:
        """Give the client of a merchant's shop. Raises NotExecuted where it is not told enough."""
        mark = _mark_of(connected)
        known = self._known.get(connected.merchant_id)
        if known is not None and known[0] == mark:
            return known[1]
        clock = asyncio.get_running_loop().time
        address = _address_of(connected)
        shop = Shop(
            address,
            self._tokens(connected, address),
            self._caller,
            clock=clock,
            answer_seconds=self._answer_seconds,
        )
        self._known[connected.merchant_id] = (mark, shop)
        return shop

    async def aclose(self) -> None:
        """Close the connections."""
        await self._caller.aclose()

    def _tokens(self, connected: Connected, address: Address) -> Tokens:
        token = connected.secrets.get("token")
        if token:
            return FixedToken(token)
        client_id = connected.definition.get("client_id") or connected.secrets.get("client_id")
        client_secret = connected.secrets.get("client_secret")
        if not client_id or not client_secret:
            raise NotExecuted(
                "the shop's connection has neither a token nor a client id and secret",
                is_permanent=True,
            )
        clock = asyncio.get_running_loop().time
        return GrantedToken(self._caller, address.token, client_id, client_secret, clock)


def _address_of(connected: Connected) -> Address:
    shop = connected.definition.get("shop")
    if not shop:
        raise NotExecuted("the connection names no shop", is_permanent=True)
    return Address(
        shop=shop,
        api_version=connected.definition.get("api_version") or API_VERSION,
        base_url=connected.definition.get("base_url"),
    )


def _mark_of(connected: Connected) -> bytes:
    """Tell one connection from another without keeping its secrets a second time."""
    told = [connected.definition, sorted(connected.secrets.items())]
    return hashlib.sha256(msgspec.json.encode(told, order="sorted")).digest()
