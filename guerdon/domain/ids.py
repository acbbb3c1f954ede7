"""A type per id, so that one cannot be passed for another. All are integers below 2^53."""

from typing import NewType

MerchantId = NewType("MerchantId", int)
ProgramId = NewType("ProgramId", int)
PointTypeId = NewType("PointTypeId", int)
TierId = NewType("TierId", int)
RewardId = NewType("RewardId", int)
RewardVersionId = NewType("RewardVersionId", int)
RuleId = NewType("RuleId", int)
TemplateId = NewType("TemplateId", int)
MemberId = NewType("MemberId", int)
WalletId = NewType("WalletId", int)
LotId = NewType("LotId", int)
EntryId = NewType("EntryId", int)
RedemptionId = NewType("RedemptionId", int)
EarningId = NewType("EarningId", int)
PaymentId = NewType("PaymentId", int)
EventId = NewType("EventId", int)
KeyId = NewType("KeyId", int)
SubscriptionId = NewType("SubscriptionId", int)
DeliveryId = NewType("DeliveryId", int)
InboxId = NewType("InboxId", int)
