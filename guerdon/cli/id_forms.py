"""Ids as each dialect writes them."""

from collections.abc import Callable
from typing import Literal

from guerdon.dialects.mage.translate import dress

Kind = Literal["tier", "reward", "earning_rule", "webhook"]

_MAGE: dict[Kind, str] = {
    "tier": "tier",
    "reward": "reward",
    "earning_rule": "rule",
    "webhook": "whsub",
}


def _mage(kind: Kind, number: int) -> str:
    return dress(_MAGE[kind], number)


_DIALECTS: dict[str, Callable[[Kind, int], str]] = {"mage": _mage}


def id_forms(kind: Kind, number: int) -> dict[str, str]:
    """Give an id as each dialect's clients must write it."""
    return {name: form(kind, number) for name, form in _DIALECTS.items()}
