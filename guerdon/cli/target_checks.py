"""Checks what a program file says of whom and what a reward is for."""

import re
from typing import Literal

from guerdon.cli.checking import Checks
from guerdon.cli.program_file import RewardPart
from guerdon.domain.blueprint import WantedTerms
from guerdon.domain.catalogue import SessionLimit, TargetCollection, TargetProduct

_SHOPIFY_ID = re.compile(r"(?:gid://shopify/[A-Za-z]+/)?([0-9]{1,18})")
_Field = Literal["product_ids", "variant_ids", "collection_ids"]


def wanted_terms(
    checks: Checks, path: str, part: RewardPart, tiers: set[str]
) -> tuple[WantedTerms, ...]:
    """Read what is different for the members of some tiers."""
    for slug in part.tier_terms:
        if slug not in tiers:
            checks.refuse(f"{path}.tier_terms.{slug}", f"no tier {slug!r}")
    return tuple(
        WantedTerms(tier=slug, is_enabled=terms.is_enabled, points_cost=terms.points_cost)
        for slug, terms in sorted(part.tier_terms.items())
    )


def session_limit(part: RewardPart) -> SessionLimit | None:
    """Read how often it may be taken in one cart or checkout."""
    limit = part.session_limit
    return None if limit is None else SessionLimit(kind=limit.kind, count=limit.count)


def target_products(checks: Checks, path: str, part: RewardPart) -> tuple[TargetProduct, ...]:
    """Read the products; without any, those that its discount names."""
    if not part.products and part.discount is not None:
        numbers = [_SHOPIFY_ID.fullmatch(each) for each in part.discount.product_ids]
        return tuple(TargetProduct(product_id=each[1]) for each in numbers if each)
    checks.distinct(f"{path}.products", "id", (str(each.id) for each in part.products))
    found = []
    for index, each in enumerate(part.products):
        here = f"{path}.products[{index}]"
        checks.url(f"{here}.url", each.url)
        checks.url(f"{here}.image_url", each.image_url)
        variants = tuple(
            _number(checks, f"{here}.variant_ids[{place}]", variant)
            for place, variant in enumerate(each.variant_ids)
        )
        found.append(
            TargetProduct(
                product_id=_number(checks, f"{here}.id", each.id),
                variant_ids=variants,
                title=each.title,
                sku=each.sku,
                handle=each.handle,
                url=each.url,
                image_url=each.image_url,
            )
        )
    return tuple(found)


def target_collections(checks: Checks, path: str, part: RewardPart) -> tuple[TargetCollection, ...]:
    """Read the collections; without any, those that its discount names."""
    if not part.collections and part.discount is not None:
        numbers = [_SHOPIFY_ID.fullmatch(each) for each in part.discount.collection_ids]
        return tuple(TargetCollection(collection_id=each[1]) for each in numbers if each)
    if part.products and part.collections:
        checks.refuse(f"{path}.collections", "products are there too; give either")
    checks.distinct(f"{path}.collections", "id", (str(each.id) for each in part.collections))
    found = []
    for index, each in enumerate(part.collections):
        here = f"{path}.collections[{index}]"
        checks.url(f"{here}.url", each.url)
        found.append(
            TargetCollection(
                collection_id=_number(checks, f"{here}.id", each.id),
                url=each.url,
                restriction_text=each.restriction_text,
            )
        )
    return tuple(found)


def item_ids(part: RewardPart, field: _Field) -> tuple[str, ...]:
    """Give the ids that the discount is for: its own, or else those of the reward's products and
    collections, so that neither has to be said twice."""
    discount = part.discount
    if discount is None:
        return ()
    if discount.product_ids or discount.variant_ids or discount.collection_ids:
        own: tuple[str, ...] = getattr(discount, field)
        return own
    match field:
        case "collection_ids":
            return tuple(str(each.id) for each in part.collections)
        case "product_ids":
            return tuple(str(each.id) for each in part.products if not each.variant_ids)
        case "variant_ids":
            return tuple(str(each) for one in part.products for each in one.variant_ids)


def _number(checks: Checks, path: str, given: str | int) -> str:
    """Take a shop platform's id, as a number or in full, as its number."""
    number = _SHOPIFY_ID.fullmatch(str(given))
    if number is None:
        checks.refuse(path, f"{given!r} is no Shopify id")
        return "0"
    return number[1]
