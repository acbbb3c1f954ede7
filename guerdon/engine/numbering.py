"""Ids for what a batch decides on, before they are taken."""

from collections.abc import Callable

from guerdon.domain.ids import MerchantId


class FreshIds:
    """Hands out a run of ids from a first one, and random bits."""

    __slots__ = ("bits", "first", "next")

    def __init__(self, first: int, bits: Callable[[], int]) -> None:
        self.first = first
        self.next = first
        self.bits = bits

    def next_id(self) -> int:
        """Give the next id of the run."""
        given = self.next
        self.next = given + 1
        return given


class Numbers:
    """Where each merchant's ids probably stand, as far as this process can tell: after the batches
    that it has under way."""

    def __init__(self) -> None:
        self._next: dict[MerchantId, int] = {}

    def guess(self, merchant_id: MerchantId, at_least: int) -> int:
        """Guess the next id, which is known not to be below `at_least`."""
        return max(self._next.get(merchant_id, 1), at_least)

    def set(self, merchant_id: MerchantId, next_id: int) -> None:
        """A batch has been decided on ids up to here, or they turned out to be taken."""
        self._next[merchant_id] = next_id

    def raise_to(self, merchant_id: MerchantId, next_id: int) -> None:
        """A batch has taken ids up to here; others may have decided on later ones."""
        self._next[merchant_id] = max(next_id, self._next.get(merchant_id, 1))
