"""The application of a web process: opened when the process starts, closed when it ends."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from multiprocessing import parent_process

import structlog

from guerdon.cli.database import open_database
from guerdon.cli.logs import set_up_logs
from guerdon.cli.running import open_runtime
from guerdon.config import Config, read_config
from guerdon.dialects.voucherify.call import Settings as VoucherifySettings
from guerdon.engine.collecting import tune_collector
from guerdon.engine.redeeming import finish_under_way
from guerdon.engine.submitting import Ledger
from guerdon.http.asgi import Receive, Scope, Send
from guerdon.store.connection import open_pool
from guerdon.web import WebApp, create_app

_PARENT_SECONDS = 1.0
_log = structlog.get_logger(__name__)


class Served:
    """Opens connections in the process's own event loop, and closes them when the last request
    has its answer."""

    def __init__(self, config: Config, *, parent: int | None = None) -> None:
        self._config = config
        self._parent = parent
        self._app: WebApp | None = None
        self._open = AsyncExitStack()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            assert self._app is not None, "no request comes before the start is complete"
            await self._app(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._start()
        except Exception as error:  # noqa: BLE001 -- whatever it is, the process must say and end
            _log.exception("start_failed")
            await self._open.aclose()
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        if self._parent is not None:
            self._follow_parent()
        await receive()
        await self._open.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    def _follow_parent(self) -> None:
        """Stop when the parent was killed, or the port would be held by processes nobody minds."""
        if os.getppid() != self._parent:
            os.kill(os.getpid(), signal.SIGTERM)
            return
        asyncio.get_running_loop().call_later(_PARENT_SECONDS, self._follow_parent)

    async def _start(self) -> None:
        config = self._config
        url = self._open.enter_context(open_database(config))
        pool = await open_pool(url, size=config.pool_size, application="guerdon web")
        self._open.push_async_callback(pool.close)
        runtime = await self._open.enter_async_context(open_runtime(config, pool))
        ledger = Ledger(runtime)
        self._open.push_async_callback(ledger.close)
        self._open.push_async_callback(finish_under_way)
        self._app = create_app(
            ledger,
            hosts=config.hosts,
            mage_calls_per_second_max=config.mage_rate_limit,
            loyaltylion_calls_per_second_max=config.loyaltylion_rate_limit,
            loyaltylion_strict_seed_keys=config.loyaltylion_strict_seed_keys,
            voucherify_calls_per_minute_max=config.voucherify_rate_limit,
            voucherify_settings=VoucherifySettings(
                purchase_profile=config.voucherify_purchase_profile,
            ),
        )
        tune_collector()


def make_served() -> Served:
    """Make the application of one of several web processes."""
    config = read_config()
    set_up_logs(config)
    parent = parent_process()
    return Served(config, parent=None if parent is None else parent.pid)
