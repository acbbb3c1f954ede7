"""Has the shop's own endpoint hand a reward over: a signed call, and its yes is all it takes."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime

import msgspec
from msgspec import Struct

from guerdon.adapters.webhooks.conversation import Answered, NoAnswer
from guerdon.adapters.webhooks.sending import Sender
from guerdon.adapters.webhooks.standard import signing_key
from guerdon.adapters.webhooks.target import TargetRefused
from guerdon.domain.integration import IntegrationKind
from guerdon.engine.ports import Fulfilled, FulfilmentFailed, Handover

TIMEOUT_SECONDS = 6.0
_RETRY_AFTER_SECONDS_MAX = 3600.0
_encode = msgspec.json.Encoder().encode


class MemberPart(Struct, frozen=True):
    id: int
    external_id: str
    email: str | None
    first_name: str | None
    last_name: str | None


class RewardPart(Struct, frozen=True):
    id: int
    slug: str
    name: str
    kind: str
    content: dict[str, str]


class RedemptionPart(Struct, frozen=True):
    id: int
    code: str | None
    units: int
    points_cost: int
    created_at: datetime
    reward: RewardPart
    member: MemberPart


class Body(Struct, frozen=True):
    type: str
    timestamp: datetime
    data: RedemptionPart


class EndpointFulfiller:
    """`webhook`: the endpoint is called until it answers with 2xx, always under the same id, by
    which it can tell a repetition. Signed as in Standard Webhooks."""

    platform: IntegrationKind = "endpoint"

    def __init__(self, sender: Sender, now: Callable[[], datetime]) -> None:
        self._sender = sender
        self._now = now

    async def fulfil(self, handover: Handover) -> Fulfilled:
        """Tell the endpoint to hand over. Whatever is not a yes is a no, to be asked again."""
        await self._call(handover, "redemption.fulfil")
        return Fulfilled()

    async def take_back(self, handover: Handover) -> None:
        """Tell the endpoint that the reward is not to be handed over, or is worth nothing now."""
        await self._call(handover, "redemption.take_back")

    async def _call(self, handover: Handover, kind: str) -> None:
        url = handover.connected.definition.get("url")
        secret = handover.connected.secrets.get("secret")
        if not url or not secret:
            raise FulfilmentFailed("the endpoint has no address or no secret", is_permanent=True)
        now = self._now()
        body = _encode(Body(kind, handover.redemption.updated_at, _told(handover)))
        named = f"{kind}_{handover.merchant.id}_{handover.redemption.id}".replace(".", "_")
        stamp = str(int(now.timestamp()))
        signed = f"{named}.{stamp}.".encode() + body
        digest = hmac.new(signing_key(secret), signed, hashlib.sha256).digest()
        headers = (
            ("Content-Type", "application/json"),
            ("User-Agent", "Guerdon-Webhook/1.0"),
            ("webhook-id", named),
            ("webhook-timestamp", stamp),
            ("webhook-signature", f"v1,{base64.b64encode(digest).decode('ascii')}"),
        )
        try:
            answered = await self._sender.post(url, headers, body, timeout_seconds=TIMEOUT_SECONDS)
        except (TargetRefused, NoAnswer) as failure:
            raise FulfilmentFailed(f"the endpoint: {failure}") from failure
        if not 200 <= answered.status < 300:
            raise FulfilmentFailed(
                f"the endpoint answered with status {answered.status}",
                after_seconds=_asked_wait(answered),
            )


def _told(handover: Handover) -> RedemptionPart:
    redemption, reward, member = handover.redemption, handover.reward, handover.member
    return RedemptionPart(
        id=redemption.id,
        code=handover.code,
        units=redemption.units,
        points_cost=redemption.points_cost,
        created_at=redemption.created_at,
        reward=RewardPart(reward.id, reward.slug, reward.name, reward.kind, reward.content),
        member=MemberPart(
            member.id, member.external_id, member.email, member.first_name, member.last_name
        ),
    )


def _asked_wait(answered: Answered) -> float | None:
    """Give for how long the endpoint asked to be left alone, in seconds; a date is not heeded."""
    if answered.retry_after is None or not answered.retry_after.isdecimal():
        return None
    return min(float(answered.retry_after), _RETRY_AFTER_SECONDS_MAX)
