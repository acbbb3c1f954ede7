"""What a merchant should be like: offers and access by name, before they have ids.

The offers in it are the domain's own values with ids of zero and times of no meaning; whoever makes
a merchant equal to it fills these in."""

from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

from guerdon.domain.catalogue import EarningRule, Merchant, PointType, Program, Reward, Tier
from guerdon.domain.integration import IntegrationKind
from guerdon.domain.key import Access

Act = Literal["add", "change", "archive", "restore", "revoke", "remove"]
DialectName = Literal["mage", "loyaltylion", "voucherify"]
# Whose form webhooks have; "guerdon" is our own.
WebhookDialect = Literal["mage", "loyaltylion", "guerdon"]


# The time of what has no time yet.
UNDATED = datetime(1970, 1, 1, tzinfo=UTC)


class WantedTerms(Struct, frozen=True, kw_only=True):
    """What is different about a reward for a tier, named by its slug."""

    tier: str
    is_enabled: bool = True
    points_cost: int | None = None


class WantedReward(Struct, frozen=True, kw_only=True):
    """`tier` is the slug of one of the program's tiers, `points_of` that of the point type it is
    paid in; None is the program's own."""

    reward: Reward
    points_of: str | None = None
    tier: str | None = None
    terms: tuple[WantedTerms, ...] = ()


class WantedProgram(Struct, frozen=True, kw_only=True):
    """`point_types` are the slugs of those beside its own, `rules_points_of` those of what rules
    give that give others, by the slugs of the rules."""

    program: Program
    tiers: tuple[Tier, ...] = ()
    rewards: tuple[WantedReward, ...] = ()
    rules: tuple[EarningRule, ...] = ()
    point_types: tuple[str, ...] = ()
    rules_points_of: dict[str, str] = {}


class WantedKey(Struct, frozen=True, kw_only=True):
    """`program` is a program's slug; None: all of the merchant's programs."""

    name: str
    dialect: DialectName
    program: str | None = None
    access: Access = "full"
    scopes: tuple[str, ...] = ()
    app_id: str | None = None
    secret: str


class WantedIntegration(Struct, frozen=True, kw_only=True):
    """`definition` holds what may be shown, `secrets` what may not."""

    kind: IntegrationKind
    definition: dict[str, str | None]
    secrets: dict[str, str]


class WantedWebhook(Struct, frozen=True, kw_only=True):
    """`program` is a program's slug; None: all of the merchant's programs."""

    url: str
    dialect: WebhookDialect
    program: str | None = None
    events: tuple[str, ...]
    description: str | None = None
    is_active: bool = True
    secret: str


class Blueprint(Struct, frozen=True, kw_only=True):
    """A point type whose slug is a program's is that program's own."""

    merchant: Merchant
    programs: tuple[WantedProgram, ...]
    point_types: tuple[PointType, ...] = ()
    keys: tuple[WantedKey, ...] = ()
    integrations: tuple[WantedIntegration, ...] = ()
    webhooks: tuple[WantedWebhook, ...] = ()


class Difference(Struct, frozen=True, kw_only=True):
    """One thing to do: `path` names it by slugs; `changes` gives before and after by field."""

    act: Act
    path: str
    changes: dict[str, tuple[str, str]] = {}
