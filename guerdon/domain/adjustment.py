"""Points moved by hand: adjusted, transferred, expired."""

from guerdon.domain.award import POINTS_MAX, lot_expiry
from guerdon.domain.command import (
    Adjust,
    Adjusted,
    Done,
    Expired,
    ExpireInactive,
    ExpireLots,
    Outcome,
    Part,
    Refused,
    Transfer,
    Transferred,
)
from guerdon.domain.earning import Earning
from guerdon.domain.errors import (
    InsufficientPoints,
    MemberFrozen,
    MemberUnknown,
    PointsInvalid,
    Refusal,
    WalletUnknown,
)
from guerdon.domain.fold import Fold, Purse
from guerdon.domain.ids import EarningId, LotId
from guerdon.domain.spend import name_of, program_refusals
from guerdon.domain.tier_change import reassess_tier


def adjust(fold: Fold, command: Adjust) -> Outcome:
    """Add or take points by hand, with an audit record among the member's earnings.

    Refusals in order: points zero or out of range, program not open (where it has to be), member
    unknown, frozen, wallet unknown, too few points (unless the deduction floors at zero)."""
    if command.points == 0 or abs(command.points) > POINTS_MAX:
        return Refused((PointsInvalid(command.points),))
    refusals = []
    if command.needs_open:
        refusals.extend(program_refusals(fold, fold.program(command.program_id)))
    member_id = fold.member_id(command.program_id, command.member)
    if member_id is None:
        return Refused((*refusals, MemberUnknown(name_of(command.member))))
    if fold.default_purse(member_id).is_frozen:
        refusals.append(MemberFrozen())
    if refusals:
        return Refused(tuple(refusals))
    purse = fold.purse_of(member_id, command.point_type_id)
    if purse is None:
        return Refused((WalletUnknown(),))
    before = purse.spendable(fold.now)
    if command.points > 0:
        return Done(_add(fold, purse, command, before))
    if before + command.points < 0 and not command.floors_at_zero:
        return Refused((InsufficientPoints(before, -command.points),))
    return Done(deduct(fold, purse, command, before))


def _add(fold: Fold, purse: Purse, command: Adjust, before: int) -> Adjusted:
    fold.open(purse)
    expires_at = None
    if not command.expires_never:
        expires_at = command.expires_at or lot_expiry(fold, purse)
    earning_id = EarningId(fold.fresh.next_id())
    owed = purse.owed
    entry, lot_id = fold.put(
        purse,
        command.points,
        "adjusted",
        expires_at=expires_at,
        lifetime_points=command.points if command.moves_lifetime else 0,
        redemption_id=command.redemption_id,
        earning_id=earning_id,
        note=command.note,
    )
    _audit(fold, purse, command, earning_id, command.points, lot_id)
    fold.announce("points.adjusted", purse, earning_id=earning_id, points=command.points)
    reassess_tier(fold, purse)
    return Adjusted(
        entry.id,
        purse.wallet.member_id,
        command.points,
        command.points,
        before - owed,
        before - owed + command.points,
    )


def deduct(fold: Fold, purse: Purse, command: Adjust, before: int) -> Adjusted:
    """Take points whose checks have passed: what is asked for, of what there is `before`."""
    fold.open(purse)
    taken = min(-command.points, before)
    lifetime = -min(-command.points, purse.lifetime) if command.moves_lifetime else 0
    earning_id = EarningId(fold.fresh.next_id())
    entry = fold.take(
        purse,
        taken,
        "adjusted",
        redemption_id=command.redemption_id,
        earning_id=earning_id,
        lifetime_points=lifetime,
        asked_points=command.points if taken != -command.points else None,
        note=command.note,
    )
    _audit(fold, purse, command, earning_id, -taken, None)
    fold.announce("points.adjusted", purse, earning_id=earning_id, points=-taken)
    reassess_tier(fold, purse)
    return Adjusted(
        entry.id,
        purse.wallet.member_id,
        command.points,
        -taken,
        before - purse.owed,
        before - purse.owed - taken,
    )


def _audit(
    fold: Fold,
    purse: Purse,
    command: Adjust,
    earning_id: EarningId,
    points: int,
    lot_id: LotId | None,
) -> None:
    fold.put_earning(
        Earning(
            id=earning_id,
            program_id=command.program_id,
            member_id=purse.wallet.member_id,
            wallet_id=purse.id,
            lot_id=lot_id,
            action="manual",
            status="approved",
            base_points=points,
            points=points,
            is_manual=True,
            note=command.note,
            metadata=command.metadata,
            given_at=fold.now,
            expires_at=fold.origin(lot_id)[1] if lot_id is not None else None,
            created_at=fold.now,
            updated_at=fold.now,
        ),
        is_new=True,
    )


def transfer(fold: Fold, command: Transfer) -> Outcome:
    """Move points between members' wallets; every part keeps the expiry of its lot.

    Refusals: points not positive, a member unknown or frozen, wallet unknown, too few."""
    for part in command.parts:
        if not 0 < part.points <= POINTS_MAX:
            return Refused((PointsInvalid(part.points),))
    refusals: list[Refusal] = []
    purses: list[Purse] = []
    for ref in (*(part.source for part in command.parts), command.target):
        member_id = fold.member_id(command.program_id, ref)
        if member_id is None:
            refusals.append(MemberUnknown(name_of(ref)))
            continue
        if fold.default_purse(member_id).is_frozen:
            refusals.append(MemberFrozen())
        purse = fold.purse_of(member_id, command.point_type_id)
        if purse is None:
            refusals.append(WalletUnknown())
        else:
            purses.append(purse)
    if refusals:
        return Refused(tuple(refusals))
    *sources, target = purses
    asked: dict[int, int] = {}
    for source, part in zip(sources, command.parts, strict=True):
        if source.id == target.id:
            return Refused((PointsInvalid(part.points),))
        # One that is named twice gives both.
        asked[source.id] = asked.get(source.id, 0) + part.points
        spendable = source.spendable(fold.now)
        if spendable < asked[source.id]:
            return Refused((InsufficientPoints(spendable, asked[source.id]),))
    for source, part in zip(sources, command.parts, strict=True):
        _move(fold, source, target, part)
    points = sum(part.points for part in command.parts)
    return Done(
        Transferred(sources[0].id, target.id, points, sources[0].available, target.available)
    )


def _move(fold: Fold, source: Purse, target: Purse, part: Part) -> None:
    entry = fold.take(source, part.points, "transferred", note=part.note)
    fold.open(target)
    fold.sweep(target)
    lots = []
    for lot_id, points in zip(entry.lot_ids, entry.lot_points, strict=True):
        _, expires_at = fold.origin(lot_id)
        lots.append((fold.new_lot(target, -points, fold.now, expires_at), -points))
    fold.credit(target, "transferred", tuple(lots), note=part.note)
    fold.announce("points.transferred", source, points=-part.points)
    fold.announce("points.transferred", target, points=part.points)


def expire_lots(fold: Fold, command: ExpireLots) -> Outcome:
    """Take out what has expired, in all of the member's wallets."""
    member_id = fold.member_id(command.program_id, command.member)
    if member_id is None:
        return Refused((MemberUnknown(name_of(command.member)),))
    points = sum(fold.sweep(fold.purse(wallet_id)) for wallet_id in fold.members[member_id])
    return Done(Expired(points))


def expire_inactive(fold: Fold, command: ExpireInactive) -> Outcome:
    """Take out what a member has lost by not ordering, in all of their wallets.

    What waits for approval, or is held for a reward under way, is not touched."""
    member_id = fold.member_id(command.program_id, command.member)
    if member_id is None:
        return Refused((MemberUnknown(name_of(command.member)),))
    points = sum(fold.expire_idle(fold.purse(wallet_id)) for wallet_id in fold.members[member_id])
    return Done(Expired(points))
