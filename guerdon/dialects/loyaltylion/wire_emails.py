"""Who wants no loyalty e-mails."""

from msgspec import Struct


class UnsubscribeBody(Struct, frozen=True):
    email: str


class Unsubscribe(Struct, frozen=True):
    """`id` is the shop's own id of whoever has the address; null where nobody has."""

    email: str
    id: str | None
