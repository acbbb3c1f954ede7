"""Holds answers of the Voucherify dialect's v2 API to JSON Schemas made from what is published."""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource

from guerdon.dialects.voucherify.call import PurchaseProfile

SCHEMAS = Path(__file__).parent.parent / "dialects" / "voucherify" / "schemas"
_ROOT = "/v2/loyalties"
_PROGRAM = "/programs/{id}"
_MEMBER = f"{_PROGRAM}/members/{{id}}"
_CARD = f"{_MEMBER}/cards/{{id}}"

# The schema of each success, by method and path below the root. A list is named by what it holds,
# in brackets; what differs between the profiles ends in a star.
_ANSWERS: Mapping[str, Mapping[int, str]] = {
    "POST /programs": {200: "program_with_assignments"},
    "GET /programs": {200: "[program]"},
    f"GET {_PROGRAM}": {200: "program"},
    f"PUT {_PROGRAM}": {200: "program"},
    f"DELETE {_PROGRAM}": {200: "program"},
    f"POST {_PROGRAM}/activate": {200: "program"},
    f"POST {_PROGRAM}/deactivate": {200: "program"},
    f"GET {_PROGRAM}/card-definitions": {200: "[program_card_definition]"},
    f"POST {_PROGRAM}/card-definitions/batch": {200: "program_card_definition.batch"},
    f"GET {_PROGRAM}/earning-rules": {200: "[program_earning_rule]"},
    f"POST {_PROGRAM}/earning-rules/batch": {200: "program_earning_rule.batch"},
    f"GET {_PROGRAM}/rewards": {200: "[program_reward]"},
    f"POST {_PROGRAM}/rewards/batch": {200: "program_reward.batch"},
    f"PUT {_PROGRAM}/rewards/{{id}}": {200: "program_reward"},
    f"POST {_PROGRAM}/rewards/purchases/{{id}}/refund": {202: "refund"},
    f"POST {_PROGRAM}/members": {200: "member_with_cards"},
    f"GET {_PROGRAM}/members": {200: "[member]"},
    f"POST {_PROGRAM}/members/batch": {202: "async_action_started"},
    f"GET {_PROGRAM}/memberships/{{id}}": {200: "membership"},
    "GET /memberships/{id}": {200: "memberships"},
    f"GET {_MEMBER}": {200: "member_with_cards"},
    f"PUT {_MEMBER}": {200: "member"},
    f"DELETE {_MEMBER}": {200: "member"},
    f"POST {_MEMBER}/activate": {200: "member"},
    f"POST {_MEMBER}/deactivate": {200: "member"},
    f"POST {_MEMBER}/rewards/purchases": {200: "dry_run", 202: "purchase.*"},
    f"GET {_MEMBER}/rewards/purchases": {200: "[reward_transaction]"},
    f"POST {_MEMBER}/orders/payments": {200: "order_payment.dry_run", 202: "order_payment"},
    f"GET {_MEMBER}/orders/payments": {200: "[order_transaction]"},
    f"POST {_CARD}/points": {200: "points_adjustment.*"},
    f"GET {_CARD}/pending-points": {200: "[pending_points_bucket]"},
    f"POST {_CARD}/pending-points/{{id}}/activate": {200: "bucket_act.*"},
    f"POST {_CARD}/pending-points/{{id}}/cancel": {200: "bucket_act.*"},
    f"GET {_CARD}/expiring-points": {200: "[points_bucket]"},
    f"POST {_CARD}/expiring-points/{{id}}/expire": {200: "bucket_act.*"},
    f"GET {_CARD}/transactions": {200: "[card_transaction.*]"},
    "GET /card-definitions": {200: "[card_definition]"},
    "POST /card-definitions": {200: "card_definition"},
    "GET /card-definitions/{id}": {200: "card_definition"},
    "PUT /card-definitions/{id}": {200: "card_definition"},
    "DELETE /card-definitions/{id}": {200: "card_definition"},
    "POST /card-definitions/{id}/activate": {200: "card_definition"},
    "POST /card-definitions/{id}/deactivate": {200: "card_definition"},
    "POST /card-definitions/{id}/draft": {200: "card_definition"},
    "GET /earning-rules": {200: "[earning_rule]"},
    "POST /earning-rules": {200: "earning_rule"},
    "GET /earning-rules/{id}": {200: "earning_rule"},
    "PUT /earning-rules/{id}": {200: "earning_rule"},
    "DELETE /earning-rules/{id}": {200: "earning_rule"},
    "POST /earning-rules/{id}/activate": {200: "earning_rule"},
    "POST /earning-rules/{id}/deactivate": {200: "earning_rule"},
    "POST /earning-rules/{id}/draft": {200: "earning_rule"},
    "GET /rewards": {200: "[reward]"},
    "POST /rewards": {200: "reward"},
    "GET /rewards/{id}": {200: "reward"},
    "PUT /rewards/{id}": {200: "reward"},
    "DELETE /rewards/{id}": {200: "reward"},
    "POST /rewards/{id}/activate": {200: "reward"},
    "POST /rewards/{id}/deactivate": {200: "reward"},
    "POST /rewards/{id}/draft": {200: "reward"},
    "POST /examine": {200: "examine.earning_rules"},
    "POST /examine/earning-rules": {200: "examine.earning_rules"},
    "POST /examine/rewards": {200: "examine.rewards"},
}


@cache
def _registry() -> Registry[Any]:
    found = [json.loads(path.read_text("utf-8")) for path in sorted(SCHEMAS.glob("*.json"))]
    return Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in found
    )


@cache
def validator(name: str) -> Draft202012Validator:
    """Give the validator of a schema, by its file's name without the ending."""
    schema = _registry().contents(f"{name}.json")
    return Draft202012Validator(schema, registry=_registry())


@cache
def _routes() -> list[tuple[str, re.Pattern[str], Mapping[int, str]]]:
    routes = []
    for line, answers in _ANSWERS.items():
        method, path = line.split(" ")
        # What is written out counts before what is free.
        pattern = re.escape(_ROOT + path).replace(r"\{id\}", "[^/]+")
        routes.append((method, re.compile(pattern), answers))
    return sorted(routes, key=lambda route: route[1].pattern.count("[^/]+"))


def check_answer(response: httpx.Response, path: str, profile: PurchaseProfile) -> None:
    """Hold a read answer to its schema. `path` begins after the mount point."""
    if not path.startswith(_ROOT) or response.request.method in ("HEAD", "OPTIONS"):
        return
    if response.status_code >= 400:
        if response.status_code != 413:
            check(response.json(), "error")
        return
    for method, pattern, answers in _routes():
        if method == response.request.method and pattern.fullmatch(path):
            name = answers[response.status_code].replace("*", profile)
            _check_named(response.json(), name)
            return
    raise AssertionError(f"there is no schema of {response.request.method} {path}")


def _check_named(body: Any, name: str) -> None:
    if not name.startswith("["):
        check(body, name)
        return
    check(body, "list")
    for each in body["data"]:
        check(each, name.strip("[]"))


def check(value: Any, name: str) -> None:
    """Hold a value to a schema; the failure says where it differs."""
    error = best_match(validator(name).iter_errors(value))
    if error is not None:
        place = "/".join(str(each) for each in error.absolute_path)
        raise AssertionError(f"{name}: at {place or 'its root'}: {error.message}")
