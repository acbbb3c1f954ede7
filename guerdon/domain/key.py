"""A caller's credential, as we keep it: never the secret itself."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from guerdon.domain.ids import KeyId, MerchantId, ProgramId

Access = Literal["full", "read"]


class Key(Struct, frozen=True, kw_only=True):
    """`secret_hash` is SHA-256; `secret_hint` the first characters, to tell keys apart by eye.

    `app_id` is the public half of a pair of credentials, where a dialect has pairs. `is_managed`
    keys belong to a program file, which may revoke them."""

    id: KeyId
    merchant_id: MerchantId
    program_id: ProgramId | None
    dialect: str
    name: str
    app_id: str | None
    secret_hash: bytes
    secret_hint: str
    access: Access
    scopes: tuple[str, ...]
    is_managed: bool
    created_at: datetime
    revoked_at: datetime | None
