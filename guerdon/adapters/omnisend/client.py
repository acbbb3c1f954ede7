"""Omnisend's HTTP interface, in the two generations that take events."""

from guerdon.adapters.omnisend import wire
from guerdon.engine.ports import Connected
from guerdon.http.calling import Answer, Caller

BASE_URL = "https://api.omnisend.com"


class OmnisendClient:
    """Holds no key: each call is given the connection that it is made for."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def send_event(self, connected: Connected, event: wire.Event) -> Answer:
        """Send an event; raises NotSent or AnswerLost."""
        definition = connected.definition
        base_url = (definition.get("base_url") or BASE_URL).rstrip("/")
        generation = definition.get("generation") or wire.GENERATION
        key = connected.secrets["key"]
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if generation == wire.GENERATION_BEFORE:
            path = "/v5/events"
            headers["X-API-KEY"] = key
        else:
            path = "/api/events"
            headers["Authorization"] = f"Omnisend-API-Key {key}"
            headers["Omnisend-Version"] = generation
        return await self._caller.call(
            "POST", f"{base_url}{path}", headers=headers, content=wire.encode(event)
        )
