"""What one shop holds. Nothing here knows GraphQL."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from guerdon.sandbox.shopify.failures import Fields

DiscountKind = Literal["basic", "free_shipping", "bxgy"]

SCOPES = (
    "read_customers",
    "write_customers",
    "read_discounts",
    "write_discounts",
    "read_gift_cards",
    "write_gift_cards",
    "read_orders",
    "read_products",
    "read_store_credit_accounts",
    "read_store_credit_account_transactions",
    "write_store_credit_account_transactions",
)


@dataclass(kw_only=True)
class Customer:
    id: int
    created_at: datetime
    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    tags: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class RedeemCode:
    id: int
    code: str


@dataclass(kw_only=True)
class Discount:
    """`terms` are the input as it was given, its scalars already read; updates are merged in.

    `customers` is None where everybody may use it."""

    id: int
    kind: DiscountKind
    terms: Fields
    codes: list[RedeemCode]
    customers: list[int] | None
    starts_at: datetime
    ends_at: datetime | None
    created_at: datetime
    updated_at: datetime

    def status(self, now: datetime) -> str:
        if self.ends_at is not None and self.ends_at <= now:
            return "EXPIRED"
        return "SCHEDULED" if self.starts_at > now else "ACTIVE"


@dataclass(kw_only=True)
class BulkCreation:
    """Codes on their way to a discount. They arrive at `done_at`, and only then can they fail."""

    id: int
    discount_id: int
    codes: list[str]
    created_at: datetime
    done_at: datetime
    is_done: bool = False
    made: dict[str, RedeemCode] = field(default_factory=dict)
    failed: dict[str, Fields] = field(default_factory=dict)


@dataclass(kw_only=True)
class GiftCard:
    id: int
    code: str
    amount: Decimal
    currency: str
    note: str | None
    customer_id: int | None
    expires_on: date | None
    created_at: datetime
    updated_at: datetime
    deactivated_at: datetime | None = None
    cross_currency: str = "NONE"


@dataclass(kw_only=True)
class CreditTransaction:
    id: int
    amount: Decimal
    balance_after: Decimal
    created_at: datetime
    expires_at: datetime | None


@dataclass(kw_only=True)
class CreditAccount:
    id: int
    customer_id: int
    currency: str
    balance: Decimal = Decimal(0)
    transactions: list[CreditTransaction] = field(default_factory=list)


@dataclass(kw_only=True)
class Metafield:
    id: int
    owner: str
    namespace: str
    key: str
    type: str
    value: str
    created_at: datetime
    updated_at: datetime


@dataclass(kw_only=True)
class MetafieldDefinition:
    id: int
    owner_type: str
    namespace: str
    key: str
    name: str
    type: str
    description: str | None
    access: Fields


@dataclass(kw_only=True)
class Subscription:
    id: int
    topic: str
    uri: str
    include_fields: list[str]
    filter: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(kw_only=True)
class ShopSettings:
    """What differs between shops, and decides what Shopify refuses."""

    currency: str = "GBP"
    timezone: str = "Europe/London"
    sells_subscriptions: bool = False
    gift_card_limit: Decimal = Decimal(2000)
    credit_limit: Decimal = Decimal(10000)
    scopes: tuple[str, ...] = SCOPES


class Shop:
    """One shop's rows, by their ids."""

    def __init__(
        self,
        domain: str,
        *,
        now: Callable[[], datetime],
        first_id: int,
        strict_customers: bool,
        bulk_seconds: float,
    ) -> None:
        self.domain = domain
        self.settings = ShopSettings()
        self.app_id = 31_337
        self.created_at = now()
        self._now = now
        self._next_id = first_id
        self._strict_customers = strict_customers
        self._bulk_seconds = bulk_seconds
        self.customers: dict[int, Customer] = {}
        self.discounts: dict[int, Discount] = {}
        self.bulk_creations: dict[int, BulkCreation] = {}
        self.gift_cards: dict[int, GiftCard] = {}
        self.credit_accounts: dict[int, CreditAccount] = {}
        self.metafields: dict[tuple[str, str, str], Metafield] = {}
        self.definitions: dict[tuple[str, str, str], MetafieldDefinition] = {}
        self.subscriptions: dict[int, Subscription] = {}
        # Upper and lower case are the same code.
        self._discount_by_code: dict[str, int] = {}

    def now(self) -> datetime:
        return self._now()

    def second(self) -> datetime:
        """Give the time as Shopify stores it."""
        return self._now().replace(microsecond=0)

    def take_id(self) -> int:
        self._next_id += 1
        return self._next_id

    def find_customer(self, number: int | None) -> Customer | None:
        return None if number is None else self.customers.get(number)

    def customer_to_use(self, number: int | None) -> Customer | None:
        """Find a customer something is to be given to; unless the shop is strict, make one."""
        if number is None or number in self.customers or self._strict_customers:
            return self.find_customer(number)
        made = Customer(id=number, created_at=self.second())
        self.customers[number] = made
        return made

    def find_by_code(self, code: str) -> Discount | None:
        number = self._discount_by_code.get(code.casefold())
        return None if number is None else self.discounts[number]

    def add_discount(self, discount: Discount) -> None:
        self.discounts[discount.id] = discount
        for code in discount.codes:
            self._discount_by_code[code.code.casefold()] = discount.id

    def rename_first_code(self, discount: Discount, code: str) -> None:
        first = discount.codes[0]
        del self._discount_by_code[first.code.casefold()]
        first.code = code
        self._discount_by_code[code.casefold()] = discount.id

    def delete_discount(self, discount: Discount) -> None:
        del self.discounts[discount.id]
        for code in discount.codes:
            del self._discount_by_code[code.code.casefold()]

    def add_code(self, discount: Discount, code: str) -> RedeemCode | None:
        """Add a code to a discount; None where the shop has it already."""
        if code.casefold() in self._discount_by_code:
            return None
        made = RedeemCode(id=self.take_id(), code=code)
        discount.codes.append(made)
        self._discount_by_code[code.casefold()] = discount.id
        return made

    def remove_codes(self, discount: Discount, ids: set[int]) -> None:
        for code in [code for code in discount.codes if code.id in ids]:
            discount.codes.remove(code)
            del self._discount_by_code[code.code.casefold()]

    def start_bulk(self, discount: Discount, codes: list[str]) -> BulkCreation:
        made = BulkCreation(
            id=self.take_id(),
            discount_id=discount.id,
            codes=codes,
            created_at=self.second(),
            done_at=self.now() + timedelta(seconds=self._bulk_seconds),
        )
        self.bulk_creations[made.id] = made
        return made

    def settle(self) -> None:
        """Let the codes arrive whose time has come. Called before anything is read."""
        now = self.now()
        for creation in self.bulk_creations.values():
            if not creation.is_done and creation.done_at <= now:
                self._finish(creation)

    def _finish(self, creation: BulkCreation) -> None:
        creation.is_done = True
        discount = self.discounts.get(creation.discount_id)
        for code in creation.codes:
            made = None if discount is None else self.add_code(discount, code)
            if made is None:
                creation.failed[code] = {
                    "field": ["code"],
                    "code": "TAKEN",
                    "message": "Code must be unique. Please try a different code.",
                    "extraInfo": None,
                }
            else:
                creation.made[code] = made
