"""What every process hands to the engine, made from the settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from guerdon.config import Config
from guerdon.domain.webhook_url import UrlRules
from guerdon.engine.runtime import Runtime, utc_now
from guerdon.engine.sealing import Seal
from guerdon.store.connection import Pool


def make_runtime(config: Config, pool: Pool, *, needs_seal: bool = False) -> Runtime:
    """Make the runtime of a command that only works on the database. With `needs_seal`, a lacking
    key is said now and not at the first secret to be kept."""
    return Runtime(
        pool=pool,
        seal=_seal_of(config, is_needed=needs_seal),
        webhook_urls=url_rules(config),
        fulfil_seconds=config.fulfil_seconds,
        queue_delay_seconds=config.voucherify_delay_seconds,
    )


@asynccontextmanager
async def open_runtime(config: Config, pool: Pool) -> AsyncIterator[Runtime]:
    """Make the runtime of a process that reaches out: to platforms, and to shops' own addresses.

    Its connections are closed at the end; whatever uses it has to be over by then."""
    from guerdon.cli.outside import reach_out

    rules = url_rules(config)
    async with reach_out(rules, utc_now) as outside:
        yield Runtime(
            pool=pool,
            fulfillers=outside.fulfillers,
            couriers=outside.couriers,
            failure_rules=outside.failure_rules,
            directory=outside.directory,
            readers=outside.readers,
            minters=outside.minters,
            probers=outside.probers,
            publisher=outside.publisher,
            seal=_seal_of(config),
            webhook_urls=rules,
            fulfil_seconds=config.fulfil_seconds,
            queue_delay_seconds=config.voucherify_delay_seconds,
        )


def url_rules(config: Config) -> UrlRules:
    """Give what the operator allows of webhooks' addresses."""
    return UrlRules(
        allows_http=config.webhook_allow_http, allows_private=config.webhook_allow_private
    )


def _seal_of(config: Config, *, is_needed: bool = False) -> Seal | None:
    if is_needed or config.is_embedded or config.secret_key is not None:
        return Seal(config.get_secret_key().encode())
    return None
