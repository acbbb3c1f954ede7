"""Start, or attach to, the private PostgreSQL of a data folder.

It listens on a Unix socket in a folder that only its owner can enter, and on no network address: so
it needs no password, no free port, and no other user of the machine can reach it. asyncpg, psycopg,
psql and pgbench all speak to a socket.

Every process that uses the server holds a shared lock on one file, which the kernel lets go even at
kill -9. Whoever leaves last stops the server; one left behind by a killed process is attached to
again.
"""

import atexit
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg

from guerdon.store.embedded_account import EmbeddedUnavailable, choose_account, open_way
from guerdon.store.embedded_cluster import (
    DATABASE,
    PORT,
    ROLE,
    Cluster,
    binaries,
    clean_environment,
    create_cluster,
    write_settings,
)

__all__ = ["EmbeddedServer", "EmbeddedUnavailable", "binaries", "default_data_dir", "start"]

_POLL_SECONDS = 0.02
_STOP_SECONDS_MAX = 60.0
_LOG_BYTES_MAX = 16 << 20
_children: list[subprocess.Popen[bytes]] = []
_SHARED_MEMORY_HELD = "pre-existing shared memory block"


def default_data_dir(environment: Mapping[str, str]) -> Path:
    """Say where the data folder is: GUERDON_DATA_DIR, or the platform's place for such data.

    Root's place is the system's (/var/lib/guerdon): its home is closed to the user who runs the
    server.
    """
    if named := environment.get("GUERDON_DATA_DIR"):
        return Path(named).expanduser()
    if os.geteuid() == 0:
        return Path("/var/lib/guerdon")
    shared = environment.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(shared).expanduser() / "guerdon"


class EmbeddedServer:
    """A running private server that this process is attached to."""

    def __init__(
        self, cluster: Cluster, pid: int, socket_dir: Path, users_lock: int, *, attached: bool
    ) -> None:
        self._cluster = cluster
        self._users_lock: int | None = users_lock
        self._process_id = os.getpid()
        self.pid = pid
        self.socket_dir = socket_dir
        self.attached = attached

    @property
    def home(self) -> Path:
        """The folder of this server: its cluster, log and socket."""
        return self._cluster.home

    @property
    def programs(self) -> Path:
        """The folder with the psql, pgbench and pg_dump that fit this server."""
        return self._cluster.programs

    @property
    def url(self) -> str:
        """The database that Guerdon uses, as asyncpg and libpq read it."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Give the URL of another database on the same server."""
        folder = quote(str(self.socket_dir), safe="")
        return f"postgresql://{ROLE}@/{quote(database)}?host={folder}&port={PORT}"

    def stop(self) -> bool:
        """Leave the server, and stop it if nobody else is attached; say whether it was stopped.

        Runs by itself when the process ends. May be called twice; a forked child's call does
        nothing.
        """
        if self._users_lock is None or os.getpid() != self._process_id:
            return False
        atexit.unregister(self.stop)
        os.close(self._users_lock)
        self._users_lock = None
        with _start_lock(self._cluster):
            last = os.open(_users_file(self._cluster), os.O_RDWR)
            try:
                fcntl.flock(last, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                # Somebody else's from now on. Popen would warn that we leave a child running.
                for child in _children:
                    child.returncode = 0 if child.pid == self.pid else child.returncode
                return False
            finally:
                os.close(last)
            was_stopped = _stop_postmaster(self._cluster)
            if was_stopped and self.socket_dir.parent != self.home:
                # The folder outside our own that a long path needs; somebody's file in it keeps it.
                with suppress(OSError):
                    self.socket_dir.rmdir()
            return was_stopped

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def start(
    data_dir: Path,
    *,
    programs: Path | None = None,
    settings: Mapping[str, str] | None = None,
    timeout_seconds: float = 120.0,
) -> EmbeddedServer:
    """Start the private server of a data folder, or attach to the one already running there.

    `programs` names another PostgreSQL's bin folder (the wheel's by default); `settings` override
    the chosen ones and count only if this call starts the server. Blocks until the server takes
    connections, recovery after a crash included. Refuses with EmbeddedUnavailable.
    """
    cluster = _prepare(data_dir, programs or binaries())
    deadline = time.monotonic() + timeout_seconds
    with _start_lock(cluster):
        users_lock = os.open(_users_file(cluster), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(users_lock, fcntl.LOCK_SH)
            server = _attach(cluster, users_lock, deadline)
            if server is None:
                server = _start_afresh(cluster, users_lock, settings or {}, deadline)
        except BaseException:
            os.close(users_lock)
            raise
    atexit.register(server.stop)
    return server


def _attach(cluster: Cluster, users_lock: int, deadline: float) -> EmbeddedServer | None:
    """Join the running server once it takes connections; None if none runs or it just ends."""
    said: object = "it is still starting"
    while (pid := _find_postmaster(cluster)) is not None:
        if time.monotonic() > deadline:
            raise EmbeddedUnavailable(
                f"a server runs on {cluster.data}, but refuses us: {said}",
                remedy=f"Its log is {cluster.log}.",
            )
        status = _read_status(cluster, pid)
        if status is not None and status[1] == "ready":
            server = EmbeddedServer(cluster, pid, status[0], users_lock, attached=True)
            # A server found while it is being stopped refuses, and is gone a moment later.
            try:
                _ensure_database(server)
            except psycopg.OperationalError as error:
                said = error
            else:
                return server
        time.sleep(_POLL_SECONDS)
    return None


def _start_afresh(
    cluster: Cluster, users_lock: int, settings: Mapping[str, str], deadline: float
) -> EmbeddedServer:
    create_cluster(cluster)
    _clear_leftovers(cluster, write_settings(cluster, settings))
    pid, socket_dir = _launch(cluster, deadline=deadline)
    server = EmbeddedServer(cluster, pid, socket_dir, users_lock, attached=False)
    try:
        _ensure_database(server)
    except psycopg.Error as error:
        raise EmbeddedUnavailable(
            f"the server runs but refuses us: {error}", remedy=f"Its log is {cluster.log}."
        ) from error
    return server


def _prepare(data_dir: Path, programs: Path) -> Cluster:
    home = data_dir.expanduser().absolute() / "postgresql"
    try:
        home = home.resolve()
        account = choose_account(home)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if account.is_other and home.stat().st_uid != account.uid:
            os.chown(home, account.uid, account.gid)
        if not os.access(home, os.W_OK | os.X_OK):
            raise PermissionError(f"{home} belongs to another user")
    except OSError as error:
        raise EmbeddedUnavailable(
            f"the data folder {data_dir} cannot be used: {error.strerror or error}",
            remedy="Choose a folder you may write to with GUERDON_DATA_DIR.",
        ) from error
    open_way(home, account)
    open_way(programs, account)
    return Cluster(home=home, programs=programs, account=account)


def _users_file(cluster: Cluster) -> Path:
    return cluster.home / "users.lock"


@contextmanager
def _start_lock(cluster: Cluster) -> Iterator[None]:
    """Let one process at a time start or stop the server."""
    lock = os.open(cluster.home / "start.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _find_postmaster(cluster: Cluster) -> int | None:
    """Find the process id of the server that runs on this cluster, if one does.

    A pid file may be left from before a crash, its number since given to a stranger: a postmaster
    is known by working in its cluster's folder.
    """
    _reap()
    try:
        pid = int((cluster.data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return pid if _works_in(pid, cluster.data) else None


def _clear_leftovers(cluster: Cluster, socket_dir: Path) -> None:
    """Remove the lock files of a server that is gone, though its number may not be free.

    PostgreSQL takes any process with that number for its own, be it a stranger or one that has
    ended and was never reaped, and would refuse to start. Children of the old server are still
    noticed: they hold its shared memory, which is found by the folder and not through these files.
    """
    for lock in (cluster.data / "postmaster.pid", *socket_dir.glob(".s.PGSQL.*")):
        lock.unlink(missing_ok=True)


def _works_in(pid: int, folder: Path) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    if not Path("/proc/self/cwd").exists():
        return True
    try:
        # A process that has ended and waits to be reaped has no folder any more.
        return Path(f"/proc/{pid}/cwd").readlink() == folder
    except PermissionError:
        return True
    except OSError:
        return False


def _launch(cluster: Cluster, *, deadline: float) -> tuple[int, Path]:
    """Start the server and wait until it takes connections; give its number and socket folder.

    Tries again while the last children of a killed server still hold its memory.
    """
    if cluster.log.exists() and cluster.log.stat().st_size > _LOG_BYTES_MAX:
        cluster.log.replace(cluster.log.with_suffix(".log.1"))
    failure: EmbeddedUnavailable | None = None
    while True:
        log_start = cluster.log.stat().st_size if cluster.log.exists() else 0
        process = _spawn(cluster)
        while process.poll() is None:
            status = _read_status(cluster, process.pid)
            if status is not None and status[1] == "ready":
                # Popen warns about children it forgets; this one is meant to outlive the object.
                _children.append(process)
                return process.pid, status[0]
            if time.monotonic() > deadline:
                process.send_signal(signal.SIGINT)
                process.wait()
                raise failure or _did_not_start(cluster, log_start, "it was not ready in time")
            time.sleep(_POLL_SECONDS)
        failure = _did_not_start(cluster, log_start, f"it ended with {process.returncode}")
        if _SHARED_MEMORY_HELD not in failure.reason or time.monotonic() > deadline:
            raise failure
        time.sleep(0.1)


def _reap() -> None:
    """Collect our servers that have ended: until then their numbers look alive."""
    _children[:] = [child for child in _children if child.poll() is None]


def _spawn(cluster: Cluster) -> subprocess.Popen[bytes]:
    other = cluster.account.is_other
    with cluster.log.open("ab") as log:
        return subprocess.Popen(
            [str(cluster.programs / "postgres"), "-D", str(cluster.data)],
            user=cluster.account.uid if other else None,
            group=cluster.account.gid if other else None,
            extra_groups=[] if other else None,
            umask=0o077,
            cwd="/",
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Ctrl-C at our terminal is ours to handle; the server must outlive our last statement.
            start_new_session=True,
        )


def _did_not_start(cluster: Cluster, log_start: int, how: str) -> EmbeddedUnavailable:
    with cluster.log.open("rb") as log:
        log.seek(log_start)
        said = log.read(64 << 10).decode(errors="replace")
    telling = [line for line in said.splitlines() if "FATAL" in line or "PANIC" in line]
    reason = " ".join(telling[-3:] or said.splitlines()[-3:])
    return EmbeddedUnavailable(
        f"the server did not start ({how}): {reason}",
        remedy=f"Its log is {cluster.log}. A damaged cluster is restored from a backup.",
    )


def _read_status(cluster: Cluster, pid: int) -> tuple[Path, str] | None:
    """Read the socket folder and the state from the pid file, once it is written whole."""
    try:
        lines = (cluster.data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return None
    if len(lines) < 8 or lines[0].strip() != str(pid):
        return None
    return Path(lines[4]), lines[7].strip()


def _ensure_database(server: EmbeddedServer) -> None:
    with psycopg.connect(server.url_of("postgres"), autocommit=True) as connection:
        there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
        if there.fetchone() is None:
            connection.execute(f"CREATE DATABASE {DATABASE}")


def _stop_postmaster(cluster: Cluster) -> bool:
    """Ask for a fast shutdown, which rolls back open transactions and writes a checkpoint."""
    pid = _find_postmaster(cluster)
    if pid is None:
        return False
    os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + _STOP_SECONDS_MAX
    while time.monotonic() < deadline:
        _reap()
        if not _works_in(pid, cluster.data):
            return True
        time.sleep(_POLL_SECONDS)
    return False
