"""The yardstick: pgbench's TPC-B on the very same server."""

import re
import statistics
import subprocess
from pathlib import Path

from msgspec import Struct

_TPS = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)


class Yardstick(Struct, frozen=True):
    tps_16: float
    p50_ms_1: float


def fill(programs: Path, url: str) -> None:
    """Make pgbench's tables at scale 20."""
    _run([str(programs / "pgbench"), "-i", "-q", "-s", "20", url])


def measure(programs: Path, url: str, folder: Path, *, seconds: int) -> Yardstick:
    """Run TPC-B, prepared: 16 clients on 2 threads for the rate, 1 client for the latency."""
    pgbench = str(programs / "pgbench")
    many = _run([pgbench, "-n", "-M", "prepared", "-c", "16", "-j", "2", "-T", str(seconds), url])
    prefix = folder / "pgbench-log"
    for stale in folder.glob("pgbench-log*"):
        stale.unlink()
    one = ["-c", "1", "-j", "1", "-T", str(seconds), "-l", f"--log-prefix={prefix}"]
    _run([pgbench, "-n", "-M", "prepared", *one, url])
    latencies = [
        int(line.split()[2]) / 1000
        for log in folder.glob("pgbench-log*")
        for line in log.read_text("utf-8").splitlines()
    ]
    found = _TPS.search(many)
    assert found is not None, many
    return Yardstick(float(found.group(1)), statistics.median(latencies))


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def create_database(programs: Path, url: str, name: str) -> None:
    """Make a database on the server that `url` is on."""
    psql = [str(programs / "psql"), "-q", "-v", "ON_ERROR_STOP=1"]
    _run([*psql, "-c", f"CREATE DATABASE {name}", url])
