"""What conditions may ask of members."""

import msgspec

from guerdon.domain.condition import Traits
from guerdon.domain.ids import MemberId, MerchantId
from guerdon.store.connection import Connection
from guerdon.store.statements import statements

_SQL = statements("traits")
_documents = msgspec.json.Decoder(dict[str, object])


async def list_traits(
    tx: Connection, merchant_id: MerchantId, member_ids: list[MemberId]
) -> dict[MemberId, Traits]:
    """List what the shop says of members and of the customers that they are."""
    rows = await tx.fetch(_SQL["list_traits"], merchant_id, member_ids)
    return {row[0]: Traits(member=_read(row[1]), customer=_read(row[2])) for row in rows}


def _read(text: str | None) -> dict[str, object]:
    return {} if text is None else _documents.decode(text)
