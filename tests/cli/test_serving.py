"""The web and background processes, started and stopped as an operator does."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import yaml

from tests.builders.program_file import SECRETS, make_file
from tests.support.commands import environment, run, run_here, served

_KEY = {"name": "till", "dialect": "mage", "secret_env": "KEY_ONE"}


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> dict[str, str]:
    """A shop's settings, applied already."""
    made = {"GUERDON_DATABASE_URL": database_url, **SECRETS}
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(make_file(keys=[_KEY])))
    assert run_here("apply", str(tmp_path / "shop.yaml"), **made).code == 0
    return made


def _wait_until(is_so: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _is_served(base: str) -> bool:
    try:
        return httpx.get(f"{base}/healthz", timeout=2, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_serves_until_told_to_stop(
    settings: dict[str, str], workers: str, number: signal.Signals
) -> None:
    with served("--workers", workers, **settings) as (process, base):
        assert httpx.get(f"{base}/readyz", timeout=30, trust_env=False).json() == {
            "status": "ready"
        }
        answer = httpx.get(
            f"{base}/mage/v1/rewards",
            headers={"Authorization": SECRETS["KEY_ONE"]},
            timeout=30,
            trust_env=False,
        )
        assert {each["attributes"]["name"] for each in answer.json()["data"]} == {"Ten off", "Mug"}
        process.send_signal(number)
        assert process.wait(60) == 0
        assert not _is_served(base)


def test_web_processes_end_when_their_parent_is_killed(settings: dict[str, str]) -> None:
    with served("--workers", "2", **settings) as (process, base):
        _wait_until(lambda: _is_served(base))
        process.kill()
        _wait_until(lambda: not _is_served(base))


def test_a_port_in_use_is_said(settings: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = run("serve", "--port", str(port), **settings)
    assert ran.code == 1
    assert ran.err == f"error: cannot listen on 127.0.0.1 port {port}: Address already in use\n"


def test_a_lacking_migration_stops_the_start(empty_database_url: str) -> None:
    ran = run("serve", "--port", "0", GUERDON_DATABASE_URL=empty_database_url)
    assert ran.code == 1
    assert "guerdon migrate" in ran.err


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_web_process_that_cannot_start_ends_it_all(
    settings: dict[str, str], workers: str
) -> None:
    # The check of the schema does without TLS on a socket; the web process's driver does not.
    ran = run("serve", "--port", "0", "--workers", workers, **settings, PGSSLMODE="verify-full")
    assert ran.code != 0


def test_the_worker_runs_beside_and_ends_with_its_parent(settings: dict[str, str]) -> None:
    with served("--with-worker", **settings) as (process, base):
        _wait_until(lambda: _is_served(base))
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        (worker,) = (int(pid) for pid in children.read_text().split())
        process.kill()
        process.wait(10)
        _wait_until(lambda: _is_gone(worker))


def _is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_the_worker_stops_when_told_and_logs_json(settings: dict[str, str]) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-m", "guerdon", "worker"],
        env=environment(**settings),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert worker.stderr is not None
    first = json.loads(worker.stderr.readline())
    assert (first["event"], first["level"]) == ("worker started", "info")
    os.kill(worker.pid, signal.SIGTERM)
    worker.communicate(timeout=30)
    assert worker.returncode == 0
