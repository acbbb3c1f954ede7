"""Who calls, and which sites there are."""

from typing import Literal

from msgspec import Struct


class Identity(Struct, frozen=True):
    kind: Literal["api_key", "token_secret"]
    account_id: int
    program_id: int
    scopes: list[str]
    integration: None


class Site(Struct, frozen=True):
    id: int
    program_id: int
    account_id: int
    name: str
    url: str
    platform: Literal["shopify", "custom"]
    currencies: list[str]
    languages: list[str]
    created_at: str
    updated_at: str


class Sites(Struct, frozen=True):
    sites: list[Site]
