"""Rewards bought by members: bought, listed, refunded."""

from datetime import timedelta

from msgspec import UNSET
from msgspec.structs import replace

from guerdon.dialects.voucherify import ids
from guerdon.dialects.voucherify.behind import Behind
from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.errors import Named, refusal_answer
from guerdon.dialects.voucherify.filters import Field
from guerdon.dialects.voucherify.lists import ListForm, Listing, page_answer, read_listing
from guerdon.dialects.voucherify.offer_ids import find_reward, reward_number
from guerdon.dialects.voucherify.places import member_in, program_in
from guerdon.dialects.voucherify.transactions import look_behind
from guerdon.dialects.voucherify.translate_purchase import purchase_in_seed_form
from guerdon.dialects.voucherify.translate_results import Cards
from guerdon.dialects.voucherify.translate_transactions import reward_transaction
from guerdon.dialects.voucherify.wire_purchases import PurchaseBody
from guerdon.dialects.voucherify.wire_transactions import CurrentPurchase, DryRun, SeedPurchase
from guerdon.domain.catalogue import Catalogue, Program, Reward
from guerdon.domain.command import Outcome, Redeem, Redeemed, Refused
from guerdon.domain.errors import MemberFrozen, RewardUnknown, WalletUnknown
from guerdon.domain.ids import MemberId, ProgramId, RewardId, WalletId
from guerdon.domain.member import MemberRef
from guerdon.domain.redemption import Redemption
from guerdon.engine.examining import examine
from guerdon.engine.redeeming import redeem
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.store.card_transactions import Card, Slice, find_card, list_cards_of
from guerdon.store.purchases import PurchaseList
from guerdon.store.purchases import list_purchases as list_bought
from guerdon.store.snapshot import snapshot

LIST = ListForm(
    cursor="lcrstrx",
    filters={
        "id": Field("id", "reward_transaction"),
        "created_at": Field("moment"),
        "reward_id": Field("id", "reward"),
        "card_definition_id": Field("id", "card_definition"),
    },
    binds_limit=True,
)
_NO_REWARD = RewardId(0)


async def purchase_reward(call: Call) -> Answer:
    """Spend a member's points on a reward.

    All checks are made, and points, stock and limits taken, in one transaction; a worker does the
    rest. A dry run makes the very same checks."""
    body = call.decode(PurchaseBody)
    is_dry = body.mode == "DRY_RUN"
    catalogue = await call.ledger.catalogues.get(call.merchant_id)
    reward = _reward_of(call, catalogue, body)
    if reward is None:
        # It may be new, and another process may have made it.
        catalogue = await call.ledger.catalogues.newest(call.merchant_id)
        reward = _reward_of(call, catalogue, body)
    program = program_in(call, catalogue)
    outcome = await _buy(call, program, reward, is_dry=is_dry)
    if isinstance(outcome, Refused) and _is_unknown(outcome):
        # It may have been assigned anew meanwhile: it is another one then, of the same id.
        catalogue = await call.ledger.catalogues.get(call.merchant_id)
        again = _reward_of(call, catalogue, body)
        if again not in (None, reward):
            reward = again
            outcome = await _buy(call, program, reward, is_dry=is_dry)
    if isinstance(outcome, Refused):
        return await _refusal(call, body, outcome)
    assert isinstance(outcome.result, Redeemed), "a reward was asked for"
    redemption = outcome.result.redemption
    version = reward
    if version is None or version.version_id != redemption.reward_version_id:
        version = await call.reward_version(redemption)
    card = await _paying_card(call, catalogue, redemption, version)
    if is_dry:
        return answer(200, _dry_run(redemption, card, _at_once(call, catalogue, version)))
    told: SeedPurchase | CurrentPurchase
    if call.settings.purchase_profile == "seed":
        told = purchase_in_seed_form(redemption, card, version)
    else:
        told = _bought(redemption, card, _at_once(call, catalogue, version))
    return answer(202, told, is_replay=outcome.is_replay)


def _reward_of(call: Call, catalogue: Catalogue, body: PurchaseBody) -> Reward | None:
    """Find the reward that is meant among those assigned to the program."""
    program_id = ids.read_id("program", call.path[0])
    number = ids.read_id("reward", body.reward_id)
    if program_id is None or number is None:
        return None
    return find_reward(catalogue, ProgramId(program_id), number)


async def _buy(call: Call, program: Program, reward: Reward | None, *, is_dry: bool) -> Outcome:
    """Have it decided, also where there is no such reward: the member is looked for before."""
    command = Redeem(
        program_id=program.id,
        member=MemberRef(id=MemberId(call.id(1, "member"))),
        reward_id=_NO_REWARD if reward is None else reward.id,
        is_queued=True,
    )
    if is_dry:
        (outcome,) = await examine(call.ledger, call.merchant_id, [command])
        return outcome
    key, fingerprint = call.idempotency()
    return await redeem(
        call.ledger, call.merchant_id, command, key=key, fingerprint=fingerprint, waits=False
    )


def _is_unknown(outcome: Refused) -> bool:
    return any(isinstance(refusal, RewardUnknown) for refusal in outcome.refusals)


async def _refusal(call: Call, body: PurchaseBody, outcome: Refused) -> Answer:
    """Say why not, of the offers that it was decided on: the program may have been deleted
    meanwhile. Who left is frozen, and to be told apart from who is only inactive."""
    program = program_in(call, await call.ledger.catalogues.get(call.merchant_id))
    if any(isinstance(refusal, MemberFrozen) for refusal in outcome.refusals):
        async with snapshot(call.pool) as view:
            await member_in(call, view, program)
    lacking = [each.point_type_id for each in outcome.refusals if isinstance(each, WalletUnknown)]
    point_type_id = (lacking[0] if lacking else 0) or program.point_type_id
    named = Named(
        action="purchase reward",
        program=call.path[0],
        member=call.path[1],
        reward=body.reward_id,
        card_definition=ids.write_id("card_definition", point_type_id),
    )
    return refusal_answer(outcome.refusals, named)


async def _paying_card(
    call: Call, catalogue: Catalogue, redemption: Redemption, reward: Reward
) -> Card:
    """Give the card that paid. What points its were need not be looked up where the reward costs
    points of one type only."""
    costs = reward.costs
    point_type_id = costs[0].point_type_id if costs else reward.point_type_id
    if len(costs) < 2 or all(cost.point_type_id == point_type_id for cost in costs):
        program = catalogue.programs[redemption.program_id]
        return Card(
            id=redemption.wallet_id,
            member_id=redemption.member_id,
            program_id=redemption.program_id,
            point_type_id=point_type_id or program.point_type_id,
        )
    async with snapshot(call.pool) as view:
        card = await find_card(view, call.merchant_id, redemption.wallet_id)
    assert card is not None, "wallets are never deleted"
    return card


def _at_once(call: Call, catalogue: Catalogue, reward: Reward) -> Behind:
    """Give what a purchase is shown with that was only just made: it has given nothing yet."""
    return Behind(
        profile=call.settings.purchase_profile,
        catalogue=catalogue,
        now=call.ledger.runtime.now(),
        delay=timedelta(0),
        cards=Cards({}),
        redemptions={},
        versions={reward.version_id: reward},
        credits={},
        refunds={},
        expiries={},
        earnings={},
        payments={},
        orders={},
    )


def _bought(redemption: Redemption, card: Card, behind: Behind) -> CurrentPurchase:
    """Show it as it was when it was taken on, also to whoever asks again under the same key."""
    shown = reward_transaction(redemption, card, behind)
    return CurrentPurchase(transaction=replace(shown, status="PENDING", updated_at=None))


def _dry_run(redemption: Redemption, card: Card, behind: Behind) -> DryRun:
    shown = reward_transaction(redemption, card, behind)
    return DryRun(
        transaction=replace(
            shown,
            id=UNSET,
            card_transaction_id=None,
            status="SIMULATED",
            created_at=UNSET,
            updated_at=None,
        )
    )


async def list_purchases(call: Call) -> Answer:
    """List what a member bought, whatever came of it; what was only tried, or refused, is not in
    it."""
    listing = read_listing(call, LIST)
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        program = program_in(call, catalogue)
        member = await member_in(call, view, program)
        cards = {card.id: card for card in await list_cards_of(view, call.merchant_id, [member.id])}
        wanted = _wanted(listing, catalogue, program, cards)
        found = await list_bought(view, call.merchant_id, member.id, wanted)
        card = next(iter(cards.values()))
        behind = await look_behind(call, view, catalogue, card, redemptions=found)
    return page_answer(
        listing,
        found,
        lambda redemption: (redemption.id,),
        lambda redemption: reward_transaction(redemption, cards[redemption.wallet_id], behind),
    )


def _wanted(
    listing: Listing, catalogue: Catalogue, program: Program, cards: dict[WalletId, Card]
) -> PurchaseList:
    """Read the filters. A reward transaction's id is one more than its redemption's; a reward's may
    stand for several, of which the program has had one after the other."""
    filters = listing.filters
    among, span = filters.among("id"), filters.span("created_at")
    rewards, definitions = filters.among("reward_id"), filters.among("card_definition_id")
    last = listing.resume()
    part = Slice(
        is_rising=not listing.is_falling,
        limit=listing.limit + 1,
        beyond=None if last is None else int(last[0] or 0),
        any_of=None if among.any_of is None else [each - 1 for each in among.any_of],
        none_of=[each - 1 for each in among.none_of],
        since=span.since,
        before=span.before,
        is_any=filters.is_any and len(filters.fields) > 1,
    )
    return PurchaseList(
        part=part,
        has_ids=filters.has("id"),
        has_times=filters.has("created_at"),
        reward_ids=[
            reward.id
            for reward in catalogue.rewards.values()
            if reward.program_id == program.id and rewards.allows(reward_number(reward))
        ]
        if filters.has("reward_id")
        else None,
        wallet_ids=[card.id for card in cards.values() if definitions.allows(card.point_type_id)]
        if filters.has("card_definition_id")
        else None,
    )
