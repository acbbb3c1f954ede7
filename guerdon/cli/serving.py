"""`guerdon serve` and `guerdon worker`: the two processes."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from guerdon.cli.console import fail, note, warn

if TYPE_CHECKING:
    from guerdon.config import Config

commands = typer.Typer()

# Together less than the half minute that supervisors give before they kill.
_GRACE_SECONDS = 15
_WORKER_GRACE_SECONDS = 10
_BACKLOG = 2048


@commands.command()
def serve(
    workers: Annotated[
        int | None, typer.Option(help="Web processes. [default: GUERDON_WORKERS or 1]", min=1)
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="0 takes a free one. [default: GUERDON_PORT or 8700]", min=0, max=65535),
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. [default: GUERDON_HOST or 127.0.0.1]")
    ] = None,
    with_worker: Annotated[
        bool | None,
        typer.Option(
            "--with-worker/--no-worker",
            help="Run the background process too. [default: with the embedded database]",
        ),
    ] = None,
) -> None:
    """Serve the dialects over HTTP until told to stop."""
    from guerdon.cli.database import open_database, require_schema
    from guerdon.cli.logs import set_up_logs
    from guerdon.config import read_config

    config = read_config()
    set_up_logs(config)
    listener = _listen(host or config.host, config.port if port is None else port)
    with listener, open_database(config) as url:
        require_schema(url, config)
        _announce(config, listener)
        has_worker = config.is_embedded if with_worker is None else with_worker
        if has_worker:
            with _worker_beside():
                _serve(config, listener, workers or config.workers)
        else:
            _serve(config, listener, workers or config.workers)
    note("stopped")


@commands.command()
def worker(
    follows: Annotated[
        bool, typer.Option("--follow-stdin", hidden=True, help="Stop when the input closes.")
    ] = False,
) -> None:
    """Run the background process until told to stop."""
    import uvloop

    from guerdon.cli.background import work
    from guerdon.cli.database import open_database, require_schema
    from guerdon.cli.logs import set_up_logs
    from guerdon.config import read_config

    config = read_config()
    set_up_logs(config)
    with open_database(config) as url:
        require_schema(url, config)
        uvloop.run(work(config, url, follows_stdin=follows))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except socket.gaierror as error:
        fail(f"cannot listen on {host} port {port}: {error.strerror}")
    except OSError as error:
        # Python adds the address to the system's own words.
        said = os.strerror(error.errno) if error.errno else str(error)
        fail(f"cannot listen on {host} port {port}: {said}")


def _announce(config: "Config", listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    note(f"serving on http://{f'[{host}]' if ':' in host else host}:{port}")
    if config.is_embedded:
        note(
            f"with the embedded database in {config.data_dir}, which is for trial, tests and small "
            "shops; name a server of your own in GUERDON_DATABASE_URL"
        )
    elif config.secret_key is None:
        warn("GUERDON_SECRET_KEY is not set: no webhook can be subscribed to")


def _serve(config: "Config", listener: socket.socket, workers: int) -> None:
    import uvicorn
    from uvicorn.config import STARTUP_FAILURE
    from uvicorn.supervisors import Multiprocess

    from guerdon.cli.served import Served

    settings = uvicorn.Config(
        Served(config) if workers == 1 else "guerdon.cli.served:make_served",
        factory=workers > 1,
        workers=workers,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        interface="asgi3",
        access_log=False,
        log_config=None,
        server_header=False,
        # Nothing here asks who called from where; the proxy in front may log that.
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        # Longer than proxies keep theirs, so that none sends into a connection being closed.
        timeout_keep_alive=75,
    )
    if workers > 1:
        supervisor = Multiprocess(settings, sockets=[listener])
        supervisor.run()
        if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
            raise typer.Exit(1)
        return
    # Uvicorn stops at these by itself and then raises them once more, for whoever came before.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    server = uvicorn.Server(settings)
    server.run(sockets=[listener])
    if not server.started:
        raise typer.Exit(1)


@contextmanager
def _worker_beside() -> Iterator[None]:
    """Run the background process for as long; it also ends when this process is killed."""
    beside = subprocess.Popen(
        [sys.executable, "-m", "guerdon", "worker", "--follow-stdin"],
        stdin=subprocess.PIPE,
        env=dict(os.environ),
        # Ctrl-C at our terminal reaches us, and we tell it.
        start_new_session=True,
    )
    try:
        yield
    finally:
        assert beside.stdin is not None
        beside.stdin.close()
        try:
            beside.wait(_WORKER_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            beside.kill()
            beside.wait()
