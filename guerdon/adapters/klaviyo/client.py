"""Klaviyo's HTTP interface."""

from guerdon.adapters.klaviyo import wire
from guerdon.engine.ports import Connected
from guerdon.http.calling import Answer, Caller

BASE_URL = "https://a.klaviyo.com"
_MEDIA_TYPE = "application/vnd.api+json"


class KlaviyoClient:
    """Holds no key: each call is given the connection that it is made for."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def create_event(self, connected: Connected, event: wire.EventDocument) -> Answer:
        """Create an event; raises NotSent or AnswerLost."""
        definition = connected.definition
        base_url = definition.get("base_url") or BASE_URL
        return await self._caller.call(
            "POST",
            f"{base_url.rstrip('/')}/api/events",
            headers={
                "Authorization": f"Klaviyo-API-Key {connected.secrets['key']}",
                "revision": definition.get("revision") or wire.REVISION,
                "Content-Type": _MEDIA_TYPE,
                "Accept": _MEDIA_TYPE,
            },
            content=wire.encode(event),
        )
