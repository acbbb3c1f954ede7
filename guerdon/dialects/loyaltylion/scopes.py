"""What a key may be allowed, in the vendor's words."""

from typing import Literal, get_args

Scope = Literal[
    "read_customers",
    "write_customers",
    "read_unsubscribes",
    "write_unsubscribes",
    "read_orders",
    "write_orders",
    "read_reviews",
    "write_reviews",
    "write_configuration",
]
SCOPES: tuple[Scope, ...] = get_args(Scope)


def covers(granted: tuple[str, ...], wanted: str) -> bool:
    """Say whether what was granted allows what is wanted: who may write may also read."""
    if wanted in granted:
        return True
    return wanted.startswith("read_") and f"write_{wanted.removeprefix('read_')}" in granted
