"""The shape of the program file: which keys there are, and what each may hold."""

import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

from guerdon.adapters.klaviyo.wire import REVISION as KLAVIYO_REVISION
from guerdon.adapters.omnisend.wire import GENERATION as OMNISEND_GENERATION
from guerdon.cli.file_part import POINTS_MAX, Name, Part, Points, Slug
from guerdon.cli.point_type_parts import PointTypePart
from guerdon.cli.yaml_reading import BadYaml, read_yaml
from guerdon.domain.blueprint import DialectName, WebhookDialect
from guerdon.domain.catalogue import (
    SAFE_ALPHABET,
    Category,
    DiscountType,
    DrawOrder,
    FulfilBy,
    NegativeBalance,
    ProgramStatus,
    RewardKind,
    RewardStatus,
    TierMatch,
    Trigger,
)
from guerdon.domain.clock import Interval
from guerdon.domain.errors import Invalid
from guerdon.domain.key import Access
from guerdon.domain.redemption import SessionKind

_DAYS_MAX = 36_500

Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")]
Text = Annotated[str, Meta(max_length=5000)]
Count = Annotated[int, Meta(ge=0, le=POINTS_MAX)]
Days = Annotated[int, Meta(ge=1, le=_DAYS_MAX)]
Instant = Annotated[datetime, Meta(tz=True)]
Variable = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*\Z")]


class MerchantPart(Part, frozen=True, kw_only=True):
    slug: Slug
    name: Name
    timezone: str = "UTC"
    currency: Currency
    storefront_url: str | None = None


class PointsExpiryPart(Part, frozen=True, kw_only=True):
    """`days` of each lot's own life, `inactive_days` without an order, or both."""

    days: Days | None = None
    inactive_days: Days | None = None


class TierPart(Part, frozen=True, kw_only=True):
    slug: Slug
    name: Name
    points_required: Points
    multiplier: Decimal = Decimal(1)
    description: Text | None = None
    badge_color: str | None = None
    badge_image_url: str | None = None


class DiscountPart(Part, frozen=True, kw_only=True):
    """`amount` is money in major units, or for a percentage the per cent."""

    type: DiscountType
    amount: Decimal | None = None
    minimum_spend: Decimal | None = None
    shipping_max: Decimal | None = None
    collection_ids: tuple[str, ...] = ()
    product_ids: tuple[str, ...] = ()
    variant_ids: tuple[str, ...] = ()
    buys_collection_ids: tuple[str, ...] = ()
    buys_product_ids: tuple[str, ...] = ()
    buys_quantity: Annotated[int, Meta(ge=1, le=1000)] | None = None
    combines_with: tuple[Literal["order", "product", "shipping"], ...] = ()
    applies_on_one_time: bool = True
    applies_on_subscription: bool = False
    recurring_cycles_max: Annotated[int, Meta(ge=1, le=1000)] | None = None


class LimitPart(Part, frozen=True, kw_only=True):
    count: Annotated[int, Meta(ge=1, le=1_000_000)]
    interval: Interval


class SessionLimitPart(Part, frozen=True, kw_only=True):
    kind: SessionKind
    count: Annotated[int, Meta(ge=1, le=1000)]


class ProductPart(Part, frozen=True, kw_only=True):
    id: str | int
    variant_ids: tuple[str | int, ...] = ()
    title: Name | None = None
    sku: Name | None = None
    handle: Name | None = None
    url: str | None = None
    image_url: str | None = None


class CollectionPart(Part, frozen=True, kw_only=True):
    id: str | int
    url: str | None = None
    restriction_text: Text | None = None


class TermsPart(Part, frozen=True, kw_only=True):
    is_enabled: bool = True
    points_cost: Points | None = None


class UnitsPart(Part, frozen=True, kw_only=True):
    min: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    max: Annotated[int, Meta(ge=1, le=1_000_000)] = 1


class FulfilPart(Part, frozen=True, kw_only=True):
    """`low_water` and `refill` are of a pool that is minted ahead; `points` and `point_type` say
    what a reward is worth that is points."""

    by: FulfilBy
    low_water: Annotated[int, Meta(ge=0, le=100_000)] | None = None
    refill: Annotated[int, Meta(ge=1, le=1000)] | None = None
    points: Annotated[int, Meta(ge=1, le=POINTS_MAX)] | None = None
    point_type: Slug | None = None


class RewardPart(Part, frozen=True, kw_only=True):
    slug: Slug
    name: Name
    description: Text | None = None
    kind: RewardKind = "cart_discount"
    points_cost: Points
    points_of: Slug | None = None
    discount: DiscountPart | None = None
    expiry_days: Days | None = None
    stock: Count | None = None
    max_redemptions: Count | None = None
    limit_per_member: LimitPart | None = None
    tier: str | None = None
    grant_on_entry: bool = False
    units: UnitsPart = UnitsPart()
    auto_refund_seconds: Annotated[int, Meta(ge=1, le=_DAYS_MAX * 86_400)] | None = None
    reenable_on_refund: bool = False
    uses: Annotated[int, Meta(ge=1, le=1000)] = 1
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    status: RewardStatus = "active"
    fulfil: FulfilPart = FulfilPart(by="code")
    session_limit: SessionLimitPart | None = None
    products: tuple[ProductPart, ...] = ()
    collections: tuple[CollectionPart, ...] = ()
    tier_terms: dict[str, TermsPart] = field(default_factory=dict)
    countries: tuple[Country, ...] = ()
    content: dict[str, str] = field(default_factory=dict)


class RulePart(Part, frozen=True, kw_only=True):
    """`points`, or for a purchase `points_per_currency_unit`, with `rates` for other currencies."""

    slug: Slug
    name: Name | None = None
    trigger: Trigger
    points: Points | None = None
    points_of: Slug | None = None
    points_per_currency_unit: Points | None = None
    rates: dict[str, Points] = field(default_factory=dict)
    counts_shipping: bool = False
    counts_tax: bool = False
    category: Category | None = None
    action: Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,64}\Z")] | None = None
    action_key: Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,64}\Z")] | None = None
    limit: Literal["once", "unlimited"] | None = None
    approval_days: Annotated[int, Meta(ge=0, le=_DAYS_MAX)] = 0
    is_active: bool = True
    description: Text | None = None
    label: Text | None = None
    call_to_action_url: str | None = None


class ProgramPart(Part, frozen=True, kw_only=True):
    slug: Slug
    name: Name
    status: ProgramStatus = "active"
    timezone: str | None = None
    draw_order: DrawOrder = "fifo"
    points_expiry: PointsExpiryPart | None = None
    restore_days: Annotated[int, Meta(ge=1, le=_DAYS_MAX)] | Literal["forfeit"] = 30
    code_prefix: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_]{0,20}\Z")] = ""
    code_length: Annotated[int, Meta(ge=4, le=24)] = 10
    code_alphabet: str = SAFE_ALPHABET
    vip_tier_match: TierMatch = "exact"
    enrol_new_customers: bool = False
    negative_balance: NegativeBalance = "record"
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    point_types: tuple[Slug, ...] = ()
    tiers: tuple[TierPart, ...] = ()
    rewards: tuple[RewardPart, ...] = ()
    earning_rules: tuple[RulePart, ...] = ()


class KeyPart(Part, frozen=True, kw_only=True):
    name: Name
    dialect: DialectName
    program: str | None = None
    access: Access = "full"
    scopes: tuple[str, ...] = ()
    app_id: str | None = None
    app_id_env: Variable | None = None
    secret_env: Variable


class ShopifyPart(Part, frozen=True, kw_only=True):
    """Either a token, or a client id and its secret; webhooks are signed with the latter unless
    they have a secret of their own."""

    shop: Annotated[str, Meta(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\Z")]
    token_env: Variable | None = None
    client_id_env: Variable | None = None
    client_secret_env: Variable | None = None
    webhook_secret_env: Variable | None = None
    webhook_secret_previous_env: Variable | None = None
    api_version: Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}\Z")] = "2026-10"
    store_credit: bool = False
    base_url: str | None = None


class KlaviyoPart(Part, frozen=True, kw_only=True):
    key_env: Variable
    revision: Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")] = KLAVIYO_REVISION
    base_url: str | None = None


class OmnisendPart(Part, frozen=True, kw_only=True):
    """`generation` is a dated version of the interface, or `v5`, which came before these."""

    key_env: Variable
    generation: Annotated[str, Meta(pattern=r"^(v5|[0-9]{4}-[0-9]{2}-[0-9]{2})\Z")] = (
        OMNISEND_GENERATION
    )
    retry_uncertain: bool = False
    base_url: str | None = None


class PostscriptPart(Part, frozen=True, kw_only=True):
    key_env: Variable
    retry_uncertain: bool = False
    base_url: str | None = None


class EndpointPart(Part, frozen=True, kw_only=True):
    """The shop's own address, which hands over the rewards that are fulfilled by webhook; `form`
    is how it is asked."""

    url: str
    secret_env: Variable
    form: Literal["guerdon", "loyaltylion"] = "guerdon"


class IntegrationsPart(Part, frozen=True, kw_only=True):
    shopify: ShopifyPart | None = None
    klaviyo: KlaviyoPart | None = None
    omnisend: OmnisendPart | None = None
    postscript: PostscriptPart | None = None
    endpoint: EndpointPart | None = None


class WebhookPart(Part, frozen=True, kw_only=True):
    url: str
    dialect: WebhookDialect
    program: str | None = None
    events: Annotated[tuple[str, ...], Meta(min_length=1)]
    description: Text | None = None
    is_active: bool = True
    secret_env: Variable


class ProgramFile(Part, frozen=True, kw_only=True):
    merchant: MerchantPart
    point_types: tuple[PointTypePart, ...] = ()
    programs: tuple[ProgramPart, ...] = ()
    keys: tuple[KeyPart, ...] = ()
    integrations: IntegrationsPart = IntegrationsPart()
    webhooks: tuple[WebhookPart, ...] = ()


class BadProgramFile(Invalid):
    """The program file does not say what it should; each problem is one line, with its path."""

    code = "bad_program_file"

    def __init__(self, source: str, problems: list[str]) -> None:
        super().__init__("\n  ".join([f"{source} is refused:", *problems]))
        self.problems = problems


_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`")
_MISSING = re.compile(r"Object missing required field `(?P<field>.*)`")


def read_program_file(path: Path) -> ProgramFile:
    """Read a program file; raises BadProgramFile with the path of the first wrong key."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadProgramFile(str(path), ["the file is not UTF-8 text"]) from error
    return decode_program_file(text, str(path))


def decode_program_file(text: str, source: str) -> ProgramFile:
    """Decode a program file; `source` is what errors call it."""
    try:
        return msgspec.convert(read_yaml(text), ProgramFile)
    except BadYaml as error:
        raise BadProgramFile(source, [str(error)]) from error
    except msgspec.ValidationError as error:
        raise BadProgramFile(source, [_say(str(error))]) from error


def _say(message: str) -> str:
    """Put the decoder's complaint the way all others are put: path, colon, what is wrong."""
    what, _, place = message.partition(" - at ")
    path = place.strip("`").removeprefix("$").removeprefix(".")
    for pattern, said in ((_UNKNOWN, "unknown key"), (_MISSING, "missing")):
        match = pattern.fullmatch(what)
        if match:
            return f"{path}.{match['field']}: {said}".removeprefix(".")
    return f"{path or 'the file'}: {what[0].lower()}{what[1:]}"
