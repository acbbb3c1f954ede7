"""Turns a program file into what the engine is asked for, or says everything that is wrong with it.

What one key may hold is checked with the file's shape; here is what only several keys together say.
"""

from collections.abc import Callable, Mapping
from math import log2

from guerdon.cli.access_checks import wanted_integrations, wanted_key, wanted_webhook
from guerdon.cli.checking import Checks
from guerdon.cli.point_type_checks import wanted_point_type
from guerdon.cli.program_file import (
    BadProgramFile,
    ProgramFile,
    ProgramPart,
    RulePart,
    TierPart,
)
from guerdon.cli.reward_checks import (
    check_codes_of_gift_cards,
    utc,
    wanted_reward,
    warn_of_platforms,
)
from guerdon.domain.blueprint import (
    UNDATED,
    Blueprint,
    WantedProgram,
)
from guerdon.domain.catalogue import (
    Category,
    EarningRule,
    Merchant,
    Program,
    Tier,
    Trigger,
)
from guerdon.domain.ids import (
    MerchantId,
    ProgramId,
    RuleId,
    TierId,
)
from guerdon.domain.webhook_url import UrlRules

_CODE_BITS_ADVISED = 40
_CODE_BITS_MIN = 20
_CODE_BITS_MAX = 120
_DEFAULTS: dict[Trigger, tuple[Category, str]] = {
    "order_paid": ("purchase", "place_order"),
    "signup": ("signup", "signup"),
    "custom": ("engagement", "custom"),
    "birthday": ("birthday", "birthday"),
    "anniversary": ("anniversary", "anniversary"),
    "referral": ("referral", "referral"),
    "manual": ("social", "manual"),
}


def to_blueprint(
    file: ProgramFile,
    *,
    source: str,
    environment: Mapping[str, str],
    warn: Callable[[str], None],
    url_rules: UrlRules,
) -> Blueprint:
    """Check a program file as a whole. Raises BadProgramFile with every problem found."""
    checks = Checks(environment, file.merchant.currency, url_rules)
    merchant = Merchant(
        id=MerchantId(0),
        slug=file.merchant.slug,
        name=file.merchant.name,
        timezone=checks.timezone("merchant.timezone", file.merchant.timezone),
        currency=file.merchant.currency,
        storefront_url=file.merchant.storefront_url,
    )
    checks.url("merchant.storefront_url", file.merchant.storefront_url)
    checks.distinct("programs", "slug", (program.slug for program in file.programs))
    checks.distinct("point_types", "slug", (each.slug for each in file.point_types))
    checks.distinct("keys", "name", (key.name for key in file.keys))
    checks.distinct("webhooks", "url", ((hook.url, hook.dialect) for hook in file.webhooks))
    point_types = {each.slug for each in file.point_types}
    own = {program.slug for program in file.programs}
    programs = tuple(
        _program(checks, f"programs[{index}]", part, merchant, point_types - own)
        for index, part in enumerate(file.programs)
    )
    slugs = [program.slug for program in file.programs]
    keys = tuple(
        wanted_key(checks, f"keys[{index}]", part, slugs) for index, part in enumerate(file.keys)
    )
    checks.distinct("keys", "secret_env", (key.secret or index for index, key in enumerate(keys)))
    blueprint = Blueprint(
        merchant=merchant,
        programs=programs,
        point_types=tuple(
            wanted_point_type(checks, f"point_types[{index}]", part)
            for index, part in enumerate(file.point_types)
        ),
        keys=keys,
        integrations=wanted_integrations(checks, file.integrations),
        webhooks=tuple(
            wanted_webhook(checks, f"webhooks[{index}]", part, slugs)
            for index, part in enumerate(file.webhooks)
        ),
    )
    warn_of_platforms(checks, file)
    if checks.problems:
        raise BadProgramFile(source, checks.problems)
    for warning in checks.warnings:
        warn(warning)
    return blueprint


def _program(
    checks: Checks, path: str, part: ProgramPart, merchant: Merchant, further: set[str]
) -> WantedProgram:
    """Check a program; `further` are the slugs of point types that are no program's own."""
    timezone = part.timezone
    if timezone is not None:
        checks.timezone(f"{path}.timezone", timezone)
    _check_code_space(checks, path, part)
    check_codes_of_gift_cards(checks, path, part)
    if part.starts_at is not None and part.ends_at is not None and part.ends_at <= part.starts_at:
        checks.refuse(f"{path}.ends_at", "it is not after starts_at")
    for name, parts in (
        ("tiers", part.tiers),
        ("rewards", part.rewards),
        ("earning_rules", part.earning_rules),
    ):
        checks.distinct(f"{path}.{name}", "slug", (each.slug for each in parts))
    checks.distinct(
        f"{path}.tiers", "points_required", (tier.points_required for tier in part.tiers)
    )
    action_keys = (rule.action_key or index for index, rule in enumerate(part.earning_rules))
    checks.distinct(f"{path}.earning_rules", "action_key", action_keys)
    expiry = part.points_expiry
    if expiry is not None and expiry.days is None and expiry.inactive_days is None:
        checks.refuse(f"{path}.points_expiry", "give days, inactive_days, or both; or null")
    program = Program(
        id=ProgramId(0),
        slug=part.slug,
        name=part.name,
        status=part.status,
        timezone=timezone or merchant.timezone,
        draw_order=part.draw_order,
        points_expiry_days=expiry.days if expiry else None,
        inactive_days_max=expiry.inactive_days if expiry else None,
        restore_days=None if isinstance(part.restore_days, str) else part.restore_days,
        code_prefix=part.code_prefix,
        code_length=part.code_length,
        code_alphabet=part.code_alphabet,
        vip_tier_match=part.vip_tier_match,
        enrol_new_customers=part.enrol_new_customers,
        negative_balance=part.negative_balance,
        starts_at=utc(part.starts_at),
        ends_at=utc(part.ends_at),
    )
    _check_point_types(checks, path, part, further)
    tiers = {tier.slug for tier in part.tiers}
    return WantedProgram(
        program=program,
        tiers=tuple(
            _tier(checks, f"{path}.tiers[{index}]", each) for index, each in enumerate(part.tiers)
        ),
        rewards=tuple(
            wanted_reward(checks, f"{path}.rewards[{index}]", each, tiers, position=index + 1)
            for index, each in enumerate(part.rewards)
        ),
        rules=tuple(
            _rule(checks, f"{path}.earning_rules[{index}]", each)
            for index, each in enumerate(part.earning_rules)
        ),
        point_types=part.point_types,
        rules_points_of={
            each.slug: each.points_of
            for each in part.earning_rules
            if each.points_of not in (None, part.slug)
        },
    )


def _check_point_types(checks: Checks, path: str, part: ProgramPart, further: set[str]) -> None:
    checks.distinct(f"{path}.point_types", "slug", part.point_types)
    for index, slug in enumerate(part.point_types):
        if slug not in further:
            said = "its own are there anyway" if slug == part.slug else f"no point type {slug!r}"
            checks.refuse(f"{path}.point_types[{index}]", said)
    named = [(f"rewards[{index}]", each.points_of) for index, each in enumerate(part.rewards)]
    named += [
        (f"earning_rules[{index}]", each.points_of) for index, each in enumerate(part.earning_rules)
    ]
    for place, points_of in named:
        if points_of not in (None, part.slug, *part.point_types):
            checks.refuse(f"{path}.{place}.points_of", f"the program has no points {points_of!r}")


def _check_code_space(checks: Checks, path: str, part: ProgramPart) -> None:
    alphabet = part.code_alphabet
    if len(alphabet) < 2 or len(set(alphabet)) != len(alphabet):
        checks.refuse(f"{path}.code_alphabet", "its characters must be distinct, and two at least")
        return
    if not alphabet.isascii() or not alphabet.isalnum():
        checks.refuse(f"{path}.code_alphabet", "it may hold plain letters and digits only")
        return
    bits = part.code_length * log2(len(alphabet))
    if not _CODE_BITS_MIN <= bits <= _CODE_BITS_MAX:
        checks.refuse(
            f"{path}.code_length",
            f"{part.code_length} characters of {len(alphabet)} are {bits:.0f} bits; codes have "
            f"{_CODE_BITS_MIN} to {_CODE_BITS_MAX}",
        )
    elif bits < _CODE_BITS_ADVISED:
        checks.warnings.append(
            f"{path}.code_length: codes have {bits:.0f} bits, so that one in "
            f"{2**bits:,.0f} guesses hits a given code; {_CODE_BITS_ADVISED} or more is advised"
        )


def _tier(checks: Checks, path: str, part: TierPart) -> Tier:
    checks.url(f"{path}.badge_image_url", part.badge_image_url)
    return Tier(
        id=TierId(0),
        program_id=ProgramId(0),
        slug=part.slug,
        name=part.name,
        points_required=part.points_required,
        multiplier_permille=checks.scaled(f"{path}.multiplier", part.multiplier, 1000, 0, 1000),
        description=part.description,
        badge_color=part.badge_color,
        badge_image_url=part.badge_image_url,
        created_at=UNDATED,
        updated_at=UNDATED,
    )


def _rule(checks: Checks, path: str, part: RulePart) -> EarningRule:
    category, action = _DEFAULTS[part.trigger]
    per_unit = part.points_per_currency_unit
    if part.trigger == "order_paid":
        if (part.points is None) == (per_unit is None):
            checks.refuse(
                f"{path}.points_per_currency_unit", "a purchase needs either this or points"
            )
    elif per_unit is not None:
        checks.refuse(f"{path}.points_per_currency_unit", "only order_paid has it")
    elif part.points is None:
        checks.refuse(f"{path}.points", "missing")
    _check_money(checks, path, part)
    if (part.action_key is not None) != (part.trigger == "custom"):
        said = "missing" if part.action_key is None else "only custom has it"
        checks.refuse(f"{path}.action_key", said)
    checks.url(f"{path}.call_to_action_url", part.call_to_action_url)
    is_once = part.limit == "once" or (part.limit is None and part.trigger in ("signup", "manual"))
    return EarningRule(
        id=RuleId(0),
        program_id=ProgramId(0),
        slug=part.slug,
        name=part.name or part.slug.replace("-", " ").replace("_", " ").capitalize(),
        trigger=part.trigger,
        category=part.category or category,
        action=part.action or action,
        action_key=part.action_key,
        points=part.points if per_unit is None and part.points is not None else per_unit or 0,
        is_per_unit=per_unit is not None,
        rates=part.rates,
        counts_shipping=part.counts_shipping,
        counts_tax=part.counts_tax,
        is_once=is_once,
        approval_days=part.approval_days,
        is_active=part.is_active,
        description=part.description,
        customer_facing_label=part.label,
        call_to_action_url=part.call_to_action_url,
        created_at=UNDATED,
        updated_at=UNDATED,
    )


def _check_money(checks: Checks, path: str, part: RulePart) -> None:
    if part.rates and part.points_per_currency_unit is None:
        checks.refuse(f"{path}.rates", "they go with points_per_currency_unit only")
    for currency in part.rates:
        if not (len(currency) == 3 and currency.isascii() and currency.isupper()):
            checks.refuse(f"{path}.rates.{currency}", "no currency, which is three capitals")
    if checks.currency in part.rates:
        said = f"points_per_currency_unit says it for {checks.currency}"
        checks.refuse(f"{path}.rates.{checks.currency}", said)
    for name in ("counts_shipping", "counts_tax"):
        if getattr(part, name) and part.trigger != "order_paid":
            checks.refuse(f"{path}.{name}", "only order_paid has it")
