"""Campaigns and rewards, between the words of the older API and ours."""

from msgspec import UNSET
from msgspec.structs import replace

from guerdon.dialects.voucherify import wire_card_definitions, wire_rewards
from guerdon.dialects.voucherify import wire_v1_offers as w
from guerdon.dialects.voucherify.ids import read_id, write_id
from guerdon.dialects.voucherify.offer_ids import reward_number
from guerdon.dialects.voucherify.problems import invalid_payload, unsupported
from guerdon.dialects.voucherify.translate_point_types import code_to_wire, terms_from_wire
from guerdon.dialects.voucherify.translate_rewards import terms_from_wire as reward_terms_from_wire
from guerdon.dialects.voucherify.translate_terms import metadata_from_wire, metadata_to_wire
from guerdon.dialects.voucherify.translate_v1_redemptions import parameters_of, type_of
from guerdon.dialects.voucherify.wire import stamp, stamp_or_none
from guerdon.dialects.voucherify.wire_offers import Id
from guerdon.domain.catalogue import Catalogue, PointType, Program, Reward
from guerdon.domain.ids import PointTypeId, ProgramId, RewardId
from guerdon.domain.point_terms import Expiry, Rounding, YearDay
from guerdon.domain.shelf import Shelf
from guerdon.domain.template import Template
from guerdon.domain.terms import Period

_ROUNDINGS: dict[w.RoundingType, Rounding] = {
    "END_OF_MONTH": "month",
    "END_OF_QUARTER": "quarter",
    "END_OF_HALF_YEAR": "half_year",
    "END_OF_YEAR": "year",
    "PARTICULAR_MONTH": "particular_month",
}
_WIRE_ROUNDINGS = {ours: theirs for theirs, ours in _ROUNDINGS.items()}
# What a reward may be shown with beside, under a key of the template's content.
_IMAGE = "image_url"


def reward_to_wire(template: Template, catalogue: Catalogue, redeemed: int | None) -> w.Reward:
    """Show a reward; `redeemed` counts what was taken of it, where that is counted."""
    reward = template.reward
    assert reward is not None, "it is a reward's"
    return w.Reward(
        id=write_id("v1_reward", template.id),
        name=template.name,
        stock=reward.stock,
        redeemed=redeemed,
        attributes=w.Attributes(
            image_url=reward.content.get(_IMAGE), description=reward.description
        ),
        metadata=metadata_to_wire(template.metadata),
        type=type_of(reward),
        # A template has no number of its own in it, and may stand for itself.
        parameters=parameters_of(replace(reward, template_id=template.id), template, catalogue),
        created_at=stamp(template.created_at),
        updated_at=stamp_or_none(template.updated_at),
    )


def assignment_to_wire(reward: Reward, paid_with: PointTypeId | None = None) -> w.Assignment:
    """Show a reward as its campaign offers it; of several prices the first, or the first that is
    `paid_with` points of a type."""
    prices = [cost.points for cost in reward.costs if cost.point_type_id == paid_with]
    points = prices[0] if prices else reward.points_cost
    is_changed = reward.updated_at != reward.created_at
    return w.Assignment(
        id=write_id("assignment", reward.id),
        reward_id=write_id("v1_reward", reward_number(reward)),
        related_object_id=write_id("campaign", reward.program_id),
        parameters=w.AssignmentParameters(loyalty=w.Loyalty(points=points)),
        created_at=stamp(reward.created_at),
        updated_at=stamp(reward.updated_at) if is_changed else None,
    )


def terms_of(shelf: Shelf, template: Template, body: w.RewardBody | w.RewardChange) -> Template:
    """Give a template with what a body says of the reward."""
    if body.parameters:
        terms, kind = _parameters(shelf, body.parameters)
        template = reward_terms_from_wire(shelf, template, terms, kind)
    if body.metadata is not UNSET:
        template = replace(template, metadata=metadata_from_wire(body.metadata))
    reward = template.reward
    assert reward is not None, "it is a reward's"
    if body.name is not UNSET:
        template, reward = replace(template, name=body.name), replace(reward, name=body.name)
    if body.attributes is not UNSET:
        given = body.attributes or w.AttributesBody()
        content = {name: text for name, text in reward.content.items() if name != _IMAGE}
        if given.image_url is not None:
            content[_IMAGE] = given.image_url
        reward = replace(reward, description=given.description, content=content)
    if body.stock is not UNSET:
        if body.stock is not None and type_of(reward) != "MATERIAL":
            raise unsupported(".stock", "is for rewards that are a product")
        reward = replace(reward, stock=body.stock)
    return replace(template, reward=reward)


def _parameters(
    shelf: Shelf, given: w.ParametersBody
) -> tuple[wire_rewards.RewardTerms, wire_rewards.RewardType]:
    """Read what a reward gives, in the form that the newer API has for it."""
    if given.coin is not None:
        raise unsupported(".parameters.coin")
    if (given.campaign is None) == (given.product is None):
        raise invalid_payload("Property .parameters must have one of: campaign, product")
    if given.campaign is not None:
        return wire_rewards.RewardTerms(digital=_campaign(shelf, given.campaign)), "DIGITAL"
    assert given.product is not None, "one of the two is there"
    material: wire_rewards.Material = wire_rewards.OfProduct(product=Id(id=given.product.id))
    if given.product.sku_id is not None:
        sku = wire_rewards.Sku(id=given.product.sku_id, product_id=given.product.id)
        material = wire_rewards.OfSku(sku=sku)
    return wire_rewards.RewardTerms(material=material), "MATERIAL"


def _campaign(shelf: Shelf, given: w.CampaignOf) -> wire_rewards.Digital:
    program = shelf.programs.get(ProgramId(_number(given.id)))
    if program is not None and program.archived_at is None:
        if not given.balance:
            raise invalid_payload("Property .parameters.campaign.balance cannot be lower than 1")
        return wire_rewards.LoyaltyCardPoints(
            loyalty_card_points=wire_rewards.CardPoints(
                points=given.balance,
                card_definition_id=write_id("card_definition", program.point_type_id),
            )
        )
    if given.balance is not None:
        gifts = wire_rewards.Gifts(campaign_id=given.id, balance=given.balance)
        return wire_rewards.GiftVouchers(gift_vouchers=gifts)
    source = shelf.rewards.get(RewardId(_number(given.id)))
    worth = None if source is None or source.discount is None else source.discount.amount_minor
    if source is not None and source.kind == "gift_card" and worth is not None:
        gifts = wire_rewards.Gifts(campaign_id=given.id, balance=worth)
        return wire_rewards.GiftVouchers(gift_vouchers=gifts)
    return wire_rewards.DiscountCoupons(discount_coupons=wire_rewards.Coupons(campaign_id=given.id))


def _number(text: str) -> int:
    return read_id("campaign", text) or 0


def point_type_of(name: str, form: w.CardForm | None) -> PointType:
    """Give the point type of a campaign's cards."""
    point_type = PointType(id=PointTypeId(0), slug="", name=name, status="active", origin="api")
    if form is None:
        return point_type
    if form.loyalty_card.points:
        raise unsupported(".voucher.loyalty_card.points")
    if form.redemption is not None and form.redemption.quantity is not None:
        raise unsupported(".voucher.redemption.quantity")
    config = form.code_config
    if config is not None and any(
        (config.length, config.charset, config.prefix, config.postfix, config.pattern)
    ):
        code = wire_card_definitions.CodeConfig(
            pattern=config.pattern,
            length=config.length,
            charset=config.charset,
            prefix=config.prefix,
            postfix=config.postfix,
        )
        terms = wire_card_definitions.CardDefinitionTerms(code_config=code)
        point_type = terms_from_wire(point_type, terms)
    return replace(point_type, expiry=_expiry(form.loyalty_card.expiration_rules))


def _expiry(rules: w.ExpirationRules | None) -> Expiry:
    """Read when points expire. A campaign without rules keeps them for ever."""
    path = ".voucher.loyalty_card.expiration_rules"
    if rules is None:
        return Expiry(kind="never")
    if rules.period_type == "FIXED_DAY_OF_YEAR":
        if rules.fixed_day is None or rules.fixed_month is None:
            lacking = "fixed_day" if rules.fixed_day is None else "fixed_month"
            raise invalid_payload(f"Property {path} must have required property '{lacking}'")
        return Expiry(kind="calendar", dates=(YearDay(rules.fixed_day, rules.fixed_month),))
    if rules.period_value is None:
        raise invalid_payload(f"Property {path} must have required property 'period_value'")
    rounding = None if rules.rounding_type is None else _ROUNDINGS[rules.rounding_type]
    is_particular = rounding == "particular_month"
    if is_particular and rules.rounding_value is None:
        raise invalid_payload(f"Property {path} must have required property 'rounding_value'")
    return Expiry(
        kind="rolling",
        period=Period(rules.period_value, "month"),
        rounding=rounding,
        rounding_month=rules.rounding_value if is_particular else None,
    )


def _rules_of(expiry: Expiry | None) -> w.ExpirationRules | None:
    """Show when points expire, as far as the older API has words for it."""
    if expiry is None:
        return None
    if expiry.kind == "calendar":
        first = expiry.dates[0]
        return w.ExpirationRules(
            period_type="FIXED_DAY_OF_YEAR", fixed_month=first.month, fixed_day=first.day
        )
    if expiry.kind == "rolling" and expiry.period and expiry.period.unit in ("month", "year"):
        months = expiry.period.value * (12 if expiry.period.unit == "year" else 1)
        return w.ExpirationRules(
            period_type="MONTH",
            period_value=months,
            rounding_type=None if expiry.rounding is None else _WIRE_ROUNDINGS[expiry.rounding],
            rounding_value=expiry.rounding_month,
        )
    return None


def campaign_to_wire(program: Program, catalogue: Catalogue, cards: int) -> w.Campaign:
    """Show a program as a campaign; `cards` is how many members it has."""
    point_type = catalogue.point_types.get(program.point_type_id)
    expiry = None if point_type is None else point_type.expiry
    code = code_to_wire(None if point_type is None else point_type.code)
    metadata = metadata_to_wire(program.metadata)
    return w.Campaign(
        id=write_id("campaign", program.id),
        name=program.name,
        description=program.description,
        voucher=w.CampaignVoucher(
            loyalty_card=w.CampaignCard(expiration_rules=_rules_of(expiry)),
            code_config=w.CodeConfig(
                length=code.length,
                charset=code.charset,
                prefix=code.prefix,
                postfix=code.postfix,
                pattern=code.pattern,
            ),
        ),
        vouchers_count=cards,
        start_date=stamp_or_none(program.starts_at),
        expiration_date=stamp_or_none(program.ends_at),
        active=program.status == "active",
        metadata=metadata,
        created_at=stamp_or_none(program.created_at),
        updated_at=stamp_or_none(program.updated_at),
    )
