"""Movements of points, from our words into the vendor's."""

import csv
import io
from collections.abc import Mapping, Sequence

from msgspec import Struct

from guerdon.dialects.loyaltylion.translate_activities import activity_to_wire, customer_part
from guerdon.dialects.loyaltylion.translate_rewards import Scene, claimed_reward_to_wire
from guerdon.dialects.loyaltylion.wire import stamp
from guerdon.dialects.loyaltylion.wire_announcing import Activity, Adjustment, CustomerPart
from guerdon.dialects.loyaltylion.wire_rewards import ClaimedReward
from guerdon.dialects.loyaltylion.wire_transactions import (
    COLUMNS,
    Expiry,
    Transaction,
)
from guerdon.domain.catalogue import Catalogue, Reward
from guerdon.domain.earning import Earning
from guerdon.domain.ids import EarningId, MemberId, RedemptionId, RewardVersionId
from guerdon.domain.redemption import Redemption
from guerdon.engine.guarding_cells import guard_cell
from guerdon.store.member_views import MemberView
from guerdon.store.point_movements import PointMovement

_EXPIRY = Expiry()


class Background(Struct, frozen=True, kw_only=True):
    """What movements are shown with: all that they name, as it stands now."""

    scene: Scene
    catalogue: Catalogue
    members: Mapping[MemberId, MemberView]
    earnings: Mapping[EarningId, Earning]
    redemptions: Mapping[RedemptionId, Redemption]
    versions: Mapping[RewardVersionId, Reward]


def transactions_to_wire(
    movements: Sequence[PointMovement], behind: Background
) -> list[Transaction]:
    """Show movements. Who or what several of them name is written out once."""
    pages = _Parts(behind)
    return [_transaction(each, pages) for each in movements]


class _Parts:
    """What movements name, each made once."""

    def __init__(self, behind: Background) -> None:
        self._behind = behind
        self._customers: dict[MemberId, CustomerPart] = {}
        self._activities: dict[EarningId, Activity] = {}
        self._claimed: dict[RedemptionId, ClaimedReward] = {}

    def customer(self, member_id: MemberId) -> CustomerPart:
        made = self._customers.get(member_id)
        if made is None:
            made = customer_part(self._behind.members[member_id])
            self._customers[member_id] = made
        return made

    def activity(self, earning_id: EarningId | None) -> Activity | None:
        """Show the earning where it is one by a rule; what was given by hand is no activity."""
        if earning_id is None:
            return None
        made = self._activities.get(earning_id)
        if made is None:
            earning = self._behind.earnings[earning_id]
            if earning.rule_id is None:
                return None
            member = self._behind.members[earning.member_id]
            made = activity_to_wire(earning, self._behind.catalogue, member)
            self._activities[earning_id] = made
        return made

    def claimed_reward(self, redemption_id: RedemptionId) -> ClaimedReward:
        made = self._claimed.get(redemption_id)
        if made is None:
            redemption = self._behind.redemptions[redemption_id]
            reward = self._behind.versions[redemption.reward_version_id]
            made = claimed_reward_to_wire(redemption, reward, self._behind.scene)
            self._claimed[redemption_id] = made
        return made


def _transaction(movement: PointMovement, parts: _Parts) -> Transaction:
    at = stamp(movement.created_at)
    customer = parts.customer(movement.member_id)
    approved, pending = movement.points, movement.pending_points
    # What a reward of points credited is an adjustment, as it is to whoever adds them by hand.
    if movement.redemption_id is not None and movement.kind != "adjusted":
        return Transaction(
            id=movement.id,
            customer=customer,
            points_approved=approved,
            points_pending=pending,
            created_at=at,
            resource="claimed_reward",
            claimed_reward=parts.claimed_reward(movement.redemption_id),
        )
    if movement.kind == "expired":
        return Transaction(
            id=movement.id,
            customer=customer,
            points_approved=approved,
            points_pending=pending,
            created_at=at,
            resource="expiry",
            expiry=_EXPIRY,
        )
    activity = parts.activity(movement.earning_id)
    if activity is not None:
        return Transaction(
            id=movement.id,
            customer=customer,
            points_approved=approved,
            points_pending=pending,
            created_at=at,
            resource="activity",
            activity=activity,
        )
    return Transaction(
        id=movement.id,
        customer=customer,
        points_approved=approved,
        points_pending=pending,
        created_at=at,
        resource="adjustment",
        adjustment=Adjustment(movement.note),
    )


def transactions_to_csv(transactions: Sequence[Transaction]) -> bytes:
    """Write transactions as a table with a header; what a row has nothing of is empty."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    writer.writerows(_cells(each) for each in transactions)
    return file.getvalue().encode()


def _cells(transaction: Transaction) -> list[str | int | None]:
    customer = transaction.customer
    activity = transaction.activity or None
    claimed = transaction.claimed_reward or None
    note = transaction.adjustment.note if transaction.adjustment else None
    return [
        transaction.id,
        customer.id,
        _guarded(customer.merchant_id),
        _guarded(customer.email),
        transaction.points_approved,
        transaction.points_pending,
        transaction.created_at,
        transaction.resource,
        activity and activity.id,
        _guarded(activity and activity.merchant_id),
        _guarded(activity and activity.rule.name),
        activity and activity.state,
        claimed and claimed.id,
        _guarded(claimed and claimed.reward.title),
        claimed and claimed.state,
        _guarded(note),
    ]


def _guarded(text: str | None) -> str | None:
    """Keep a spreadsheet from running what a stranger wrote."""
    return None if text is None else guard_cell(text)
