"""Rewards and earning rules that stand for themselves, to be offered in several programs."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from guerdon.domain.catalogue import EarningRule, Reward
from guerdon.domain.ids import TemplateId

TemplateStatus = Literal["draft", "active", "inactive", "deleted"]


class Template(Struct, frozen=True, kw_only=True):
    """`reward` or `rules` is what it makes in a program that it is assigned to, with ids of zero:
    exactly one of them is there. `metadata` and `document` are JSON: the shop's own, and what a
    dialect keeps beside."""

    id: TemplateId
    name: str
    status: TemplateStatus
    reward: Reward | None = None
    rules: tuple[EarningRule, ...] = ()
    metadata: str | None = None
    document: str | None = None
    created_at: datetime
    updated_at: datetime | None = None
