"""Rewards bought: the documented answers, in both profiles; every way to be refused."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from msgspec.structs import replace as replaced

from guerdon.dialects.voucherify.call import Settings
from guerdon.dialects.voucherify.errors import Named, refusal_answer
from guerdon.dialects.voucherify.ids import write_id
from guerdon.domain import errors as e
from guerdon.domain.catalogue import MemberLimit, PointType, Reward
from guerdon.domain.command import ChangeMember, Done, Leave
from guerdon.domain.ids import MerchantId, PointTypeId, RedemptionId, RewardId, TierId
from guerdon.domain.member import MemberRef
from guerdon.domain.point_terms import SpendLimits
from guerdon.domain.terms import Cost, OpenHours, Period
from guerdon.store import offers, sequences
from guerdon.store.transaction import transaction
from tests.builders.http import Clock
from tests.builders.shop import POINT_TYPE, PROGRAM, make_reward, make_shop
from tests.builders.vouch import PROGRAM_ID, READ_KEYS, ServedVouch, error_of, problem_of
from tests.builders.vouch_purchases import Buyer, Json, buyer_of, row_counts
from tests.dialects.voucherify.conftest import ServeVouch

REWARD = write_id("reward", 1001)
DEFINITION = write_id("card_definition", POINT_TYPE)
NOWHERE = PointTypeId(77)


@pytest.fixture
async def buyer(served: ServedVouch) -> Buyer:
    return await buyer_of(served)


def _neighbour(transaction_id: str, prefix: str, by: int) -> str:
    return f"{prefix}_{int(transaction_id.partition('_')[2], 16) + by:018x}"


async def test_a_purchase_is_answered_in_the_seeds_form(buyer: Buyer) -> None:
    response = await buyer.ask(REWARD)
    assert response.status_code == 202
    body = response.json()
    own_id, made_at = body["transaction"]["id"], body["transaction"]["created_at"]
    reward_transaction = _neighbour(own_id, "lrtx", 1)
    assert body == {
        "message": "Points spent on reward transaction created",
        "status": "TRANSACTION_CREATED",
        "transaction": {
            "id": own_id,
            "card_id": await buyer.card(),
            "program_id": PROGRAM_ID,
            "member_id": buyer.member,
            "card_definition_id": DEFINITION,
            "card_type": "INDIVIDUAL",
            "type": "POINTS_SPENT_ON_REWARD",
            "details": {
                "reason": "Points spent on reward",
                "metadata": {},
                "rejection": None,
                "points": {
                    "total": 100,
                    "expiration_date": None,
                    "expiration_type": None,
                    "date": None,
                    "type": None,
                },
                "result": None,
                "reward_id": REWARD,
                "bucket": None,
                "reward": {"id": REWARD},
                "reward_transaction": {"id": reward_transaction},
                "target_card": None,
                "purchase_transaction": None,
            },
            "status": "PENDING",
            "reward_id": REWARD,
            "card_transaction_id": own_id,
            "reward_transaction_id": reward_transaction,
            "created_at": made_at,
            "updated_at": None,
            "object": "card_transaction",
        },
    }
    assert abs(datetime.fromisoformat(made_at) - datetime.now(UTC)) < timedelta(minutes=1)
    assert await buyer.balance() == (900, 100)


async def test_a_purchase_is_answered_in_the_newest_form(serve_shop: ServeVouch) -> None:
    served = await serve_shop(settings=Settings(purchase_profile="current"))
    buyer = await buyer_of(served)
    response = await buyer.ask(REWARD, "TRANSACTION")
    assert response.status_code == 202
    body = response.json()
    own_id = body["transaction"]["id"]
    assert body == {
        "transaction": {
            "id": own_id,
            "card_id": await buyer.card(),
            "card_transaction_id": _neighbour(own_id, "lctx", -1),
            "card_definition_id": DEFINITION,
            "program_id": PROGRAM_ID,
            "member_id": buyer.member,
            "reward_id": REWARD,
            "status": "PENDING",
            "type": "PURCHASE",
            "details": {
                "reason": "Points spent on reward",
                "rejection": None,
                "metadata": {},
                "points": {"total": 100},
                "result": None,
            },
            "created_at": body["transaction"]["created_at"],
            "updated_at": None,
            "object": "reward_transaction",
        },
        "status": "TRANSACTION_CREATED",
        "message": "Reward purchase transaction created",
    }
    # Both objects are there for whoever polls, whatever the answer was.
    in_rewards, in_cards = await buyer.poll(body["transaction"])
    assert (in_rewards["id"], in_cards["type"]) == (own_id, "POINTS_SPENT_ON_REWARD")
    assert "result" not in in_cards["details"]


@pytest.mark.parametrize("profile", ["seed", "current"])
async def test_a_dry_run_says_the_same_and_leaves_no_trace(
    serve_shop: ServeVouch, profile: Any
) -> None:
    reward = make_reward(1, stock=1, limit_per_member=MemberLimit(count=1, interval="day"))
    served = await serve_shop(
        make_shop(rewards=(reward,)), settings=Settings(purchase_profile=profile)
    )
    buyer = await buyer_of(served)
    before = await row_counts(served)
    for _ in range(2):
        response = await buyer.ask(reward, "DRY_RUN")
        assert response.status_code == 200
        assert response.json() == {
            "transaction": {
                "card_id": await buyer.card(),
                "card_transaction_id": None,
                "card_definition_id": DEFINITION,
                "program_id": PROGRAM_ID,
                "member_id": buyer.member,
                "reward_id": REWARD,
                "status": "SIMULATED",
                "type": "PURCHASE",
                "details": {
                    "reason": "Points spent on reward",
                    "rejection": None,
                    "metadata": {},
                    "points": {"total": 100},
                    "result": None,
                },
                "updated_at": None,
                "object": "reward_transaction",
            },
            "status": "DRY_RUN",
            "message": "Dry run mode. No transaction was created. This is only a simulation.",
        }
    assert await row_counts(served) == before
    assert await buyer.purchases() == []
    await buyer.buy(reward)
    assert error_of(await buyer.ask(reward, "DRY_RUN"))[:2] == (423, "reward_out_of_stock")


@pytest.mark.parametrize(
    ("body", "details"),
    [
        (b"", None),
        (b"[]", "Payload must be"),
        (b"{}", "Payload must have required property 'reward_id'"),
        (b'{"reward_id": 7}', "Property .reward_id must be string"),
        (b'{"reward_id": "lrew_0", "units": 2}', "must NOT have additional properties ('units')"),
        (
            b'{"reward_id": "lrew_0", "mode": "TRY"}',
            "Property .mode must be equal to one of the allowed values [ TRANSACTION, DRY_RUN ]",
        ),
        (b'{"reward_id": "lrew_0", "mode": null}', "Property .mode"),
    ],
)
async def test_a_body_is_checked_before_anything_is_looked_up(
    served: ServedVouch, body: bytes, details: str | None
) -> None:
    response = await served.client.post(
        "/v2/loyalties/programs/lprg_0/members/lmbr_0/rewards/purchases",
        content=body,
        headers={"Content-Type": "application/json"},
    )
    status, key, said = error_of(response)
    assert (status, key) == (400, "invalid_payload")
    assert details is None or (said is not None and details in said)


async def test_what_is_not_there_is_told_in_order(buyer: Buyer) -> None:
    client, known = buyer.served.client, f"/v2/loyalties/programs/{PROGRAM_ID}"
    nobody, nothing = write_id("member", 9), write_id("program", 9)
    customer = buyer.served.customer_id()
    for root, named, kind, sent in (
        (f"/v2/loyalties/programs/{nothing}/members/{nobody}", "lrew_0", "program", nothing),
        ("/v2/loyalties/programs/lprg_x/members/lmbr_x", "lrew_0", "program", "lprg_x"),
        (f"{known}/members/{nobody}", "lrew_0", "member", nobody),
        # A customer is no member, though it is the same shopper.
        (f"{known}/members/{customer}", REWARD, "member", customer),
        (buyer.root, "lrew_0", "reward", "lrew_0"),
        (buyer.root, write_id("reward", 4001), "reward", write_id("reward", 4001)),
        (buyer.root, "", "reward", ""),
    ):
        for mode in ("TRANSACTION", "DRY_RUN"):
            response = await client.post(
                f"{root}/rewards/purchases", json={"reward_id": named, "mode": mode}
            )
            body = problem_of(response)
            assert response.status_code == 404
            assert (body["key"], body["message"]) == ("not_found", "Resource not found")
            assert body["details"] == f"Cannot find {kind} with id {sent}"
            assert (body["resource_type"], body["resource_id"]) == (kind, sent)


async def test_a_member_of_another_program_or_who_left_is_none(buyer: Buyer) -> None:
    served = buyer.served
    async with transaction(served.pool) as tx:
        other = replaced(served.shop.program, id=12, slug="other", name="Other")
        await offers.put_program(tx, served.shop.id, other, datetime.now(UTC))
        await sequences.bump_catalogue_version(tx, served.shop.id)
    elsewhere = f"/v2/loyalties/programs/{write_id('program', 12)}/members/{buyer.member}"
    response = await served.client.post(
        f"{elsewhere}/rewards/purchases", json={"reward_id": REWARD}
    )
    assert problem_of(response)["resource_type"] == "member"
    left = Leave(program_id=PROGRAM, member=MemberRef(external_id="C-1"))
    assert isinstance(await served.ledger.submit(served.shop.id, left), Done)
    before = await row_counts(served)
    for response in (await buyer.ask(REWARD), await buyer.ask("lrew_0")):
        assert (response.status_code, problem_of(response)["resource_type"]) == (404, "member")
    for path in (buyer.purchases_path, f"{buyer.root}/cards/lcrd_0/transactions"):
        assert problem_of(await served.client.get(path))["resource_type"] == "member"
    assert await row_counts(served) == before


async def _change(served: ServedVouch, reward: Reward | None = None, **program: Any) -> None:
    """Change an offer, as another process would."""
    async with transaction(served.pool) as tx:
        if program:
            changed = replaced(served.shop.program, **program)
            await offers.put_program(tx, served.shop.id, changed, datetime.now(UTC))
        if reward is not None:
            await offers.put_reward(tx, served.shop.id, reward)
            await offers.insert_reward_version(tx, served.shop.id, reward, datetime.now(UTC))
        await sequences.bump_catalogue_version(tx, served.shop.id)


def _closed_now(now: datetime) -> tuple[OpenHours, ...]:
    """Give hours of which none is now."""
    yesterday = (now.isoweekday() - 1) % 7
    return (OpenHours(days=((yesterday + 4) % 7,)),)


LIMITED = SpendLimits(points_max=1000, interval="day", interval_points_max=800, at_once_max=700)
AN_HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)
AN_HOUR_AHEAD = datetime.now(UTC) + timedelta(hours=1)
ADULT = (
    '{"logic": "1", "1": {"name": "member.metadata", "property": "age",'
    ' "conditions": {"$more_than": [18]}}}'
)

# What is wrong, with the reward or the program; the key; what is said.
WRONGS: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    ({}, {"status": "inactive"}, "non_active_program", "Invalid program status"),
    ({}, {"status": "draft"}, "non_active_program", "Invalid program status"),
    (
        {},
        {"starts_at": AN_HOUR_AHEAD},
        "program_outside_validity_window",
        "Cannot purchase reward when program is not active at this time",
    ),
    (
        {},
        {"ends_at": AN_HOUR_AGO},
        "program_outside_validity_window",
        "Cannot purchase reward when program is not active at this time",
    ),
    (
        {},
        {"hours": _closed_now(datetime.now(UTC))},
        "program_outside_validity_window",
        "Cannot purchase reward when program is not active at this time",
    ),
    ({"status": "inactive"}, {}, "non_active_reward", "Invalid reward status"),
    ({"status": "draft"}, {}, "non_active_reward", "Invalid reward status"),
    (
        {"starts_at": AN_HOUR_AHEAD},
        {},
        "reward_outside_validity_window",
        "Cannot purchase reward when reward is not active at this time",
    ),
    (
        {"hours": _closed_now(datetime.now(UTC))},
        {},
        "reward_outside_validity_window",
        "Cannot purchase reward when reward is not active at this time",
    ),
    ({"stock": 0}, {}, "reward_out_of_stock", "Reward stock is not available"),
    ({"fulfil_by": "pool"}, {}, "reward_out_of_stock", "Reward stock is not available"),
    (
        {"costs": (Cost(points=5, point_type_id=POINT_TYPE, condition=ADULT),)},
        {},
        "no_matching_reward_cost",
        "No matching cost for the current customer context",
    ),
    (
        {"points_cost": 1001},
        {},
        "insufficient_card_balance",
        "Operation exceeds the available card balance",
    ),
]


@pytest.mark.parametrize(("of_reward", "of_program", "key", "details"), WRONGS)
async def test_a_refusal_is_told_and_leaves_no_trace(
    serve_shop: ServeVouch,
    of_reward: dict[str, Any],
    of_program: dict[str, Any],
    key: str,
    details: str,
) -> None:
    served = await serve_shop()
    buyer = await buyer_of(served)
    # The server has seen the offers as they were.
    assert (await buyer.ask(REWARD, "DRY_RUN")).status_code == 200
    version = replaced(make_reward(), version_id=2999, **of_reward)
    await _change(served, version, **of_program)
    before = await row_counts(served)
    for response in (await buyer.ask(REWARD), await buyer.ask(REWARD, "DRY_RUN")):
        assert error_of(response) == (423, key, details)
    assert await row_counts(served) == before
    assert await buyer.purchases() == []
    assert await buyer.balance() == (1000, 0)


async def test_a_member_who_is_inactive_is_refused(buyer: Buyer) -> None:
    frozen = ChangeMember(program_id=PROGRAM, member=MemberRef(external_id="C-1"), is_frozen=True)
    assert isinstance(await buyer.served.ledger.submit(buyer.served.shop.id, frozen), Done)
    before = await row_counts(buyer.served)
    response = await buyer.ask(REWARD)
    assert problem_of(response)["message"] == (
        "Cannot purchase reward when member status is not ACTIVE"
    )
    assert error_of(response) == (423, "non_active_member", "Invalid member status")
    assert await row_counts(buyer.served) == before


async def test_a_cooldown_and_a_frequency_are_kept_to_and_given_back(
    serve_shop: ServeVouch,
) -> None:
    clock = Clock()
    resting = make_reward(1, cooldown=Period(2, "hour"))
    seldom = make_reward(2, limit_per_member=MemberLimit(count=1, interval="quarter"))
    served = await serve_shop(make_shop(rewards=(resting, seldom)), now=clock)
    buyer = await buyer_of(served)
    first = await buyer.buy(resting)
    await buyer.buy(seldom)
    before = await row_counts(served)
    assert error_of(await buyer.ask(resting))[:2] == (423, "purchase_limit_cooldown")
    assert error_of(await buyer.ask(seldom))[:2] == (423, "purchase_limit_frequency")
    assert await row_counts(served) == before
    await buyer.process()
    assert (await buyer.refund(first)).status_code == 202
    await buyer.buy(resting)
    clock.now += timedelta(hours=2)
    await buyer.buy(resting)


async def test_a_wallets_limits_refuse_and_never_cap(serve_shop: ServeVouch) -> None:
    rewards = tuple(
        make_reward(number, points_cost=cost) for number, cost in enumerate((701, 600, 201, 150), 1)
    )
    shop = make_shop(rewards=rewards)
    limited = replaced(shop.point_type, spend_limits=LIMITED)
    served = await serve_shop(replace(shop, point_type=limited))
    buyer = await buyer_of(served, points=5000)
    assert error_of(await buyer.ask(rewards[0]))[:2] == (
        423,
        "exceeded_card_spending_transactions_limit",
    )
    await buyer.buy(rewards[1])
    before = await row_counts(served)
    for response in (await buyer.ask(rewards[2]), await buyer.ask(rewards[2], "DRY_RUN")):
        assert error_of(response)[:2] == (423, "exceeded_card_spending_global_time_based_limit")
    assert await row_counts(served) == before
    await buyer.buy(rewards[3])
    await _widen(served, replaced(LIMITED, interval_points_max=5000))
    # 750 are spent of 1,000 ever.
    assert error_of(await buyer.ask(rewards[1]))[:2] == (
        423,
        "exceeded_card_spending_global_spending_based_limit",
    )
    await buyer.buy(rewards[2])


async def _widen(served: ServedVouch, limits: SpendLimits) -> None:
    async with transaction(served.pool) as tx:
        changed = replaced(served.shop.point_type, spend_limits=limits)
        await offers.put_point_type(tx, served.shop.id, changed, datetime.now(UTC))
        await sequences.bump_catalogue_version(tx, served.shop.id)


async def test_a_card_that_is_lacking_is_not_found(serve_shop: ServeVouch) -> None:
    paid = make_reward(1, points_cost=5, point_type_id=NOWHERE)
    credited = make_reward(
        2, fulfil_by="points", kind="custom", credit_points=30, credit_point_type="beans"
    )
    shop = replace(
        make_shop(rewards=(paid, credited)),
        further_point_types=(PointType(id=NOWHERE, slug="beans", name="Beans"),),
    )
    served = await serve_shop(shop)
    buyer = await buyer_of(served)
    before = await row_counts(served)
    definition = write_id("card_definition", NOWHERE)
    for reward in (paid, credited):
        for mode in ("TRANSACTION", "DRY_RUN"):
            body = problem_of(await buyer.ask(reward, mode))
            assert body["details"] == f"Cannot find card with id {definition}"
            assert (body["resource_type"], body["resource_id"]) == ("card", definition)
    assert await row_counts(served) == before


def test_refusals_are_told_in_the_vendors_order() -> None:
    """However many checks fail, and in whatever order they are found out, the first is told."""
    reward = RewardId(1)
    now = datetime(2026, 11, 22, tzinfo=UTC)
    in_order: list[tuple[e.Refusal, str]] = [
        (e.MemberUnknown("7"), "not_found"),
        (e.RewardUnknown(reward), "not_found"),
        (e.ProgramInactive(), "non_active_program"),
        (e.ProgramOutsideWindow(), "program_outside_validity_window"),
        (e.MemberFrozen(), "non_active_member"),
        (e.RewardInactive(reward), "non_active_reward"),
        (e.RewardOutsideWindow(None, None), "reward_outside_validity_window"),
        (e.OutOfStock(0), "reward_out_of_stock"),
        (e.CooldownRunning(now), "purchase_limit_cooldown"),
        (e.MemberLimitReached(MemberLimit(count=1, interval="day")), "purchase_limit_frequency"),
        (e.NoMatchingCost(), "no_matching_reward_cost"),
        (e.WalletUnknown(NOWHERE), "not_found"),
        (e.InsufficientPoints(1, 2), "insufficient_card_balance"),
        (
            e.SpendLimitReached("wallet_ever", 1, 2),
            "exceeded_card_spending_global_spending_based_limit",
        ),
    ]
    shuffle = random.Random(7).shuffle  # noqa: S311 -- any order will do
    for place, (first, key) in enumerate(in_order):
        rest = [refusal for refusal, _ in in_order[place:]]
        shuffle(rest)
        answer = refusal_answer(rest, Named(card_definition="lcdef_1"))
        assert f'"key":"{key}"' in answer.body.decode(), type(first)


async def test_checks_are_made_in_the_vendors_order_over_http(serve_shop: ServeVouch) -> None:
    """Everything is wrong at first; what is told is put right, and the next is told."""
    clock = Clock()
    wrong: dict[str, Any] = {
        "status": "inactive",
        "starts_at": clock.now + timedelta(days=1),
        "stock": 0,
        "cooldown": Period(1, "day"),
        "limit_per_member": MemberLimit(count=1, interval="day"),
        "costs": (Cost(points=9000, point_type_id=POINT_TYPE, condition=ADULT),),
    }
    served = await serve_shop(now=clock)
    buyer = await buyer_of(served)
    await buyer.buy(REWARD)
    frozen = ChangeMember(program_id=PROGRAM, member=MemberRef(external_id="C-1"))
    await served.ledger.submit(served.shop.id, replaced(frozen, is_frozen=True))
    program: dict[str, Any] = {"status": "inactive", "ends_at": clock.now}
    version = 3000

    async def told() -> str:
        nonlocal version
        version += 1
        changed = replaced(make_reward(), version_id=version, **wrong)
        await _change(served, changed, **program, slug="main")
        response = await buyer.ask(REWARD)
        return "bought" if response.status_code == 202 else str(error_of(response)[1])

    assert await told() == "non_active_program"
    program["status"] = "active"
    assert await told() == "program_outside_validity_window"
    del program["ends_at"]
    assert await told() == "non_active_member"
    await served.ledger.submit(served.shop.id, replaced(frozen, is_frozen=False))
    for key, name in (
        ("non_active_reward", "status"),
        ("reward_outside_validity_window", "starts_at"),
        ("reward_out_of_stock", "stock"),
        ("purchase_limit_cooldown", "cooldown"),
        ("purchase_limit_frequency", "limit_per_member"),
    ):
        assert await told() == key
        del wrong[name]
    assert await told() == "no_matching_reward_cost"
    wrong["costs"] = (Cost(points=9000, point_type_id=POINT_TYPE),)
    assert await told() == "insufficient_card_balance"
    wrong["costs"] = (Cost(points=900, point_type_id=POINT_TYPE),)
    assert await told() == "bought"


async def test_two_equal_calls_are_two_purchases_unless_they_have_a_key(buyer: Buyer) -> None:
    bought = {(await buyer.buy(REWARD))["id"] for _ in range(2)}
    assert len(bought) == 2
    key = {"Idempotency-Key": "a-key-of-the-callers"}
    first = await buyer.ask(REWARD, headers=key)
    await buyer.process()
    again = await buyer.ask(REWARD, headers=key)
    assert (first.status_code, again.status_code) == (202, 202)
    # As it was taken on, though it has been processed meanwhile.
    assert again.json() == first.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert len(await buyer.purchases()) == 3
    other = await buyer.ask("lrew_0", headers=key)
    assert error_of(other)[:2] == (409, "duplicate_found")
    assert await buyer.balance() == (700, 0)


async def test_a_key_that_only_reads_buys_nothing(buyer: Buyer) -> None:
    for response in (
        await buyer.ask(REWARD, headers=READ_KEYS),
        await buyer.served.client.post(
            f"/v2/loyalties/programs/{PROGRAM_ID}/rewards/purchases/lrtx_1/refund",
            headers=READ_KEYS,
        ),
    ):
        assert response.status_code == 403
    page: httpx.Response = await buyer.served.client.get(buyer.purchases_path, headers=READ_KEYS)
    assert page.status_code == 200


async def test_a_reward_assigned_by_another_process_is_found(buyer: Buyer) -> None:
    """Whether it is new, or has taken the place of one that this server has seen."""
    served = buyer.served
    assert (await buyer.ask(REWARD, "DRY_RUN")).status_code == 200
    await _change(served, make_reward(5))
    bought: Json = await buyer.buy(make_reward(5))
    assert bought["reward_id"] == write_id("reward", 1005)
    first = make_reward(6, template_id=1999)
    await _change(served, first)
    named = write_id("reward", 1999)
    assert (await buyer.ask(named, "DRY_RUN")).status_code == 200
    await _change(served, replaced(first, version_id=2996, archived_at=datetime.now(UTC)))
    assert error_of(await buyer.ask(named))[1] == "not_found"
    await _change(served, make_reward(7, template_id=1999, points_cost=7))
    assert (await buyer.buy(named))["details"]["points"]["total"] == 7


async def test_a_program_that_another_process_deleted_is_none(buyer: Buyer) -> None:
    assert (await buyer.ask(REWARD, "DRY_RUN")).status_code == 200
    now = datetime.now(UTC)
    gone = replaced(make_reward(), version_id=2990, archived_at=now)
    await _change(buyer.served, gone, status="inactive", archived_at=now)
    for mode in ("TRANSACTION", "DRY_RUN"):
        response = await buyer.ask(REWARD, mode)
        assert problem_of(response)["resource_type"] == "program"


async def test_another_merchants_ids_are_nobodys(buyer: Buyer) -> None:
    """The path names what is there, in somebody else's shop."""
    assert buyer.served.shop.id == MerchantId(1)
    async with transaction(buyer.served.pool) as tx:
        await tx.execute("UPDATE keys SET merchant_id = 2")
        await offers.insert_merchant(tx, make_shop(2).merchant, datetime.now(UTC))
        await sequences.insert_sequence(tx, MerchantId(2), 10_000)
    for response in (await buyer.ask(REWARD), await buyer.served.client.get(buyer.purchases_path)):
        assert problem_of(response)["resource_type"] == "program"


def test_all_refusals_of_a_refund_have_their_line() -> None:
    answer = refusal_answer(
        [e.RedemptionStatusWrong(RedemptionId(1), "void")], Named(action="refund reward")
    )
    assert b"non_approved_reward_transaction" in answer.body
    tiers = refusal_answer([e.TierRequired(TierId(1), None)], Named())
    assert b"no_matching_reward_cost" in tiers.body
