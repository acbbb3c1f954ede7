"""A platform that a merchant is connected to."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

# 'endpoint' is the shop's own address, which hands over what no platform does.
IntegrationKind = Literal["shopify", "klaviyo", "omnisend", "postscript", "endpoint"]


class Integration(Struct, frozen=True, kw_only=True):
    """`definition` is what may be shown: addresses and versions, never a secret."""

    kind: IntegrationKind
    definition: dict[str, str | None]
    created_at: datetime
    updated_at: datetime
