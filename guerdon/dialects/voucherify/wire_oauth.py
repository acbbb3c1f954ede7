"""Bearer tokens, in the vendor's words."""

from typing import Literal

from msgspec import Struct


class GrantForm(Struct, frozen=True):
    """A form, not JSON. Without a `scope` the token has `api`, which covers all."""

    grant_type: Literal["client_credentials"]
    scope: str | None = None


class TokenForm(Struct, frozen=True):
    """A form, not JSON."""

    access_token: str


class Token(Struct, frozen=True, kw_only=True):
    """`expires_at` is in seconds since 1970, `expires_in` in seconds; `scope` lists what the token
    may do, separated by spaces."""

    access_token: str
    client_id: str
    expires_at: int
    expires_in: int
    scope: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 -- a kind of token, and none itself


class LiveToken(Token, frozen=True, kw_only=True):
    active: Literal[True] = True


class DeadToken(Struct, frozen=True):
    active: Literal[False] = False
