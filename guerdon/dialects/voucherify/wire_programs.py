"""Programs, in the vendor's words."""

from typing import Literal

from msgspec import Struct

from guerdon.dialects.voucherify.wire import Json

Status = Literal["DRAFT", "ACTIVE", "INACTIVE", "DELETED"]


class Program(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    status: Status
    metadata: dict[str, Json]
    object: str = "program"
