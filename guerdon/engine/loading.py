"""Step one of a batch: lock the wallets it names and read what its commands may look at."""

from collections import Counter as Tally
from collections.abc import Collection, Sequence
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from guerdon.domain.catalogue import Catalogue, Reward
from guerdon.domain.clock import interval_start
from guerdon.domain.command import (
    Adjust,
    Approve,
    ChangeMember,
    ClawBack,
    CompleteFulfilment,
    Decline,
    Earn,
    Enrol,
    EraseMember,
    ExpireEarly,
    ExpireInactive,
    ExpireLots,
    ExpireRedemption,
    Leave,
    MarkUsed,
    PayOrder,
    Redeem,
    Refund,
    Release,
    Reopen,
    Settle,
    SettlePending,
    Submission,
    Transfer,
)
from guerdon.domain.expiry import kept_by
from guerdon.domain.ids import (
    EarningId,
    MemberId,
    MerchantId,
    ProgramId,
    RedemptionId,
    RewardId,
    RuleId,
    WalletId,
)
from guerdon.domain.member import MemberRef
from guerdon.domain.opening import longest
from guerdon.domain.point_terms import UNLIMITED
from guerdon.domain.state import State
from guerdon.store import (
    counters,
    earnings,
    idempotency_records,
    lots,
    members,
    order_payments,
    pool_codes,
    redemptions,
    spends,
    traits,
    wallets,
)
from guerdon.store.connection import Connection

_BY_REDEMPTION = (
    Settle,
    Release,
    Refund,
    MarkUsed,
    Reopen,
    ExpireRedemption,
    CompleteFulfilment,
)
_BY_EARNING = (Approve, Decline, ClawBack)
# Commands that put units back into the stock.
_RETURNING = (Release, Refund)
# Commands for which it matters how long ago the member ordered, where that matters at all.
_UNTIL_ORDER = (Release, Refund, ExpireInactive)
_BY_MEMBER = (
    Redeem,
    Earn,
    Adjust,
    PayOrder,
    ExpireLots,
    ExpireEarly,
    ExpireInactive,
    SettlePending,
    ChangeMember,
    Leave,
    EraseMember,
)
# Commands that can raise lifetime points or look at the tier anew, and so grant rewards.
_RAISING = (Earn, Approve, SettlePending, ClawBack, Adjust, Enrol)


class Named(Struct):
    """Everything that the commands of a batch name."""

    refs: set[tuple[ProgramId, MemberRef]] = field(default_factory=set)
    reward_ids: Tally[RewardId] = field(default_factory=Tally)
    returned_reward_ids: set[RewardId] = field(default_factory=set)
    redemption_ids: set[RedemptionId] = field(default_factory=set)
    earning_ids: set[EarningId] = field(default_factory=set)
    rules: set[RuleId] = field(default_factory=set)
    once_rules: set[RuleId] = field(default_factory=set)
    completions: set[tuple[RuleId, str]] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    paid_order_keys: set[str] = field(default_factory=set)
    redeems: list[Redeem] = field(default_factory=list)
    returns: bool = False
    asks_for_orders: bool = False
    shows_profiles: bool = False
    raises: bool = False


def name(submissions: Sequence[Submission]) -> Named:
    """Collect what a batch names, so that each kind of thing is read once."""
    named = Named()
    for submission in submissions:
        command = submission.command
        if submission.key is not None:
            named.keys.add(submission.key)
        if isinstance(command, _RAISING):
            named.raises = True
        if isinstance(command, _UNTIL_ORDER):
            named.asks_for_orders = True
        if isinstance(command, Redeem):
            named.refs.add((command.program_id, command.member))
            named.reward_ids[command.reward_id] += 1
            named.redeems.append(command)
        elif isinstance(command, _BY_MEMBER):
            named.refs.add((command.program_id, command.member))
            if isinstance(command, ChangeMember | Leave | EraseMember):
                named.shows_profiles = True
            elif isinstance(command, SettlePending):
                named.earning_ids.update(command.earning_ids)
            elif isinstance(command, PayOrder):
                named.paid_order_keys.add(command.order_key)
            elif isinstance(command, Earn):
                named.rules.add(command.rule_id)
                if command.is_once:
                    named.once_rules.add(command.rule_id)
                if command.action_key is not None:
                    named.completions.add((command.rule_id, command.action_key))
        elif isinstance(command, _BY_REDEMPTION):
            named.redemption_ids.add(command.redemption_id)
            if isinstance(command, _RETURNING):
                named.returns = True
        elif isinstance(command, _BY_EARNING):
            named.earning_ids.add(command.earning_id)
        elif isinstance(command, Transfer):
            named.refs.update((command.program_id, part.source) for part in command.parts)
            named.refs.add((command.program_id, command.target))
        else:
            named.shows_profiles = True
            named.refs.add((command.program_id, MemberRef(external_id=command.external_id)))
    return named


async def load(
    tx: Connection, merchant_id: MerchantId, named: Named, catalogue: Catalogue
) -> State:
    """Lock and read. Wallets are locked first, in key order, then counters in key order.

    All else is read by statements begun after those locks were got, so nothing is older than
    them."""
    state = State()
    await _load_wallets(tx, merchant_id, named, state)
    if named.reward_ids or named.raises or named.returned_reward_ids:
        await _load_counters(tx, merchant_id, named, catalogue, state)
    if named.keys:
        state.keys = await idempotency_records.list_key_records(tx, merchant_id, list(named.keys))
    if state.wallets:
        open_lots = await lots.list_open_lots(tx, merchant_id, list(state.wallets))
        for wallet_id, each in open_lots.items():
            state.wallets[wallet_id] = replace(state.wallets[wallet_id], lots=tuple(each))
            for lot in each:
                state.origins[lot.id] = (lot.effective_at, lot.expires_at)
    if named.redemption_ids:
        await _load_redemptions(tx, merchant_id, named, state)
    if named.earning_ids or named.rules:
        await _load_earnings(tx, merchant_id, named, catalogue, state)
    if named.asks_for_orders and state.members:
        await _load_last_acts(tx, merchant_id, catalogue, state)
    await _load_paid(tx, merchant_id, named, state)
    if named.shows_profiles and state.members:
        for member in await members.list_members(tx, merchant_id, list(state.members)):
            state.profiles[member.id] = member
    return state


async def _load_paid(tx: Connection, merchant_id: MerchantId, named: Named, state: State) -> None:
    if named.paid_order_keys and state.members:
        state.paid_minor = await order_payments.sum_paid(
            tx, merchant_id, list(state.members), named.paid_order_keys
        )


async def _load_wallets(
    tx: Connection, merchant_id: MerchantId, named: Named, state: State
) -> None:
    member_ids, external_ids, emails = _by_name(named)
    if named.redemption_ids:
        owners = await redemptions.list_redemption_owners(
            tx, merchant_id, list(named.redemption_ids)
        )
        member_ids += [member_id for member_id, _ in owners]
        if named.returns:
            # Their counters are locked like those of Redeem, before the merchant's sequence. Found
            # only when written, they would close a circle with a batch that holds them already.
            named.returned_reward_ids = {reward_id for _, reward_id in owners}
    if named.earning_ids:
        member_ids += await earnings.list_earning_members(tx, merchant_id, list(named.earning_ids))
    _put_wallets(
        state,
        await wallets.lock_wallets(
            tx, merchant_id, member_ids=member_ids, external_ids=external_ids, emails=emails
        ),
    )


async def load_unlocked(
    connection: Connection, merchant_id: MerchantId, named: Named, catalogue: Catalogue
) -> tuple[State, spends.Reading]:
    """Read what a batch of redemptions may look at, as it stands, without a lock.

    Keys come first: an answer written after that collides when this batch is written. Gives also
    how it was read."""
    state = State()
    if named.keys:
        state.keys = await idempotency_records.list_key_records(
            connection, merchant_id, list(named.keys)
        )
    counted = [
        reward_id
        for reward_id in named.reward_ids
        if reward_id in catalogue.rewards and catalogue.rewards[reward_id].is_counted
    ]
    if counted:
        state.counters = await counters.list_counters(connection, merchant_id, counted)
    member_ids, external_ids, emails = _by_name(named)
    reading = await spends.list_wallets_and_lots(
        connection, merchant_id, member_ids=member_ids, external_ids=external_ids, emails=emails
    )
    _put_wallets(state, reading.wallets)
    await _load_paid(connection, merchant_id, named, state)
    return state, reading


def _by_name(
    named: Named,
) -> tuple[list[MemberId], list[tuple[ProgramId, str]], list[tuple[ProgramId, str]]]:
    member_ids: list[MemberId] = []
    external_ids: list[tuple[ProgramId, str]] = []
    emails: list[tuple[ProgramId, str]] = []
    for program_id, ref in named.refs:
        if ref.external_id is not None:
            external_ids.append((program_id, ref.external_id))
        elif ref.email is not None:
            emails.append((program_id, ref.email))
        elif ref.id is not None:
            member_ids.append(ref.id)
    return member_ids, external_ids, emails


def _put_wallets(state: State, found: list[wallets.LockedWallet]) -> None:
    for each in found:
        wallet = each.wallet
        if wallet.id not in state.wallets:
            state.wallets[wallet.id] = wallet
            for lot in wallet.lots:
                state.origins[lot.id] = (lot.effective_at, lot.expires_at)
            state.members.setdefault(wallet.member_id, []).append(wallet.id)
        if each.external_id is not None:
            state.by_external_id[wallet.program_id, each.external_id] = wallet.member_id
        if each.email is not None:
            state.by_email.setdefault((wallet.program_id, each.email), wallet.member_id)


async def _load_counters(
    tx: Connection, merchant_id: MerchantId, named: Named, catalogue: Catalogue, state: State
) -> None:
    grants: list[Reward] = []
    if named.raises:
        grants = [reward for reward in catalogue.rewards.values() if reward.grant_on_entry]
        if grants and state.members:
            state.granted = await redemptions.list_granted(tx, merchant_id, list(state.members))
    offered = {
        reward_id: catalogue.rewards[reward_id]
        for reward_id in named.reward_ids.keys() | named.returned_reward_ids
        if reward_id in catalogue.rewards
    } | {reward.id: reward for reward in grants}
    # A pool that others draw from too is guarded by the counter of the reward it belongs to.
    counted = {reward_id for reward_id, reward in offered.items() if reward.is_counted}
    counted |= {reward.pool_id for reward in offered.values() if reward.is_pooled}
    if counted:
        state.counters = await counters.lock_counters(tx, merchant_id, sorted(counted))
    # Each Redeem takes one code, and each member, known or about to be enrolled, one grant.
    grants_max = (len(named.refs) + len(state.members)) if grants else 0
    pooled = pools_of(named, catalogue)
    for reward in grants:
        if reward.is_pooled:
            pooled[reward.pool_id] += grants_max
    if pooled:
        state.pools = await pool_codes.list_free_codes(tx, merchant_id, pooled)


def pools_of(named: Named, catalogue: Catalogue) -> Tally[RewardId]:
    """Count the codes that a batch's redemptions may take, by the reward whose pool they are in."""
    wanted: Tally[RewardId] = Tally()
    for reward_id, count in named.reward_ids.items():
        reward = catalogue.rewards.get(reward_id)
        if reward is not None and reward.is_pooled:
            wanted[reward.pool_id] += count
    return wanted


async def load_taken(
    tx: Connection,
    merchant_id: MerchantId,
    named: Named,
    catalogue: Catalogue,
    state: State,
    now: datetime,
) -> None:
    """Count what members took of rewards limited per member, in the interval that `now` is in; and
    what was taken in the sessions named of rewards that are limited so. Find when they took what
    they must wait for, and what prices ask of them."""
    wanted: set[tuple[MemberId, RewardId, datetime]] = set()
    awaited: set[tuple[MemberId, RewardId, datetime]] = set()
    asked: set[MemberId] = set()
    for command in named.redeems:
        reward = catalogue.rewards.get(command.reward_id)
        if reward is None:
            continue
        if reward.limit_per_member is not None:
            since = _limit_start(catalogue, reward, now)
            wanted.update((each, reward.id, since) for each in _takers(named, state, command))
        if reward.cooldown is not None:
            since = now - longest(reward.cooldown)
            awaited.update((each, reward.id, since) for each in _takers(named, state, command))
        if any(cost.condition is not None for cost in reward.costs):
            asked.update(_takers(named, state, command))
    if wanted:
        state.taken_by_member = await redemptions.count_taken_by_member(
            tx, merchant_id, list(wanted)
        )
    if awaited:
        state.taken_at = await redemptions.list_taken_times(tx, merchant_id, list(awaited))
    if asked:
        state.traits = await traits.list_traits(tx, merchant_id, list(asked))
    if named.redeems or named.paid_order_keys:
        await _load_spent(tx, merchant_id, catalogue, state, now)
    sessions = limited_sessions(named, catalogue)
    if sessions:
        state.taken_in_session = await redemptions.count_taken_in_session(
            tx, merchant_id, list(sessions)
        )


def limited_sessions(named: Named, catalogue: Catalogue) -> set[tuple[RewardId, str]]:
    """List the sessions, by their tokens, in which a batch takes rewards that are limited so."""
    sessions: set[tuple[RewardId, str]] = set()
    for command in named.redeems:
        session = None if command.context is None else command.context.session
        if session is not None:
            reward = catalogue.rewards.get(command.reward_id)
            if reward is not None and reward.session_limit is not None:
                sessions.add((reward.id, session.token))
    return sessions


def _takers(named: Named, state: State, command: Redeem) -> Collection[MemberId]:
    """Give whom the command may turn out to name; an e-mail may change within the batch."""
    ref = command.member
    if ref.email is not None and ref.external_id is None and named.shows_profiles:
        return state.members.keys()
    if ref.external_id is not None:
        found = state.by_external_id.get((command.program_id, ref.external_id))
    elif ref.email is not None:
        found = state.by_email.get((command.program_id, ref.email))
    else:
        found = ref.id
    return () if found is None else (found,)


def _limit_start(catalogue: Catalogue, reward: Reward, now: datetime) -> datetime:
    assert reward.limit_per_member is not None, "only limited rewards are counted by member"
    timezone = catalogue.programs[reward.program_id].timezone
    return interval_start(reward.limit_per_member.interval, now, timezone)


async def _load_redemptions(
    tx: Connection, merchant_id: MerchantId, named: Named, state: State
) -> None:
    found = await redemptions.list_redemptions(tx, merchant_id, list(named.redemption_ids))
    state.redemptions = {redemption.id: redemption for redemption in found}
    drawn = {lot_id for each in found for lot_id in each.lot_ids} - state.origins.keys()
    if drawn:
        state.origins.update(await lots.list_lot_origins(tx, merchant_id, list(drawn)))


async def _load_earnings(
    tx: Connection, merchant_id: MerchantId, named: Named, catalogue: Catalogue, state: State
) -> None:
    if named.earning_ids or named.completions:
        found = await earnings.list_earnings(
            tx, merchant_id, list(named.earning_ids), list(named.completions)
        )
        for earning in found:
            state.earnings[earning.id] = earning
            if earning.rule_id is not None and earning.action_key is not None:
                state.completed[earning.rule_id, earning.action_key] = earning
    once = [
        rule_id
        for rule_id in named.rules
        if rule_id in named.once_rules or _is_once(catalogue, rule_id)
    ]
    if once and state.members:
        state.awarded = await earnings.list_awarded(tx, merchant_id, list(state.members), once)


async def _load_last_acts(
    tx: Connection, merchant_id: MerchantId, catalogue: Catalogue, state: State
) -> None:
    """Find what members did last that keeps their points alive, where anything does."""
    if _minds_orders(catalogue):
        state.last_orders = await earnings.list_last_orders(tx, merchant_id, list(state.members))
    kinds = {
        each.id: kept_by(each.expiry)
        for each in catalogue.point_types.values()
        if each.expiry is not None and each.expiry.kind == "sliding"
    }
    wanted = [
        (wallet.id, kind)
        for wallet in state.wallets.values()
        for kind in kinds.get(wallet.point_type_id, ())
    ]
    if wanted:
        state.last_acts = await wallets.list_last_acts(tx, merchant_id, wanted)


async def _load_spent(
    tx: Connection, merchant_id: MerchantId, catalogue: Catalogue, state: State, now: datetime
) -> None:
    """Sum what was spent out of the wallets whose point types are limited."""
    since: dict[WalletId, datetime] = {}
    for wallet in state.wallets.values():
        point_type = catalogue.point_types.get(wallet.point_type_id)
        if point_type is None or point_type.spend_limits == UNLIMITED:
            continue
        # Ever is what the wallet itself says.
        state.spent[wallet.id] = (wallet.points_redeemed, wallet.points_redeemed)
        if (interval := point_type.spend_limits.interval) not in (None, "ever"):
            timezone = catalogue.programs[wallet.program_id].timezone
            since[wallet.id] = interval_start(interval, now, timezone)
    if since:
        sums = await wallets.sum_spent(tx, merchant_id, since)
        for wallet_id in since:
            state.spent[wallet_id] = (state.spent[wallet_id][0], sums.get(wallet_id, 0))


def _minds_orders(catalogue: Catalogue) -> bool:
    return any(each.inactive_days_max is not None for each in catalogue.programs.values())


def _is_once(catalogue: Catalogue, rule_id: RuleId) -> bool:
    rule = catalogue.rules.get(rule_id)
    return rule is not None and rule.is_once
