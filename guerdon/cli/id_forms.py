"""Ids as each dialect writes them."""

from collections.abc import Callable
from typing import Literal

from guerdon.dialects.mage.translate import dress
from guerdon.dialects.voucherify import ids

Kind = Literal["program", "point_type", "tier", "reward", "earning_rule", "webhook"]

_MAGE: dict[Kind, str] = {
    "tier": "tier",
    "reward": "reward",
    "earning_rule": "rule",
    "webhook": "whsub",
}
_VOUCHERIFY: dict[Kind, ids.Kind] = {
    "program": "program",
    "point_type": "card_definition",
    "reward": "reward",
    "earning_rule": "earning_rule",
}


def _mage(kind: Kind, number: int, _: int | None) -> str | None:
    return dress(_MAGE[kind], number) if kind in _MAGE else None


def _voucherify(kind: Kind, number: int, template_id: int | None) -> str | None:
    """Rewards and rules stand for themselves there: what was made of a template goes by its id."""
    if kind not in _VOUCHERIFY:
        return None
    return ids.write_id(_VOUCHERIFY[kind], template_id or number)


_DIALECTS: dict[str, Callable[[Kind, int, int | None], str | None]] = {
    "mage": _mage,
    "voucherify": _voucherify,
}


def id_forms(kind: Kind, number: int, *, template_id: int | None = None) -> dict[str, str]:
    """Give an id as the clients of each dialect must write it, where it has such things and writes
    them otherwise than as plain numbers."""
    forms = {name: form(kind, number, template_id) for name, form in _DIALECTS.items()}
    return {name: form for name, form in forms.items() if form is not None}
