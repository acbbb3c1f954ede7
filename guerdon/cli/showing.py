"""`guerdon show`: a merchant as it stands."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from guerdon.cli.console import out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from msgspec import Struct
    from rich.tree import Tree

    from guerdon.cli.id_forms import Kind
    from guerdon.domain.catalogue import Catalogue, EarningRule, Program, Reward
    from guerdon.domain.integration import Integration
    from guerdon.domain.subscription import Subscription
    from guerdon.domain.template import Template

commands = typer.Typer()

_Facts = dict[str, object]


@commands.command()
def show(
    json_form: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    merchant: Annotated[
        str | None,
        typer.Option("--merchant", "-m", help="The merchant's slug, if there are several."),
    ] = None,
    archived: Annotated[
        bool, typer.Option("--archived", help="Archived rewards and rules too.")
    ] = False,
) -> None:
    """Show a merchant as it stands, with every id in each dialect's form, and no secret."""
    facts = asyncio.run(_read(merchant, with_archived=archived))
    if json_form:
        import msgspec

        print(msgspec.json.format(msgspec.json.encode(facts)).decode())
    else:
        out().print(_tree(facts))


async def _read(slug: str | None, *, with_archived: bool) -> _Facts:
    from guerdon.cli.choosing import choose_catalogue
    from guerdon.cli.database import open_store
    from guerdon.cli.running import make_runtime
    from guerdon.config import read_config
    from guerdon.engine.receiving import hook_path
    from guerdon.store import integrations, templates, webhook_subscriptions
    from guerdon.store.snapshot import snapshot

    config = read_config()
    async with open_store(config) as pool:
        seal = make_runtime(config, pool).seal
        catalogue = await choose_catalogue(pool, slug)
        merchant_id = catalogue.merchant.id
        async with snapshot(pool) as view:
            hooks = await webhook_subscriptions.list_all_subscriptions(view, merchant_id)
            connected = await integrations.list_integrations(view, merchant_id)
            made = await templates.list_templates(view, merchant_id)
    return facts_of(
        catalogue,
        hooks,
        [each for each, _ in connected],
        list(made.values()),
        with_archived=with_archived,
        shopify_hooks=hook_path(seal, "shopify", catalogue.merchant.slug) if seal else None,
    )


def facts_of(
    catalogue: "Catalogue",
    hooks: "list[Subscription]",
    connected: "list[Integration]",
    templates: "Sequence[Template]" = (),
    *,
    with_archived: bool,
    shopify_hooks: str | None = None,
) -> _Facts:
    """Tell everything about a merchant that is not a secret; `shopify_hooks` is the path at which
    Shopify delivers its webhooks."""
    merchant = catalogue.merchant
    programs = sorted(catalogue.programs.values(), key=lambda program: program.id)
    slugs = {program.id: program.slug for program in programs}
    return {
        "merchant": _struct(merchant),
        "catalogue_version": catalogue.version,
        "point_types": [
            _offer("point_type", point_type, point_type.id)
            for point_type in sorted(catalogue.point_types.values(), key=lambda each: each.id)
        ],
        "programs": [
            _program(catalogue, program, with_archived=with_archived)
            for program in programs
            if with_archived or program.archived_at is None
        ],
        "templates": [_template(catalogue, each) for each in templates],
        "webhooks": [
            {
                **_offer("webhook", hook, hook.id),
                "program": slugs.get(hook.program_id) if hook.program_id is not None else None,
            }
            for hook in hooks
        ],
        "integrations": [
            {
                "kind": each.kind,
                **each.definition,
                **({"webhooks_at": shopify_hooks} if each.kind == "shopify" else {}),
                "has_secret": True,
            }
            for each in connected
        ],
    }


def _program(catalogue: "Catalogue", program: "Program", *, with_archived: bool) -> _Facts:
    tiers = catalogue.tiers.get(program.id, ())
    slugs = {tier.id: tier.slug for tier in tiers}
    rewards = [
        {
            **_offer("reward", reward, reward.id, reward.template_id),
            "tier": slugs.get(reward.tier_id) if reward.tier_id is not None else None,
            "tier_terms": {
                slugs.get(terms.tier_id, str(terms.tier_id)): {
                    "is_enabled": terms.is_enabled,
                    "points_cost": reward.points_cost_for(terms.tier_id),
                }
                for terms in reward.tier_terms
            },
        }
        for reward in sorted(catalogue.rewards.values(), key=lambda reward: reward.id)
        if reward.program_id == program.id and (with_archived or reward.archived_at is None)
    ]
    rules = [
        _offer("earning_rule", rule, rule.id, rule.template_id)
        for rule in sorted(catalogue.rules.values(), key=lambda rule: rule.id)
        if rule.program_id == program.id and (with_archived or rule.archived_at is None)
    ]
    return {
        **_offer("program", program, program.id),
        "tiers": [_offer("tier", tier, tier.id) for tier in tiers],
        "rewards": rewards,
        "earning_rules": rules,
    }


def _template(catalogue: "Catalogue", template: "Template") -> _Facts:
    """Tell of what stands for itself in which programs it is offered."""
    kind: Kind = "earning_rule" if template.reward is None else "reward"
    made: list[Reward | EarningRule] = [*catalogue.rewards.values(), *catalogue.rules.values()]
    holders = {
        catalogue.programs[each.program_id].slug
        for each in made
        if each.template_id == template.id and each.archived_at is None
    }
    facts = _offer(kind, template, template.id)
    # Elsewhere only what was made of it goes by an id.
    own = {name: form for name, form in _inner(facts["ids"]).items() if name == "voucherify"}
    return {**facts, "ids": own, "kind": kind, "programs": sorted(holders)}


def _offer(kind: "Kind", value: "Struct", number: int, template_id: int | None = None) -> _Facts:
    from guerdon.cli.id_forms import id_forms

    facts = _struct(value)
    forms = id_forms(kind, number, template_id=template_id)
    return {"id": facts.pop("id"), "ids": forms, **facts}


def _struct(value: "Struct") -> _Facts:
    import msgspec

    facts: _Facts = msgspec.to_builtins(value)
    return facts


def _tree(facts: _Facts) -> "Tree":
    from rich.markup import escape
    from rich.tree import Tree

    merchant = _inner(facts["merchant"])
    tree = Tree(
        f"[bold]{escape(str(merchant['name']))}[/] ({merchant['slug']}), "
        f"{merchant['timezone']}, {merchant['currency']}"
    )
    for program in _list(facts["programs"]):
        branch = tree.add(
            f"[bold]{escape(str(program['name']))}[/] (program {program['slug']}, id "
            f"{program['id']}, {program['status']})  [dim]{_forms(program)}[/]"
        )
        for name in ("tiers", "rewards", "earning_rules"):
            offers = _list(program[name])
            if offers:
                twig = branch.add(name.replace("_", " "))
                for offer in offers:
                    twig.add(_line(name, offer))
    for points in _list(facts["point_types"]):
        tree.add(
            f"points {escape(str(points['name']))} ({points['slug']}, id {points['id']})  "
            f"[dim]{_forms(points)}[/]"
        )
    for template in _list(facts["templates"]):
        holders = ", ".join(map(str, _texts(template["programs"]))) or "no program"
        tree.add(
            f"{str(template['kind']).replace('_', ' ')} {escape(str(template['name']))} "
            f"({template['status']}, in {holders})  [dim]id {template['id']}, {_forms(template)}[/]"
        )
    for name, what in (("webhooks", "url"), ("integrations", "kind")):
        for each in _list(facts[name]):
            twig = tree.add(f"{name.removesuffix('s')} {escape(str(each[what]))}")
            if each.get("webhooks_at"):
                twig.add(f"takes webhooks at {each['webhooks_at']}")
    return tree


def _line(name: str, offer: _Facts) -> str:
    from rich.markup import escape

    figures = {
        "tiers": "points_required",
        "rewards": "points_cost",
        "earning_rules": "points",
    }
    said = f"{offer['slug']}: {escape(str(offer['name']))}, {offer[figures[name]]} points"
    if offer.get("stock") is not None:
        said += f", stock {offer['stock']}"
    if offer.get("status") not in (None, "active"):
        said += f", {offer['status']}"
    if offer.get("archived_at"):
        said += ", archived"
    return f"{said}  [dim]id {offer['id']}, {_forms(offer)}[/]"


def _forms(offer: _Facts) -> str:
    return ", ".join(f"{dialect} {form}" for dialect, form in _inner(offer["ids"]).items())


def _inner(value: object) -> _Facts:
    assert isinstance(value, dict)
    return value


def _texts(value: object) -> list[object]:
    assert isinstance(value, list)
    return value


def _list(value: object) -> list[_Facts]:
    assert isinstance(value, list)
    return value
