"""Postscript's HTTP interface."""

from guerdon.adapters.postscript import wire
from guerdon.engine.ports import Connected
from guerdon.http.calling import Answer, Caller

BASE_URL = "https://api.postscript.io"


class PostscriptClient:
    """Holds no key: each call is given the connection that it is made for."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def create_event(self, connected: Connected, event: wire.Event) -> Answer:
        """Create a custom event; raises NotSent or AnswerLost."""
        base_url = connected.definition.get("base_url") or BASE_URL
        return await self._caller.call(
            "POST",
            f"{base_url.rstrip('/')}/api/v2/events",
            headers={
                "Authorization": f"Bearer {connected.secrets['key']}",
                "Content-Type": "application/json",
                "Accept": "application/json",
            },
            content=wire.encode(event),
        )
