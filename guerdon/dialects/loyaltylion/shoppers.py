"""Who an order or an activity is of, as the caller names them."""

import re
from typing import Any

import msgspec

from guerdon.dialects.loyaltylion.errors import invalid

METADATA_BYTES_MAX = 16_384

# An address outside ASCII has no spelling in lower case that all agree on.
_EMAIL = re.compile(r"[!-?A-~]+@[!-?A-~]+")
_EMAIL_LENGTH_MAX = 254
_encode = msgspec.json.Encoder().encode


def email_of(text: str | None, name: str) -> str | None:
    """Read an e-mail address, in lower case; a blank one is none."""
    address = (text or "").strip()
    if not address:
        return None
    if len(address) > _EMAIL_LENGTH_MAX or not _EMAIL.fullmatch(address):
        raise invalid(name, "expected e-mail address")
    return address.lower()


def metadata_of(value: dict[str, Any] | None, name: str) -> str | None:
    """Write the caller's own object as JSON, to be kept; an empty one is none."""
    if not value:
        return None
    encoded = _encode(value)
    if len(encoded) > METADATA_BYTES_MAX:
        raise invalid(name, f"must be at most {METADATA_BYTES_MAX} bytes of JSON")
    return encoded.decode()
