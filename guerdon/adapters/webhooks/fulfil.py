"""Has the shop's own endpoint hand a reward over: a signed call, and its yes is all it takes."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec
from msgspec import Struct

from guerdon.adapters.webhooks.conversation import Answered, NoAnswer
from guerdon.adapters.webhooks.sending import Sender
from guerdon.adapters.webhooks.standard import signing_key
from guerdon.adapters.webhooks.target import TargetRefused
from guerdon.domain.catalogue import Merchant, Reward
from guerdon.domain.integration import IntegrationKind
from guerdon.engine.ports import (
    Connected,
    EndpointCall,
    EndpointForm,
    Fulfilled,
    FulfilmentFailed,
    Handover,
)

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


class StandardEndpoint:
    """Our own form, signed as in Standard Webhooks: always under one id, by which the endpoint can
    tell a repetition."""

    is_patient = False
    timeout_seconds = 6.0

    def fulfil(self, handover: Handover, secret: str, now: datetime) -> EndpointCall:
        return self._call(handover, "redemption.fulfil", secret, now)

    def take_back(self, handover: Handover, secret: str, now: datetime) -> EndpointCall:
        return self._call(handover, "redemption.take_back", secret, now)

    def probe(
        self,
        merchant: Merchant,  # noqa: ARG002 -- a form's shape
        reward: Reward,  # noqa: ARG002
        secret: str,  # noqa: ARG002
        now: datetime,  # noqa: ARG002
    ) -> EndpointCall | None:
        return None

    def _call(self, handover: Handover, kind: str, secret: str, now: datetime) -> EndpointCall:
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
        return EndpointCall(headers, body)


class EndpointFulfiller:
    """`webhook`: the endpoint is called until it answers with 2xx, in the form that the merchant's
    connection names; the default one is `guerdon`."""

    platform: IntegrationKind = "endpoint"

    def __init__(
        self, forms: Mapping[str, EndpointForm], sender: Sender, now: Callable[[], datetime]
    ) -> None:
        self._forms = forms
        self._sender = sender
        self._now = now

    async def fulfil(self, handover: Handover) -> Fulfilled:
        """Tell the endpoint to hand over. Whatever is not a yes is a no, to be asked again."""
        form, secret = self._way(handover.connected)
        await self._post(handover.connected, form, form.fulfil(handover, secret, self._now()))
        return Fulfilled()

    async def take_back(self, handover: Handover) -> None:
        """Tell the endpoint that the reward is not to be handed over, or is worth nothing now."""
        form, secret = self._way(handover.connected)
        await self._post(handover.connected, form, form.take_back(handover, secret, self._now()))

    async def probe(self, connected: Connected, merchant: Merchant, reward: Reward) -> bool:
        """Send the form's test call, where it has one. Raises FulfilmentFailed for a no."""
        form, secret = self._way(connected)
        return await self._post(connected, form, form.probe(merchant, reward, secret, self._now()))

    def _way(self, connected: Connected) -> tuple[EndpointForm, str]:
        form = self._forms.get(connected.definition.get("form") or "guerdon")
        secret = connected.secrets.get("secret")
        if form is None or not secret or not connected.definition.get("url"):
            raise FulfilmentFailed(
                "the endpoint has no address, no secret or no form", is_permanent=True
            )
        return form, secret

    async def _post(
        self, connected: Connected, form: EndpointForm, call: EndpointCall | None
    ) -> bool:
        if call is None:
            return False
        try:
            answered = await self._sender.post(
                connected.definition["url"] or "",
                call.headers,
                call.body,
                timeout_seconds=form.timeout_seconds,
            )
        except (TargetRefused, NoAnswer) as failure:
            raise FulfilmentFailed(
                f"the endpoint: {failure}", is_never_over=form.is_patient
            ) from failure
        if not 200 <= answered.status < 300:
            raise FulfilmentFailed(
                f"the endpoint answered with status {answered.status}",
                after_seconds=_asked_wait(answered),
                is_never_over=form.is_patient,
            )
        return True


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
