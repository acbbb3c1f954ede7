"""Cards: points by hand, and balances that follow from all that came and went."""

import random
from datetime import timedelta
from typing import Any

from guerdon.dialects.voucherify.ids import write_id
from guerdon.domain.command import (
    Adjust,
    Approve,
    ChangeMember,
    ClawBack,
    Command,
    Decline,
    Done,
    Earn,
    Earned,
    Redeem,
    Redeemed,
    Refund,
    Release,
    Settle,
)
from guerdon.domain.ids import EarningId, MemberId, RedemptionId, RewardId, RuleId
from guerdon.domain.member import MemberRef
from guerdon.store.cards import list_cards
from guerdon.store.snapshot import snapshot
from tests.builders.shop import FOUNDED, PROGRAM, make_reward, make_rule, make_shop
from tests.builders.vouch import PROGRAM_ID, READ_KEYS, ServedVouch, error_of, problem_of
from tests.dialects.voucherify.conftest import ServeVouch

MEMBERS = f"/v2/loyalties/programs/{PROGRAM_ID}/members"
ANA = MemberRef(external_id="C-1")


async def card_of(served: ServedVouch, member_id: str) -> dict[str, Any]:
    answer = await served.client.get(f"{MEMBERS}/{member_id}")
    assert answer.status_code == 200, answer.text
    card: dict[str, Any] = answer.json()["cards"][0]["card"]
    assert card["balance"]["points"] == by_the_formula(card["lifetime_bucket"]["points"])
    return card


def by_the_formula(points: dict[str, int]) -> int:
    """Count the balance as the vendor documents it."""
    return (
        points["total"]
        - points["subtracted"]
        - points["expired"]
        - points["spent"]
        - points["refunded"]
        + points["returned"]
        - points["locked"]
        + points["unlocked"]
        - points["purchased_reversed"]
    )


async def path_of(served: ServedVouch, member_id: str) -> str:
    card = await card_of(served, member_id)
    return f"{MEMBERS}/{member_id}/cards/{card['id']}"


async def test_points_are_added_and_taken(served: ServedVouch) -> None:
    member_id = await served.enrol()
    path = await path_of(served, member_id)
    added = await served.client.post(f"{path}/points", json={"points": 70, "reason": "sorry"})
    assert added.status_code == 200, added.text
    told = added.json()
    assert (told["status"], told["message"]) == (
        "TRANSACTION_CREATED",
        "Points addition transaction created",
    )
    transaction = told["transaction"]
    assert (transaction["type"], transaction["status"]) == ("ADMIN_CREDIT", "PENDING")
    assert transaction["details"]["points"]["total"] == 70
    assert transaction["details"]["reason"] == "sorry"
    taken = (await served.client.post(f"{path}/points", json={"points": -20})).json()
    assert taken["message"] == "Points subtraction transaction created"
    assert taken["transaction"]["type"] == "ADMIN_DEBIT"
    assert taken["transaction"]["details"]["points"]["total"] == -20
    card = await card_of(served, member_id)
    points = card["lifetime_bucket"]["points"]
    assert (points["added"], points["total"], points["subtracted"]) == (70, 70, 20)
    assert card["balance"]["points"] == 50
    listed = (await served.client.get(f"{path}/transactions")).json()["data"]
    assert [each["id"] for each in listed] == [taken["transaction"]["id"], transaction["id"]]
    assert {each["status"] for each in listed} == {"APPROVED"}


async def test_no_points_are_no_change(served: ServedVouch) -> None:
    path = await path_of(served, await served.enrol())
    told = (await served.client.post(f"{path}/points", json={"points": 0})).json()
    assert told == {
        "transaction": None,
        "status": "NO_CHANGE",
        "message": "Provided amount is zero, transaction was not created",
    }


async def test_more_than_there_is_is_taken_on_and_then_rejected(served: ServedVouch) -> None:
    member_id = await served.enrol(points=30)
    path = await path_of(served, member_id)
    headers = {"Idempotency-Key": "too-much"}
    told = await served.client.post(f"{path}/points", json={"points": -31}, headers=headers)
    assert told.status_code == 200
    assert (told.json()["status"], told.json()["transaction"]["status"]) == (
        "TRANSACTION_CREATED",
        "PENDING",
    )
    # Whoever asks again under the same key learns the same, though there is more by now.
    await served.client.post(f"{path}/points", json={"points": 100})
    again = await served.client.post(f"{path}/points", json={"points": -31}, headers=headers)
    assert again.json() == told.json()
    assert (await card_of(served, member_id))["balance"]["points"] == 130
    listed = (await served.client.get(f"{path}/transactions")).json()["data"]
    (rejected,) = (each for each in listed if each["id"] == told.json()["transaction"]["id"])
    assert (rejected["type"], rejected["status"]) == ("ADMIN_DEBIT", "REJECTED")
    assert rejected["details"]["rejection"]["reason"] == "NOT_ENOUGH_BALANCE"
    other = await served.client.post(f"{path}/points", json={"points": -32}, headers=headers)
    assert error_of(other)[:2] == (409, "duplicate_found")


async def test_adjusting_is_refused_where_the_state_forbids_it(serve_shop: ServeVouch) -> None:
    served = await serve_shop()
    member_id = await served.enrol(points=30)
    other_id = await served.enrol("C-2", email=None)
    path = await path_of(served, member_id)
    card_id = path.rpartition("/")[2]
    for wrong, kind in (
        (f"/v2/loyalties/programs/lprg_0/members/{member_id}/cards/{card_id}", "program"),
        (f"{MEMBERS}/lmbr_0/cards/{card_id}", "member"),
        (f"{MEMBERS}/{member_id}/cards/lcrd_0", "card"),
        (f"{MEMBERS}/{other_id}/cards/{card_id}", "card"),
    ):
        problem = problem_of(await served.client.post(f"{wrong}/points", json={"points": 1}))
        assert (problem["code"], problem["resource_type"]) == (404, kind)
    for body, said in (
        ({}, "Payload must have required property 'points'"),
        ({"points": "7"}, "Property .points must be integer"),
        ({"points": 1.5}, "Property .points must be integer"),
        ({"points": 2**53}, f"Property .points cannot be greater than {2**53 - 1}"),
        ({"points": 2**53 - 1}, "Property .points must be an integer in range, and not 0"),
        ({"points": 1, "reason": "x" * 256}, "Property .reason must NOT have more than"),
        ({"points": 1, "note": ""}, "Payload must NOT have additional properties ('note')"),
    ):
        status, key, details = error_of(await served.client.post(f"{path}/points", json=body))
        assert (status, key) == (400, "invalid_payload")
        assert details is not None
        assert details.startswith(said)
    refused = await served.client.post(f"{path}/points", json={"points": 1}, headers=READ_KEYS)
    assert error_of(refused)[0] == 403
    await served.ledger.submit(
        served.shop.id, ChangeMember(program_id=PROGRAM, member=ANA, is_frozen=True)
    )
    problem = problem_of(await served.client.post(f"{path}/points", json={"points": 1}))
    assert (problem["code"], problem["key"]) == (423, "non_active_member")
    assert problem["message"] == (
        "Cannot adjust member's card points when member status is not ACTIVE"
    )
    assert problem["details"] == "Invalid member status"


_SUMS = (
    "earned",
    "added",
    "subtracted",
    "spent",
    "purchased",
    "purchased_reversed",
    "expired",
    "locked",
    "unlocked",
    "refunded",
    "returned",
    "pending_total",
    "activated",
    "canceled",
)
RULE = make_rule(points=40)
LATER = make_rule(2, points=25, approval_days=7)
QUEUED = make_reward(2, points_cost=30)
SHOP = make_shop(rewards=(make_reward(points_cost=50), QUEUED), rules=(RULE, LATER))


class History:
    """A member to whom things happen at random; what cannot happen does not."""

    def __init__(self, served: ServedVouch, name: str) -> None:
        self.served = served
        self.member = MemberRef(external_id=name)
        self.earnings: list[EarningId] = []
        self.redemptions: list[RedemptionId] = []

    async def do(self, command: Command) -> None:
        outcome = await self.served.ledger.submit(self.served.shop.id, command)
        if isinstance(outcome, Done):
            match outcome.result:
                case Earned(earning=earning):
                    self.earnings.append(earning.id)
                case Redeemed(redemption=redemption):
                    self.redemptions.append(redemption.id)
                case _:
                    pass

    def command(self, kind: int, number: int) -> Command | None:
        earning = self.earnings[number % len(self.earnings)] if self.earnings else None
        redeemed = self.redemptions[number % len(self.redemptions)] if self.redemptions else None
        points = number * 7 + 1
        common: Any = {"program_id": PROGRAM, "member": self.member}
        anyway: list[Command] = [
            Adjust(points=points, **common),
            Adjust(points=-points, floors_at_zero=number % 2 == 0, **common),
            Earn(rule_id=RuleId(RULE.id), base_points=points, **common),
            Earn(rule_id=RuleId(LATER.id), base_points=points, **common),
            Redeem(reward_id=RewardId(1001), **common),
            Redeem(reward_id=RewardId(1002), is_queued=True, **common),
        ]
        if kind < len(anyway):
            return anyway[kind]
        if kind in (6, 7, 8) and earning is not None:
            return (
                Approve(earning_id=earning),
                Decline(earning_id=earning),
                ClawBack(earning_id=earning, points=points),
            )[kind - 6]
        if kind in (9, 10, 11) and redeemed is not None:
            return (
                Settle(redemption_id=redeemed),
                Release(redemption_id=redeemed, reason="no"),
                Refund(redemption_id=redeemed),
            )[kind - 9]
        if kind in (12, 13) and redeemed is not None:
            # What a reward of points was worth is credited so, and taken back.
            bought = points if kind == 12 else -points
            return Adjust(points=bought, floors_at_zero=True, redemption_id=redeemed, **common)
        return None


async def test_the_balance_is_the_formulas_whatever_happened(serve_shop: ServeVouch) -> None:
    moments = [FOUNDED]
    shop = SHOP.with_program(negative_balance="allow", points_expiry_days=9)
    served = await serve_shop(shop, now=lambda: moments[0])
    histories = 30
    for seed in range(histories):
        name = f"H-{seed}"
        await served.enrol(name, email=None, points=(seed % 3) * 60)
        history = History(served, name)
        chance = random.Random(seed)  # noqa: S311 -- a history that can be repeated
        for _ in range(20):
            moments[0] += timedelta(days=chance.randrange(3) // 2)
            command = history.command(chance.randrange(14), chance.randrange(10))
            if command is not None:
                await history.do(command)
    await _check_all(served, histories)


async def _check_all(served: ServedVouch, expected: int) -> None:
    """Hold every card against its wallet, all in one statement."""
    now = served.ledger.runtime.now()
    async with snapshot(served.pool) as view:
        rows = await view.fetch(
            "SELECT w.member_id, w.points_available - w.points_owed - coalesce(sum("
            "l.points_remaining), 0) AS balance, w.points_pending, w.points_held "
            "FROM wallets w LEFT JOIN lots l ON l.wallet_id = w.id AND l.expires_at <= $2 "
            "WHERE w.merchant_id = $1 GROUP BY w.merchant_id, w.id",
            served.shop.id,
            now,
        )
        catalogue = await served.ledger.catalogues.see(view, served.shop.id)
        ids = [MemberId(row["member_id"]) for row in rows]
        found = await list_cards(view, served.shop.id, ids, catalogue, now)
    assert len(rows) == expected
    moved = set()
    for row in rows:
        (card,) = found[row["member_id"]]
        assert card.balance == row["balance"]
        assert card.pending == row["points_pending"]
        assert card.locked - card.unlocked == row["points_held"]
        for name in _SUMS:
            assert getattr(card, name) >= 0
            if getattr(card, name):
                moved.add(name)
    # Each of them was put to the test.
    assert moved == set(_SUMS)


async def test_a_card_tells_what_is_next(serve_shop: ServeVouch) -> None:
    served = await serve_shop(make_shop(rules=(LATER,), points_expiry_days=30))
    member_id = await served.enrol(points=10)
    earn = Earn(program_id=PROGRAM, member=ANA, rule_id=RuleId(LATER.id))
    assert isinstance(await served.ledger.submit(served.shop.id, earn), Done)
    card = await card_of(served, member_id)
    assert card["next_expiration"]["points"] == 10
    assert set(card["next_expiration"]) == {"points", "date"}
    assert card["next_activation"]["points"] == 25
    assert card["next_activation"]["type"] == "PERIOD_BASED"
    assert card["balance"] == {"points": 10, "pending_points": 25}
    assert card["lifetime_bucket"]["pending_points"] == {
        "total": 25,
        "activated": 0,
        "canceled": 0,
    }
    assert card["id"] == write_id("card", int(card["id"].removeprefix("lcrd_"), 16))
