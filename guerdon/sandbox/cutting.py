"""Breaks a connection for real. ASGI has no word for that, so the server's transport is used."""

import asyncio

from guerdon.http.asgi import Receive, Send


class ConnectionCut(ConnectionResetError):
    """Where there is no connection, as in a client that calls the application itself, the caller is
    given this instead."""


async def cut(receive: Receive, send: Send) -> None:
    """Close the connection at once, with nothing more sent on it."""
    transport = _transport_of(send)
    if transport is None:
        raise ConnectionCut("the sandbox cut the connection")
    transport.abort()
    # Returning before the server has noticed would make it answer with a 500 of its own.
    await _until_noticed(receive)


async def hold_open(receive: Receive, send: Send) -> None:
    """Keep the connection open, without an answer, until the client or the server ends it."""
    try:
        await _until_noticed(receive)
    except asyncio.CancelledError:
        transport = _transport_of(send)
        if transport is None:
            raise
        transport.abort()
        await _until_noticed(receive)


def _transport_of(send: Send) -> asyncio.Transport | None:
    # uvicorn's `send` is a method of the request's cycle, which holds the transport.
    transport: asyncio.Transport | None
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    return transport


async def _until_noticed(receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
