"""Programs and what is assigned to them, in the vendor's words."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from guerdon.dialects.voucherify.body import Body
from guerdon.dialects.voucherify.wire import Json
from guerdon.dialects.voucherify.wire_offers import (
    Id,
    Instant,
    Limited,
    Metadata,
    Name,
    Status,
    StatusAtFirst,
    Stock,
    Unlimited,
    ValidityHours,
)
from guerdon.dialects.voucherify.wire_rewards import CostBodies, ProgramReward

# An integer is how an older generation said a limited stock.
StockBody = Unlimited | Limited | Annotated[int, Meta(ge=0, le=9007199254740991)]
Ids = Annotated[list[Id], Meta(max_length=10)]
# What is to be assigned or not any more, as an object with its id or as the id alone.
Named = Annotated[list[Id | str], Meta(max_length=10)]


class RewardRef(Body, frozen=True, kw_only=True):
    """`costs`, of an older generation, are the program's own in place of the reward's."""

    id: str
    stock: StockBody
    costs: CostBodies | None = None


RewardRefs = Annotated[list[RewardRef], Meta(max_length=10)]


class ProgramTerms(Body, frozen=True, kw_only=True):
    start_date: Instant | None | UnsetType = UNSET
    end_date: Instant | None | UnsetType = UNSET
    validity_hours: ValidityHours | None | UnsetType = UNSET
    metadata: Metadata | None | UnsetType = UNSET


class ProgramBody(ProgramTerms, frozen=True, kw_only=True):
    """Tier structures are kept in the program file alone."""

    name: Name
    status: StatusAtFirst = "DRAFT"
    card_definitions: Ids | None = None
    earning_rules: Ids | None = None
    rewards: RewardRefs | None = None
    tier_structures: Annotated[list[Id], Meta(max_length=0)] | None = None


class ProgramChange(ProgramTerms, frozen=True, kw_only=True):
    name: Name | UnsetType = UNSET


class Batch(Body, frozen=True, kw_only=True):
    """What is unassigned goes first."""

    assign: Named | None = None
    unassign: Named | None = None


class RewardsBatch(Body, frozen=True, kw_only=True):
    """What is unassigned goes first."""

    assign: RewardRefs | None = None
    unassign: Named | None = None


class StockChange(Body, frozen=True, kw_only=True):
    stock: StockBody


class Program(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    status: Status
    start_date: str | None
    end_date: str | None
    validity_hours: ValidityHours
    metadata: dict[str, Json]
    created_at: str | None
    updated_at: str | None
    object: str = "program"


class RewardLink(Struct, frozen=True, kw_only=True):
    id: str
    stock: Stock


class NewProgram(Program, frozen=True, kw_only=True):
    """What was assigned to it as it was made."""

    card_definitions: list[Id]
    earning_rules: list[Id]
    rewards: list[RewardLink]
    tier_structures: list[Id]


class ProgramCardDefinition(Struct, frozen=True, kw_only=True):
    card_type: Literal["INDIVIDUAL"] = "INDIVIDUAL"
    card_definition_id: str
    created_at: str | None
    object: str = "program_card_definition"


class ProgramEarningRule(Struct, frozen=True, kw_only=True):
    earning_rule_id: str
    created_at: str
    object: str = "program_earning_rule"


class CardDefinitionsBatchAnswer(Struct, frozen=True, kw_only=True):
    """Null for a list that was not sent."""

    assigned: list[ProgramCardDefinition] | None
    unassigned: list[ProgramCardDefinition] | None


class EarningRulesBatchAnswer(Struct, frozen=True, kw_only=True):
    """Null for a list that was not sent."""

    assigned: list[ProgramEarningRule] | None
    unassigned: list[ProgramEarningRule] | None


class RewardsBatchAnswer(Struct, frozen=True, kw_only=True):
    """Null for a list that was not sent."""

    assigned: list[ProgramReward] | None
    unassigned: list[ProgramReward] | None
