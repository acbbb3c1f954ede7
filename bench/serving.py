"""Starts the web process to be measured, waits for it, and ends it."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager


def free_port() -> int:
    """Give a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def guerdon(url: str, *, workers: int = 1, **settings: str) -> Iterator[str]:
    """Run `guerdon serve` as an operator would; give its base URL."""
    port = free_port()
    command = [sys.executable, "-m", "guerdon", "serve", "--port", str(port), "--no-worker"]
    command += ["--workers", str(workers)]
    with _running(command, {"GUERDON_DATABASE_URL": url, **settings}, port) as base:
        yield base


@contextmanager
def worker(url: str, **settings: str) -> Iterator[None]:
    """Run `guerdon worker` as an operator would. It says to nobody when it is ready."""
    command = [sys.executable, "-m", "guerdon", "worker"]
    process = subprocess.Popen(
        command,
        env={**os.environ, "GUERDON_DATABASE_URL": url, **settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def echo(url: str) -> Iterator[str]:
    """Run the same stack with nothing behind it, one process."""
    port = free_port()
    with _running([sys.executable, "-m", "bench.echo", url, str(port)], {}, port) as base:
        yield base


@contextmanager
def _running(command: list[str], more: dict[str, str], port: int) -> Iterator[str]:
    base = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        command, env={**os.environ, **more}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(base, process)
        yield base
    finally:
        process.terminate()
        process.wait(30)


def _wait(base: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(300):
        if process.poll() is not None:
            message = f"the web process ended with {process.returncode}"
            raise RuntimeError(message)
        try:
            with urllib.request.urlopen(f"{base}/readyz", timeout=1):  # noqa: S310 -- loopback
                return
        except OSError:
            time.sleep(0.1)
    message = "the web process did not become ready"
    raise RuntimeError(message)
