"""What the engine needs from outside, as protocols."""

from typing import Protocol

from msgspec import Struct

from guerdon.domain.catalogue import Merchant, Reward
from guerdon.domain.member import Member
from guerdon.domain.redemption import Redemption


class Fulfilled(Struct, frozen=True):
    """The reward is the member's. `code` where the platform chose another than ours."""

    code: str | None = None


class FulfilmentFailed(Exception):
    """The platform did not hand the reward over, and is known not to have.

    `is_permanent`: trying again cannot help."""

    def __init__(self, reason: str, *, is_permanent: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_permanent = is_permanent


class Fulfiller(Protocol):
    """Hands a reward over on a platform. Called with no transaction open; may be called twice for
    one redemption, whose id (and code) make that the same as once."""

    async def fulfil(
        self, merchant: Merchant, member: Member, reward: Reward, redemption: Redemption
    ) -> Fulfilled:
        """Hand over, or raise FulfilmentFailed. Any other outcome is unknown and left pending."""
        ...


class DirectoryEntry(Struct, frozen=True):
    """A customer as the shop's platform knows them."""

    external_id: str
    email: str | None
    first_name: str | None
    last_name: str | None


class Directory(Protocol):
    """Looks customers up on the shop's platform."""

    async def find_customer(self, merchant: Merchant, external_id: str) -> DirectoryEntry | None:
        """Find a customer; None where there is none. Raises Unavailable when out of reach."""
        ...
