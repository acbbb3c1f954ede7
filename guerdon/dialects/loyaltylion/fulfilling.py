"""Asks a shop's endpoint for custom rewards, as the vendor's managed webhook does."""

import base64
import hashlib
import hmac
from datetime import datetime
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct

from guerdon.dialects.loyaltylion.announcing import USER_AGENT, site_domain
from guerdon.dialects.loyaltylion.wire import stamp
from guerdon.domain.catalogue import Merchant, Reward
from guerdon.engine.ports import EndpointCall, Handover

TOPIC = "rewards/store_fulfilment"
_NAMES = UUID("0b7c5a52-7a43-5d0e-8a53-3f5a6c0be1d7")
_encode = msgspec.json.Encoder().encode


class Wanted(Struct, frozen=True, kw_only=True):
    """What is to be handed over, and to whom. The vendor tells of no more than the first six; how
    many units, and which claimed reward it is, are ours."""

    test: bool
    reward_id: int
    reward_identifier: str
    customer_id: int
    customer_merchant_id: str
    customer_email: str | None
    multiplier: int
    claimed_reward_id: int | None


class Body(Struct, frozen=True, kw_only=True):
    """The envelope of all topics, and beside it the same fields at top level, where the vendor's
    sample has them: so a receiver made for either finds them."""

    id: str
    topic: str
    created_at: str
    payload: Wanted
    test: bool
    reward_id: int
    reward_identifier: str
    customer_id: int
    customer_merchant_id: str
    customer_email: str | None
    multiplier: int
    claimed_reward_id: int | None


class LoyaltyLionEndpoint:
    """Any 2xx is a yes, and it is asked until then; it is never told to take something back."""

    is_patient = True
    timeout_seconds = 5.0

    def fulfil(self, handover: Handover, secret: str, now: datetime) -> EndpointCall:
        redemption, member = handover.redemption, handover.member
        wanted = Wanted(
            test=False,
            reward_id=handover.reward.id,
            reward_identifier=handover.reward.slug,
            customer_id=member.id,
            customer_merchant_id=member.external_id,
            customer_email=member.email,
            multiplier=redemption.units,
            claimed_reward_id=redemption.id,
        )
        return _call(handover.merchant, f"redemption/{redemption.id}", wanted, secret, now)

    def take_back(
        self,
        handover: Handover,  # noqa: ARG002 -- a form's shape
        secret: str,  # noqa: ARG002
        now: datetime,  # noqa: ARG002
    ) -> EndpointCall | None:
        return None

    def probe(self, merchant: Merchant, reward: Reward, secret: str, now: datetime) -> EndpointCall:
        wanted = Wanted(
            test=True,
            reward_id=reward.id,
            reward_identifier=reward.slug,
            customer_id=0,
            customer_merchant_id="test",
            customer_email="test@example.com",
            multiplier=1,
            claimed_reward_id=None,
        )
        return _call(merchant, f"probe/{reward.version_id}/{now.timestamp()}", wanted, secret, now)


def _call(
    merchant: Merchant, what: str, wanted: Wanted, secret: str, now: datetime
) -> EndpointCall:
    body = _encode(
        Body(
            id=str(uuid5(_NAMES, f"{merchant.id}/{what}")),
            topic=TOPIC,
            created_at=stamp(now),
            payload=wanted,
            **msgspec.structs.asdict(wanted),
        )
    )
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    headers = (
        ("Content-Type", "application/json"),
        ("User-Agent", USER_AGENT),
        ("X-LoyaltyLion-Topic", TOPIC),
        ("X-LoyaltyLion-Site-Domain", site_domain(merchant)),
        ("X-LoyaltyLion-Hmac-SHA256", base64.b64encode(digest).decode("ascii")),
    )
    return EndpointCall(headers, body)
