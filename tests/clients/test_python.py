"""The vendor's Python client, as PyPI has it, against a served dialect."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.conftest import APP_ID, APP_TOKEN, ClientShop

# Every method of loyalties is marked as deprecated in favour of the newer API.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.mark.timeout(180)
def test_the_client_does_what_redeeming_takes(client_shop: ClientShop) -> None:
    # It takes seconds to import: fourteen hundred modules of models.
    import voucherify

    told = voucherify.Configuration(
        host=client_shop.url, api_key={"X-App-Id": APP_ID, "X-App-Token": APP_TOKEN}
    )
    with voucherify.ApiClient(told) as client:
        journey = _Journey(voucherify, client, client_shop)
        journey.give_cards()
        journey.fund()
        journey.redeem()
        journey.roll_back()
        journey.look_back()
        journey.move()
        journey.purchase()
        journey.offer()
        journey.fail()
    proof = client_shop.prove()
    assert proof.code == 0, proof.out + proof.err


class _Journey:
    """One shop's calls, in order; `v` is the client's package, whose types are its own."""

    def __init__(self, v: Any, client: Any, shop: ClientShop) -> None:
        self.v = v
        self.client = client
        self.shop = shop
        self.api = v.LoyaltiesApi(client)
        self.rewards = v.RewardsApi(client)
        self.redemptions = v.RedemptionsApi(client)

    def give_cards(self) -> None:
        v = self.v
        customers = v.CustomersApi(self.client)
        self.customer = customers.create_customer(
            v.CustomersCreateRequestBody(source_id="PY-1", name="Pia Rook", email="p@shop.example")
        )
        assert customers.get_customer("PY-1").id == self.customer.id
        body = v.LoyaltiesMembersCreateRequestBody(customer=v.Customer(id=self.customer.id))
        card = self.api.add_member(self.shop.campaign, body)
        assert (card.type, card.holder_id) == ("LOYALTY_CARD", self.customer.id)
        assert self.api.add_member(self.shop.campaign, body).code == card.code
        self.code: str = card.code
        self.voucher_id: str = card.id
        self.campaign_id: str = card.campaign_id

    def fund(self) -> None:
        body = self.v.LoyaltiesMembersBalanceUpdateRequestBody
        added = self.api.update_loyalty_card_balance(
            self.code, body(points=1000, reason="Hello", source_id="CRM-7")
        )
        assert (added.points, added.total, added.balance) == (1000, 1000, 1000)
        taken = self.api.update_loyalty_card_balance1(
            self.campaign_id, self.code, body(points=-100)
        )
        assert (taken.points, taken.total, taken.balance) == (-100, 1000, 900)
        kept = self.api.update_loyalty_card_balance(
            self.code, body(points=50, expiration_type="NON_EXPIRING")
        )
        assert (kept.balance, kept.related_object.id) == (950, self.voucher_id)
        card = self.api.get_member(self.code)
        assert (card.loyalty_card.points, card.loyalty_card.balance) == (1050, 950)
        assert card.loyalty_card.next_expiration_points == 900
        assert self.api.get_member1(self.shop.campaign, self.code) == card
        listed = self.api.list_members(self.campaign_id, limit=10, customer="PY-1")
        assert [each.code for each in listed.vouchers] == [self.code]

    def redeem(self) -> None:
        v = self.v
        offered = self.api.list_member_rewards(self.code, affordable_only=True)
        by_name = {row.reward.name: row.reward.id for row in offered.data}
        self.coupon, self.mug = by_name["£5 off"], by_name["A mug"]
        wanted = v.LoyaltiesMembersRedemptionRedeemRequestBodyReward
        body = v.LoyaltiesMembersRedemptionRedeemRequestBody
        redeemed = self.api.redeem_reward(self.code, body(reward=wanted(id=self.coupon)))
        assert (redeemed.result, redeemed.status, redeemed.amount) == ("SUCCESS", "SUCCEEDED", 100)
        assert redeemed.reward.voucher.code
        assert redeemed.reward.voucher.discount.amount_off == 500
        assert (redeemed.voucher.code, redeemed.loyalty_card.points) == (self.code, 100)
        assert redeemed.voucher.loyalty_card.balance == 850
        self.taken = self.api.redeem_reward1(
            self.shop.campaign,
            self.code,
            body(reward=wanted(id=self.mug), metadata={"engraving": "P"}),
        )
        assert (self.taken.reward.type, self.taken.amount) == ("MATERIAL", 300)
        shown = self.redemptions.get_redemption(self.taken.id)
        assert (shown.id, shown.metadata) == (self.taken.id, {"engraving": "P"})

    def roll_back(self) -> None:
        back = self.redemptions.rollback_redemption(self.taken.id, reason="Chipped")
        assert (back.redemption, back.amount, back.reason) == (self.taken.id, -300, "Chipped")
        assert back.voucher.loyalty_card.balance == 850
        shown = self.redemptions.get_redemption(self.taken.id)
        assert (shown.status, shown.related_redemptions.rollbacks[0].id) == ("ROLLED_BACK", back.id)
        assert self.redemptions.get_redemption(back.id).object == "redemption_rollback"

    def look_back(self) -> None:
        first = self.api.list_loyalty_card_transactions(self.code, limit=2)
        assert [row.type.value for row in first.data] == ["POINTS_REFUND", "POINTS_REDEMPTION"]
        assert first.data[0].related_transaction_id == first.data[1].id
        assert first.data[0].details.rollback.id
        rest = self.api.list_loyalty_card_transactions1(
            self.campaign_id, self.code, starting_after_id=first.more_starting_after
        )
        assert [(row.type.value, row.details.balance.points) for row in rest.data] == [
            ("POINTS_REDEMPTION", -100),
            ("POINTS_ADDITION", 50),
            ("POINTS_REMOVAL", -100),
            ("POINTS_ADDITION", 1000),
        ]
        assert (rest.has_more, rest.data[-1].source_id) == (False, "CRM-7")
        assert [row.details.balance.total for row in rest.data] == [1050, 1050, 1000, 1000]
        days = self.api.list_points_expiration(self.campaign_id, self.code)
        assert [row.bucket.total_points for row in days.data] == [800]
        assert days.data[0].expires_at == (
            self.api.get_member(self.code).loyalty_card.next_expiration_date
        )

    def move(self) -> None:
        v = self.v
        other = self.api.add_member(
            self.shop.campaign,
            v.LoyaltiesMembersCreateRequestBody(customer=v.Customer(source_id="PY-2")),
        )
        moved = self.api.transfer_points(
            self.campaign_id,
            other.code,
            [v.LoyaltiesTransferPoints(code=self.code, points=150, source_id="T-1")],
        )
        assert (moved.code, moved.loyalty_card.balance) == (other.code, 150)
        last = self.api.list_loyalty_card_transactions(self.code, limit=1).data[0]
        assert (last.type.value, last.details.balance.points) == ("POINTS_TRANSFER_OUT", -150)

    def purchase(self) -> None:
        """Reach the newer API by the client's transport: it has no methods for it."""
        path = "/v2/loyalties/programs/{programId}/memberships/{customerId}"
        program = self.campaign_id.replace("camp_", "lprg_")
        names = {"programId": program, "customerId": self.customer.id}
        status, membership = self._call("GET", path, names)
        assert status == 200, membership
        names = {"programId": program, "memberId": membership["member"]["id"]}
        path = "/v2/loyalties/programs/{programId}/members/{memberId}/rewards/purchases"
        body = {"reward_id": self.coupon.replace("rew_", "lrew_")}
        status, bought = self._call("POST", path, names, body)
        assert (status, bought["status"]) == (202, "TRANSACTION_CREATED")
        assert bought["transaction"]["type"] == "POINTS_SPENT_ON_REWARD"
        deadline = time.monotonic() + 20
        polled: dict[str, Any] = {}
        while polled.get("status") != "APPROVED":
            assert time.monotonic() < deadline, polled
            time.sleep(0.05)
            _, page = self._call("GET", path, names)
            polled = page["data"][0]
        assert polled["card_transaction_id"] == bought["transaction"]["id"]
        status, refused = self._call("POST", path, names, {"reward_id": "lrew_0"})
        assert (status, refused["key"], refused["resource_type"]) == (404, "not_found", "reward")

    def _call(
        self, method: str, path: str, names: dict[str, str], body: object = None
    ) -> tuple[int, Any]:
        sent = self.client.param_serialize(
            method=method,
            resource_path=path,
            path_params=names,
            header_params={"Accept": "application/json", "Content-Type": "application/json"},
            body=body,
            auth_settings=["X-App-Id", "X-App-Token"],
        )
        answered = self.client.call_api(*sent)
        return answered.status, json.loads(answered.read())

    def offer(self) -> None:
        v = self.v
        campaign = self.api.create_loyalty_program(
            v.LoyaltiesCreateCampaignRequestBody(
                name="Made by a client",
                campaign_type="LOYALTY_PROGRAM",
                type="AUTO_UPDATE",
                voucher=v.CampaignLoyaltyVoucher(
                    type="LOYALTY_CARD",
                    loyalty_card=v.CampaignLoyaltyCard(
                        points=0,
                        expiration_rules=v.CampaignLoyaltyCardExpirationRules(
                            period_type="MONTH", period_value=3, rounding_type="END_OF_MONTH"
                        ),
                    ),
                ),
            )
        )
        rules = self.api.get_loyalty_program(campaign.id).voucher.loyalty_card.expiration_rules
        assert (rules.period_value, rules.rounding_type) == (3, "END_OF_MONTH")
        reward = self.rewards.create_reward(
            v.RewardsCreateRequestBody(
                name="A cap",
                stock=1,
                parameters=v.RewardsCreateRequestBodyParameters(
                    product=v.RewardsCreateRequestBodyParametersProduct(id="prod_cap")
                ),
            )
        )
        assert (reward.type, reward.stock) == ("MATERIAL", 1)
        assignment_id = self._assign(campaign.id, reward.id)
        refused = self._refused(lambda: self.rewards.delete_reward(reward.id))
        assert refused == (v.exceptions.BadRequestException, 400, "resource_in_use")
        self.api.delete_reward_assignment1(campaign.id, assignment_id)
        renamed = self.rewards.update_reward(
            reward.id, v.RewardsUpdateRequestBody(name="A red cap", stock=4)
        )
        shown = self.rewards.get_reward(reward.id)
        assert (renamed.name, shown.name, shown.stock) == ("A red cap", "A red cap", 4)
        assert reward.id in {row.id for row in self.rewards.list_rewards(limit=100).data}
        self.rewards.delete_reward(reward.id)
        updated = self.api.update_loyalty_program(
            campaign.id, v.LoyaltiesUpdateCampaignRequestBody(description="From a test")
        )
        assert (updated.description, updated.name) == ("From a test", "Made by a client")
        names = {each.name for each in self.api.list_loyalty_programs(limit=100).campaigns}
        assert names == {"Main", "Made by a client"}
        self.api.delete_loyalty_program(campaign.id)
        gone = self._refused(lambda: self.api.get_loyalty_program(campaign.id))
        assert gone == (v.exceptions.NotFoundException, 404, "not_found")

    def _assign(self, campaign_id: str, reward_id: str) -> str:
        """Have a campaign offer a reward, and change what it costs."""
        v = self.v
        item = v.LoyaltiesRewardsCreateAssignmentItemRequestBody
        loyalty = v.LoyaltiesRewardsCreateAssignmentItemRequestBodyParametersLoyalty
        terms = v.LoyaltiesRewardsCreateAssignmentItemRequestBodyParameters
        assigned = self.api.create_reward_assignment1(
            campaign_id, [item(reward=reward_id, parameters=terms(loyalty=loyalty(points=70)))]
        )
        assert assigned.parameters.loyalty.points == 70
        self._take_the_cap(campaign_id, reward_id)
        listed = self.api.list_reward_assignments2(campaign_id)
        assert [(row.id, row.reward_id) for row in listed.data] == [(assigned.id, reward_id)]
        assert self.api.get_reward_assignment2(campaign_id, assigned.id).id == assigned.id
        assert self.api.list_reward_assignments1(campaign_id).data == listed.data
        assert self.api.get_reward_assignment1(campaign_id, assigned.id).reward_id == reward_id
        assert self.api.get_reward_details(campaign_id, assigned.id).name == "A cap"
        changed = self.api.update_reward_assignment1(
            campaign_id,
            assigned.id,
            v.LoyaltiesRewardsUpdateAssignmentRequestBody(
                parameters=v.LoyaltiesRewardsUpdateAssignmentRequestBodyParameters(
                    loyalty=v.LoyaltiesRewardsUpdateAssignmentRequestBodyParametersLoyalty(
                        points=80
                    )
                )
            ),
        )
        assert changed.parameters.loyalty.points == 80
        return str(assigned.id)

    def _take_the_cap(self, campaign_id: str, reward_id: str) -> None:
        """Sell out a reward that calls have made, with a card of a campaign that they have made."""
        v = self.v
        card = self.api.add_member(
            campaign_id, v.LoyaltiesMembersCreateRequestBody(customer=v.Customer(source_id="PY-3"))
        )
        self.api.update_loyalty_card_balance(
            card.code, v.LoyaltiesMembersBalanceUpdateRequestBody(points=200)
        )
        body = v.LoyaltiesMembersRedemptionRedeemRequestBody(
            reward=v.LoyaltiesMembersRedemptionRedeemRequestBodyReward(id=reward_id)
        )
        taken = self.api.redeem_reward1(campaign_id, card.code, body)
        assert (taken.amount, taken.reward.product.id) == (70, "prod_cap")
        refused = self._refused(lambda: self.api.redeem_reward(card.code, body))
        assert refused == (v.exceptions.BadRequestException, 400, "quantity_exceeded")
        assert self.api.list_member_rewards(card.code, affordable_only=True).data == []

    def fail(self) -> None:
        v = self.v
        bad, missing = v.exceptions.BadRequestException, v.exceptions.NotFoundException
        body = v.LoyaltiesMembersRedemptionRedeemRequestBody
        wanted = v.LoyaltiesMembersRedemptionRedeemRequestBodyReward
        take = v.LoyaltiesMembersBalanceUpdateRequestBody(points=-500)
        self.api.update_loyalty_card_balance(self.code, take)
        exceeded = (bad, 400, "loyalty_card_points_exceeded")
        buy = body(reward=wanted(id=self.mug))
        assert self._refused(lambda: self.api.redeem_reward(self.code, buy)) == exceeded
        again = self._refused(lambda: self.api.update_loyalty_card_balance(self.code, take))
        assert again == exceeded
        for call in (
            lambda: self.api.get_member("NOBODY"),
            lambda: self.api.redeem_reward("NOBODY", buy),
            lambda: self.api.redeem_reward1("camp_0", self.code, buy),
            lambda: self.api.redeem_reward(self.code, body(reward=wanted(id="rew_0"))),
            lambda: self.redemptions.get_redemption("r_0"),
        ):
            assert self._refused(call) == (missing, 404, "not_found")
        said = self._refused(lambda: self.api.redeem_reward(self.code, body()))
        assert said == (bad, 400, "missing_reward")
        twice = self._refused(lambda: self.redemptions.rollback_redemption(self.taken.id))
        assert twice == (bad, 400, "already_rolled_back")
        told = v.Configuration(
            host=self.shop.url, api_key={"X-App-Id": APP_ID, "X-App-Token": "not it"}
        )
        with v.ApiClient(told) as stranger:
            api = v.LoyaltiesApi(stranger)
            refused = self._refused(lambda: api.get_member(self.code))
        assert refused == (v.exceptions.UnauthorizedException, 401, "unauthorized")

    def _refused(self, call: Callable[[], object]) -> tuple[type, int, str]:
        """Give what a call raised: its class, its status and the key in its body."""
        with pytest.raises(self.v.exceptions.ApiException) as caught:
            call()
        error: Any = caught.value
        return type(error), error.status, json.loads(error.body)["key"]
