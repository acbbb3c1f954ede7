"""The quick form of a new purchase says what the general form says of it."""

from datetime import timedelta

import msgspec

from guerdon.dialects.voucherify.behind import Behind
from guerdon.dialects.voucherify.translate_purchase import purchase_in_seed_form
from guerdon.dialects.voucherify.translate_results import Cards
from guerdon.dialects.voucherify.translate_transactions import purchase_card_transaction
from guerdon.domain.ids import MemberId, RedemptionId, TemplateId, WalletId
from guerdon.domain.redemption import Redemption
from guerdon.store.card_transactions import Card
from tests.builders.shop import FOUNDED, POINT_TYPE, PROGRAM, make_reward, make_shop
from tests.builders.state import make_catalogue


def test_the_quick_form_is_the_general_one() -> None:
    reward = make_reward(7, template_id=TemplateId(4242))
    redemption = Redemption(
        id=RedemptionId(900_001),
        program_id=PROGRAM,
        member_id=MemberId(5),
        wallet_id=WalletId(6),
        reward_id=reward.id,
        reward_version_id=reward.version_id,
        status="pending",
        points_cost=320,
        code="NOT-YET-TOLD",
        fulfilment="queued",
        created_at=FOUNDED,
        updated_at=FOUNDED,
    )
    card = Card(id=WalletId(6), member_id=MemberId(5), program_id=PROGRAM, point_type_id=POINT_TYPE)
    behind = Behind(
        profile="seed",
        catalogue=make_catalogue(make_shop(rewards=(reward,))),
        now=FOUNDED,
        delay=timedelta(seconds=1),
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
    general = msgspec.to_builtins(purchase_card_transaction(redemption, card, behind))
    quick = msgspec.to_builtins(purchase_in_seed_form(redemption, card, reward))
    assert quick == {
        "transaction": general,
        "status": "TRANSACTION_CREATED",
        "message": "Points spent on reward transaction created",
    }
    assert "NOT-YET-TOLD" not in str(quick)
