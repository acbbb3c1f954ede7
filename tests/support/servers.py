"""The servers that tests run on: one shared and fast, or one of their own to be killed."""

import fcntl
import hashlib
import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg

from guerdon.store import embedded, migrating

HOME_VARIABLE = "GUERDON_TEST_HOME"

# The shared server's data is thrown away, so nothing is gained by waiting for the disk.
_FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # Whoever drops a database looks through all of these.
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "min_wal_size": "64MB",
}
_SMALL = {"shared_buffers": "128MB", "max_wal_size": "1GB"}

# A disk in memory, where there is one with room: a database is made and dropped for each test.
_MEMORY = Path("/dev/shm")  # noqa: S108 -- a folder of the run's own is made in it
_MEMORY_BYTES_MIN = 4 << 30
_PREFIX = "guerdon-tests-"


class Home:
    """The folder of a whole run. Of a run that was killed the next one removes it."""

    def __init__(self) -> None:
        is_roomy = (
            _MEMORY.is_dir()
            and os.access(_MEMORY, os.W_OK)
            and shutil.disk_usage(_MEMORY).free >= _MEMORY_BYTES_MIN
        )
        place = _MEMORY if is_roomy else Path(tempfile.gettempdir())
        for left in place.glob(f"{_PREFIX}*"):
            if _is_left(left):
                shutil.rmtree(left, ignore_errors=True)
        made = Path(tempfile.mkdtemp(prefix=f"new-{_PREFIX}", dir=place))
        # Kept open, and so locked, for as long as the run lasts; only then others may see it.
        self._lock = (made / "alive").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.path = made.rename(made.with_name(made.name.removeprefix("new-")))

    def remove(self) -> None:
        self._lock.close()
        shutil.rmtree(self.path, ignore_errors=True)


def _is_left(home: Path) -> bool:
    try:
        with (home / "alive").open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def programs() -> Path:
    """Say which PostgreSQL the tests use: the wheel's 18, or Debian's packaged one."""
    wanted = os.environ.get("GUERDON_TEST_POSTGRES", "embedded")
    if wanted == "embedded":
        return embedded.binaries()
    if wanted != "debian":
        raise RuntimeError(f"GUERDON_TEST_POSTGRES is {wanted!r}, not 'embedded' or 'debian'")
    found = sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin/postgres"))
    if not found:
        raise RuntimeError("GUERDON_TEST_POSTGRES=debian needs Debian's package postgresql")
    return found[0].parent


class SharedServer:
    """The server of the whole run, with a migrated database to copy for each test."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._server: embedded.EmbeddedServer | None = None
        url = os.environ.get("GUERDON_TEST_DATABASE_URL")
        if not url:
            self._server = embedded.start(home / "shared", programs=programs(), settings=_FAST)
            url = self._server.url
        self._url = url
        self._template = f"guerdon_template_{_hash_of_migrations()}"
        self._make_template()

    def url_of(self, database: str) -> str:
        parts = urlsplit(self._url)
        # urlunsplit drops an empty host together with its slashes, which changes the meaning.
        made = urlunsplit(parts._replace(path=f"/{quote(database)}"))
        scheme, rest = made.split(":", 1)
        return made if rest.startswith("//") else f"{scheme}://{rest}"

    def _make_template(self) -> None:
        with _file_lock(self._home / "template.lock"), self._admin() as connection:
            there = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", (self._template,)
            ).fetchone()
            if there is not None:
                return
            fresh = f"guerdon_fresh_{uuid.uuid4().hex}"
            self._create(connection, fresh, template="template0")
            migrating.migrate(self.url_of(fresh))
            # Nobody was ever in the copy, so autovacuum leaves it alone: whoever copies it would
            # have to wait for that to be gone.
            self._create(connection, self._template, template=fresh)
            connection.execute(f"DROP DATABASE {fresh} WITH (FORCE)")

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[str]:
        """Give the URL of a database that nobody else uses, and drop it afterwards."""
        name = f"guerdon_test_{uuid.uuid4().hex}"
        with self._admin() as connection:
            self._create(connection, name, template=self._template if migrated else "template0")
        try:
            yield self.url_of(name)
        finally:
            with self._admin() as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()

    def _admin(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self._url, autocommit=True)

    @staticmethod
    def _create(
        connection: psycopg.Connection[tuple[object, ...]], name: str, *, template: str
    ) -> None:
        # Files are copied faster than pages; a checkpoint costs nothing where nothing is synced.
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")


class DurableServer:
    """A server of one test's own, with default durability, that the test may kill and restart."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._server = self._start()
        migrating.migrate(self.url)

    def _start(self) -> embedded.EmbeddedServer:
        return embedded.start(self._home, programs=programs(), settings=_SMALL)

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def pid(self) -> int:
        return self._server.pid

    def kill9(self) -> None:
        """Kill the server and all its children at once, as a crash of the machine would."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        os.kill(self.pid, signal.SIGKILL)
        for child in children:
            try:
                os.kill(int(child), signal.SIGKILL)
            except ProcessLookupError:
                continue

    def restart(self) -> None:
        """Start the server again after kill9 or stop, or stop and start it when it runs."""
        self._server.stop()
        self._server = self._start()

    def stop(self) -> None:
        self._server.stop()


def _hash_of_migrations() -> str:
    digest = hashlib.sha256()
    for path in sorted(migrating.MIGRATIONS.glob("*.sql")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
