"""Makes program files and what they ask for, from a small file that tests change."""

from copy import deepcopy
from typing import Any

import yaml

from guerdon.cli.program_checks import to_blueprint
from guerdon.cli.program_file import decode_program_file
from guerdon.domain.blueprint import Blueprint
from guerdon.domain.webhook_url import UrlRules

SECRETS = {
    "KEY_ONE": "one_0123456789abcdef01234567",
    "KEY_TWO": "two_0123456789abcdef01234567",
    "HOOK": "hook_0123456789abcdef0123456",
    "TOKEN": "shop_0123456789abcdef0123456",
}

_FILE: dict[str, Any] = {
    "merchant": {
        "slug": "tidewater",
        "name": "Tidewater",
        "timezone": "Europe/Lisbon",
        "currency": "EUR",
    },
    "programs": [
        {
            "slug": "main",
            "name": "Tides",
            "tiers": [
                {"slug": "ebb", "name": "Ebb", "points_required": 0},
                {"slug": "flow", "name": "Flow", "points_required": 500, "multiplier": "1.5"},
            ],
            "rewards": [
                {
                    "slug": "ten",
                    "name": "Ten off",
                    "points_cost": 100,
                    "discount": {"type": "fixed_amount", "amount": 10, "minimum_spend": "40.50"},
                },
                {"slug": "mug", "name": "Mug", "points_cost": 300, "stock": 5, "tier": "flow"},
            ],
            "earning_rules": [
                {"slug": "join", "trigger": "signup", "points": 50},
                {"slug": "buy", "trigger": "order_paid", "points_per_currency_unit": 2},
            ],
        }
    ],
}


def make_file(**parts: object) -> dict[str, Any]:
    """Give a file as data, to be changed at will; `parts` replace whole sections."""
    return deepcopy(_FILE) | parts


def make_blueprint(
    file: dict[str, Any] | None = None, environment: dict[str, str] | None = None
) -> Blueprint:
    """Read a file given as data."""
    return read_blueprint(yaml.safe_dump(file or make_file()), environment)


def read_blueprint(text: str, environment: dict[str, str] | None = None) -> Blueprint:
    """Read a file's text; with no secret but those of SECRETS."""
    return to_blueprint(
        decode_program_file(text, "shop.yaml"),
        source="shop.yaml",
        environment=SECRETS if environment is None else environment,
        warn=lambda _: None,
        url_rules=UrlRules(),
    )
