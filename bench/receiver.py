"""A shop's own address: takes every call at once, and counts them."""

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import uvicorn

Message = dict[str, Any]


class Receiver:
    """Answers 204 to what is posted; a GET tells how many calls and how many of them differ."""

    def __init__(self) -> None:
        self.calls = 0
        self.seen: set[bytes] = set()

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            return
        if scope["method"] == "GET":
            body = msgspec.json.encode({"calls": self.calls, "events": len(self.seen)})
            await _answer(send, 200, body)
            return
        while (await receive()).get("more_body"):
            pass
        self.calls += 1
        for name, value in scope["headers"]:
            if name == b"webhook-id":
                self.seen.add(value)
        await _answer(send, 204, b"")


async def _answer(send: Callable[[Message], Awaitable[None]], status: int, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvicorn.run(
        Receiver(),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="error",
    )
