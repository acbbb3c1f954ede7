"""All that transactions name, and how they name each other."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from guerdon.dialects.voucherify import wire_transactions as w
from guerdon.dialects.voucherify.call import PurchaseProfile
from guerdon.dialects.voucherify.ids import write_id
from guerdon.dialects.voucherify.translate_results import Cards
from guerdon.domain.catalogue import Catalogue, Reward
from guerdon.domain.earning import Earning
from guerdon.domain.ids import EarningId, EntryId, LotId, RedemptionId, RewardVersionId
from guerdon.domain.order_payment import OrderPayment
from guerdon.domain.redemption import Redemption
from guerdon.store.card_transactions import Credit
from guerdon.store.purchases import Refund

# A refund's reward transaction has the id after its entry's, as a purchase's that after its own.
NEXT = 1


class Behind(Struct, frozen=True, kw_only=True):
    """All that transactions name, as it stands in one view, and how they are to be shown.

    What is queued is processed once it is `delay` old, as seen at `now`. `orders` gives the numbers
    of the orders that were paid, by the shop's own ids."""

    profile: PurchaseProfile
    catalogue: Catalogue
    now: datetime
    delay: timedelta
    cards: Cards
    redemptions: Mapping[RedemptionId, Redemption]
    versions: Mapping[RewardVersionId, Reward]
    credits: Mapping[RedemptionId, Credit]
    refunds: Mapping[RedemptionId, Refund]
    expiries: Mapping[LotId, datetime | None]
    earnings: Mapping[EarningId, Earning]
    payments: Mapping[EntryId, OrderPayment]
    orders: Mapping[str, int]

    def reward_of(self, redemption: Redemption) -> Reward:
        """Give the reward as it was when it was bought."""
        return self.versions[redemption.reward_version_id]

    @property
    def is_seed(self) -> bool:
        return self.profile == "seed"


def reward_transaction_id(redemption_id: int) -> str:
    return write_id("reward_transaction", redemption_id + NEXT)


def purchase_ref(redemption_id: int) -> w.PurchaseRef:
    return w.PurchaseRef(
        w.Ref(write_id("card_transaction", redemption_id)),
        w.Ref(reward_transaction_id(redemption_id)),
    )
