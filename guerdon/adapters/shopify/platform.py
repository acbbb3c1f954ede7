"""Shopify as the engine is given it: everything that is done there, over shared connections."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from guerdon.adapters.shopify.client import ANSWER_SECONDS
from guerdon.adapters.shopify.deliver import ShopifyCourier
from guerdon.adapters.shopify.directory import ShopifyDirectory
from guerdon.adapters.shopify.fulfil import DiscountFulfiller
from guerdon.adapters.shopify.gift_cards import GiftCardFulfiller
from guerdon.adapters.shopify.pool import ShopifyMinter
from guerdon.adapters.shopify.publish import ShopifyPublisher
from guerdon.adapters.shopify.shops import Shops
from guerdon.adapters.shopify.store_credit import StoreCreditFulfiller
from guerdon.domain.catalogue import FulfilBy
from guerdon.engine.ports import Directory, Fulfiller, PoolMinter, Publisher


@dataclass(frozen=True, kw_only=True)
class Shopify:
    """`shops` is to be closed when the process ends."""

    shops: Shops
    fulfillers: Mapping[FulfilBy, Fulfiller]
    courier: ShopifyCourier
    directory: Directory
    minters: Mapping[FulfilBy, PoolMinter]
    publisher: Publisher


def make_shopify(now: Callable[[], datetime], *, answer_seconds: float = ANSWER_SECONDS) -> Shopify:
    """Make everything that is done on Shopify; nothing is opened before the first call."""
    shops = Shops(answer_seconds=answer_seconds)
    return Shopify(
        shops=shops,
        fulfillers={
            "shopify": DiscountFulfiller(shops),
            "gift_card": GiftCardFulfiller(shops),
            "store_credit": StoreCreditFulfiller(shops, now),
        },
        courier=ShopifyCourier(shops, now),
        directory=ShopifyDirectory(shops),
        minters={"shopify_pool": ShopifyMinter(shops, now)},
        publisher=ShopifyPublisher(shops),
    )
