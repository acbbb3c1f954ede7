"""Each merchant's ids and the version of its offers."""

from guerdon.domain.ids import MerchantId
from guerdon.store.connection import Connection
from guerdon.store.statements import statements

_SQL = statements("sequences")


async def lock_sequence(tx: Connection, merchant_id: MerchantId) -> tuple[int, int]:
    """Lock the merchant's sequence: no batch of it is then between write and commit.

    Gives the next id and the version of the offers."""
    row = await tx.fetchrow(_SQL["lock_sequence"], merchant_id)
    assert row is not None, "every merchant has a sequence"
    return row[0], row[1]


async def take_ids(tx: Connection, merchant_id: MerchantId, count: int) -> int:
    """Take a run of ids and lock the sequence until commit; give the first."""
    first: int = await tx.fetchval(_SQL["take_ids"], merchant_id, count)
    return first


async def claim_ids(tx: Connection, merchant_id: MerchantId, first: int, end: int) -> bool:
    """Take the ids from `first` to before `end`, and lock the sequence until commit; say False, and
    do nothing, where one of them was given out. What is below `first` is never given out then."""
    return await tx.fetchval(_SQL["claim_ids"], merchant_id, first, end) is not None


async def bump_catalogue_version(tx: Connection, merchant_id: MerchantId) -> int:
    """Raise the version of the merchant's offers; batches under way will read them anew."""
    version: int = await tx.fetchval(_SQL["bump_catalogue_version"], merchant_id)
    return version


async def insert_sequence(tx: Connection, merchant_id: MerchantId, next_id: int) -> None:
    """Begin a merchant's ids."""
    await tx.execute(_SQL["insert_sequence"], merchant_id, next_id)


async def get_catalogue_version(tx: Connection, merchant_id: MerchantId) -> int:
    """Give the version of the merchant's offers."""
    version: int = await tx.fetchval(_SQL["get_catalogue_version"], merchant_id)
    return version
