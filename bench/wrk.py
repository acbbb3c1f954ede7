"""Load over HTTP from `wrk`, on this machine, for a bounded time."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from msgspec import Struct

# Every thread walks the members in its own order; the answer's status is counted by wrk.
_SCRIPT = """
local number = {start}
wrk.method = "POST"
wrk.headers["Authorization"] = "{key}"
wrk.headers["Content-Type"] = "application/json"
function request()
    number = number + 1
    local member = 7000000 + ({member})
    local body = '{{"customer_identifier":"' .. string.format("%d", member) .. '"}}'
    return wrk.format(nil, {reward}, nil, body)
end
"""
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60000.0}


class Load(Struct, frozen=True):
    """Requests per second and latencies in milliseconds; `failures` got no 2xx, or no answer."""

    rate: float
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    failures: int = 0


class Target(Struct, frozen=True):
    """`paths` are the rewards' purchase paths; `members` of 1 is one hot wallet."""

    base_url: str
    key: str
    paths: list[str]
    members: int


def find_wrk() -> str | None:
    return shutil.which("wrk")


def run(target: Target, *, connections: int, seconds: int) -> Load:
    """Keep so many connections busy for so long."""
    paths = "({" + ",".join(f'"{path}"' for path in target.paths) + "})"
    script = _SCRIPT.format(
        start=connections * 1009,
        key=target.key,
        member=f"1 + (number * 7919) % {target.members}" if target.members > 1 else "1",
        reward=f"{paths}[1 + number % {len(target.paths)}]",
    )
    return play(script, target.base_url, connections=connections, seconds=seconds)


def play(script: str, base_url: str, *, connections: int, seconds: int) -> Load:
    """Make the requests of a script of wrk's, in Lua, for so long."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "requests.lua"
        file.write_text(script, "utf-8")
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s"]
        command += ["--latency", "-s", str(file), base_url]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return _read(done.stdout)


def _read(text: str) -> Load:
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", text)
    assert rate is not None, text
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    counts = r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)"
    errors = re.search(counts, text)
    failures = int(bad.group(1)) if bad else 0
    failures += sum(map(int, errors.groups())) if errors else 0
    return Load(float(rate.group(1)), _latency(text, 50), _latency(text, 99), failures)


def _latency(text: str, percent: int) -> float:
    found = re.search(rf"^\s+{percent}%\s+([0-9.]+)(us|ms|s|m)\s*$", text, re.MULTILINE)
    assert found is not None, text
    return float(found.group(1)) * _UNITS[found.group(2)]
