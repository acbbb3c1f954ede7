"""Making a shopper a member, and changing what is known of one."""

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from guerdon.domain.award import award
from guerdon.domain.command import (
    Changed,
    ChangeMember,
    Done,
    Earn,
    Enrol,
    Enrolled,
    EraseMember,
    Leave,
    Outcome,
    Refused,
)
from guerdon.domain.errors import MemberUnknown, ProgramInactive
from guerdon.domain.fold import NO_WALLET, Fold, Purse
from guerdon.domain.ids import MemberId, ProgramId
from guerdon.domain.member import Member, MemberRef
from guerdon.domain.spend import grant_for_tier, name_of
from guerdon.domain.wallet import Wallet

_REFERRAL_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_REFERRAL_LENGTH = 10
# What an erased member's external id begins with; the rest of it is random.
ERASED = "erased-"
# And that of one who left.
LEFT = "left-"


def enrol(fold: Fold, command: Enrol) -> Outcome:
    """Enrol a shopper on the lowest tier with the signup points; a member stays as they are."""
    known = fold.by_external_id.get((command.program_id, command.external_id))
    if known is not None:
        purse = fold.default_purse(known)
        if fold.open_all(known):
            fold.announce("member.updated", purse)
        return Done(Enrolled(fold.profiles[known], is_new=False, tier_id=purse.tier_id))
    program = fold.program(command.program_id)
    if program.status != "active":
        return Refused((ProgramInactive(),))
    member = Member(
        id=MemberId(fold.fresh.next_id()),
        program_id=command.program_id,
        external_id=command.external_id,
        email=command.email.strip().lower() if command.email else None,
        first_name=command.first_name,
        last_name=command.last_name,
        birthday=command.birthday,
        anniversary=command.anniversary,
        referral_code=referral_code(fold.fresh.bits()),
        metadata=command.metadata,
        created_at=fold.now,
        updated_at=fold.now,
    )
    lowest = fold.catalogue.tier_for(command.program_id, 0)
    purse = Purse(
        Wallet(
            id=NO_WALLET,
            member_id=member.id,
            program_id=command.program_id,
            point_type_id=program.point_type_id,
            tier_id=lowest.id if lowest else None,
            is_frozen=command.is_frozen,
        )
    )
    _admit(fold, member, purse)
    fold.announce("member.enrolled", purse)
    if command.is_frozen:
        return Done(Enrolled(member, is_new=True, tier_id=purse.tier_id))
    if lowest is not None:
        for reward in fold.catalogue.grants(command.program_id, lowest.id):
            grant_for_tier(fold, reward, purse)
    for rule in fold.catalogue.rules.values():
        if (
            rule.program_id == command.program_id
            and rule.trigger == "signup"
            and rule.is_active
            and rule.archived_at is None
        ):
            ref = MemberRef(id=member.id)
            earning = Earn(program_id=command.program_id, member=ref, rule_id=rule.id)
            paid = fold.purse_of(member.id, rule.point_type_id or None)
            if paid is not None:
                award(fold, paid, rule, earning, rule.points)
    return Done(Enrolled(member, is_new=True, tier_id=purse.tier_id))


def _admit(fold: Fold, member: Member, purse: Purse) -> None:
    """Take in a member with a wallet for each of the program's point types."""
    fold.effects.new_members.append(member)
    fold.by_external_id[member.program_id, member.external_id] = member.id
    if member.email is not None:
        fold.by_email.setdefault((member.program_id, member.email), member.id)
    fold.profiles[member.id] = member
    fold.open(purse)
    fold.open_all(member.id)


def change_member(fold: Fold, command: ChangeMember) -> Outcome:
    """Change a member's profile, or exclude or re-admit them: all their wallets at once."""
    member_id = fold.member_id(command.program_id, command.member)
    if member_id is None:
        return Refused((MemberUnknown(name_of(command.member)),))
    purse = fold.default_purse(member_id)
    known = fold.profiles[member_id]
    changes = {
        name: getattr(command, name)
        for name in ("email", "first_name", "last_name", "birthday", "anniversary", "metadata")
        if getattr(command, name) is not UNSET
    }
    if isinstance(changes.get("email"), str):
        changes["email"] = changes["email"].strip().lower()
    if command.merges_metadata and isinstance(command.metadata, str):
        changes["metadata"] = _merged(known.metadata, command.metadata)
    changed = replace(known, **changes)
    if changed != known:
        changed = replace(changed, updated_at=fold.now)
        fold.profiles[member_id] = changed
        if changed.email != known.email:
            _rename(fold, known.program_id, known.email, changed.email)
        fold.effects.members[member_id] = changed
        fold.announce("member.updated", purse)
    if isinstance(command.is_frozen, bool) and command.is_frozen != purse.is_frozen:
        for wallet_id in fold.members[member_id]:
            each = fold.purse(wallet_id)
            each.is_frozen = command.is_frozen
            each.is_changed = True
        changed = replace(changed, updated_at=fold.now)
        fold.profiles[member_id] = fold.effects.members[member_id] = changed
        fold.announce("member.frozen" if command.is_frozen else "member.unfrozen", purse)
        return Done(Changed(changed, purse.is_frozen, has_switched=True))
    return Done(Changed(changed, purse.is_frozen))


def _merged(text: str | None, change: str) -> str:
    """Put the members of a JSON object into another one."""
    known = msgspec.json.decode(text or "{}", type=dict[str, object])
    known.update(msgspec.json.decode(change, type=dict[str, object]))
    return msgspec.json.encode(known).decode()


def erase_member(fold: Fold, command: EraseMember) -> Outcome:
    """Replace all that tells who a member is, and exclude them. What they had and did stays, so
    that the books add up. One erased already is left alone."""
    member_id = fold.member_id(command.program_id, command.member)
    if member_id is None:
        return Refused((MemberUnknown(name_of(command.member)),))
    purse = fold.default_purse(member_id)
    known = fold.profiles[member_id]
    if known.external_id.startswith(ERASED):
        return Done(Changed(known, purse.is_frozen))
    erased = _forget(fold, known, ERASED)
    fold.announce("member.erased", purse)
    return Done(Changed(erased, is_frozen=True))


def leave(fold: Fold, command: Leave) -> Outcome:
    """Let a member go: who they were is forgotten, their shop's id is free for a new member, and
    nobody can use what they had. It stays, so that the books add up. Twice is once. The first
    time, the result shows them as they were known."""
    member_id = fold.member_id(command.program_id, command.member)
    if member_id is None:
        return Refused((MemberUnknown(name_of(command.member)),))
    purse = fold.default_purse(member_id)
    known = fold.profiles[member_id]
    if known.left_at is not None:
        return Done(Changed(known, purse.is_frozen))
    mark = ERASED if known.external_id.startswith(ERASED) else LEFT
    leaving = replace(known, left_at=fold.now)
    _forget(fold, leaving, mark)
    fold.announce("member.left", purse)
    return Done(Changed(leaving, is_frozen=True))


def _forget(fold: Fold, known: Member, mark: str) -> Member:
    """Replace all that tells who a member is, and exclude them."""
    forgotten = replace(
        known,
        external_id=f"{mark}{fold.fresh.bits():032x}",
        email=None,
        first_name=None,
        last_name=None,
        birthday=None,
        anniversary=None,
        metadata=None,
        referral_code=referral_code(fold.fresh.bits()),
        updated_at=fold.now,
    )
    member_id = known.id
    fold.profiles[member_id] = forgotten
    fold.by_external_id.pop((known.program_id, known.external_id), None)
    fold.by_external_id[known.program_id, forgotten.external_id] = member_id
    _rename(fold, known.program_id, known.email)
    for wallet_id in fold.members[member_id]:
        each = fold.purse(wallet_id)
        each.is_frozen = True
        each.is_changed = True
    fold.effects.members[member_id] = forgotten
    return forgotten


def _rename(fold: Fold, program_id: ProgramId, *emails: str | None) -> None:
    """Let later commands of the batch find by e-mail whom they would find after it: of several
    members who share one, the first."""
    for email in emails:
        if email is None:
            continue
        named = [
            member.id
            for member in fold.profiles.values()
            if member.program_id == program_id and member.email == email
        ]
        if named:
            fold.by_email[program_id, email] = min(named)
        else:
            fold.by_email.pop((program_id, email), None)


def referral_code(bits: int) -> str:
    """Write random bits as a short code that names a member to friends (50 bits)."""
    characters = []
    for _ in range(_REFERRAL_LENGTH):
        bits, digit = divmod(bits, len(_REFERRAL_ALPHABET))
        characters.append(_REFERRAL_ALPHABET[digit])
    return "".join(characters)
