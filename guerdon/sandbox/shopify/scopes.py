"""The access scope that a root field needs; without it the field is denied."""

_SCOPES = {
    "read_discounts": "codeDiscountNodeByCode discountNode discountNodes"
    " discountRedeemCodeBulkCreation",
    "write_discounts": "discountCodeBasicCreate discountCodeBasicUpdate discountCodeBxgyCreate"
    " discountCodeBxgyUpdate discountCodeFreeShippingCreate discountCodeFreeShippingUpdate"
    " discountCodeActivate discountCodeDeactivate discountCodeDelete discountRedeemCodeBulkAdd"
    " discountCodeRedeemCodeBulkDelete",
    "read_customers": "customer customerByIdentifier customers",
    "write_customers": "tagsAdd tagsRemove",
    "read_gift_cards": "giftCard giftCards giftCardConfiguration",
    "write_gift_cards": "giftCardCreate giftCardUpdate giftCardDeactivate",
    "read_store_credit_accounts": "storeCreditAccount storeCreditConfiguration",
    "write_store_credit_account_transactions": "storeCreditAccountCredit storeCreditAccountDebit",
    "read_orders": "order orders orderByIdentifier",
}
_BY_FIELD = {field: scope for scope, fields in _SCOPES.items() for field in fields.split()}


def scope_of(root_field: str) -> str | None:
    """Give the scope a root field needs, if it needs one."""
    return _BY_FIELD.get(root_field)
