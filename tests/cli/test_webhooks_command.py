"""`guerdon webhooks`: listed, and tried against a receiver that is there."""

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from standardwebhooks import Webhook

from guerdon.adapters.webhooks.standard import make_secret
from tests.builders.program_file import make_file
from tests.support.commands import run_here

_SECRET = make_secret()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        assert isinstance(server, Server)
        server.bodies.append(Webhook(_SECRET).verify(body, dict(self.headers)))
        self.send_response(server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- its base's name
        pass


class Server(ThreadingHTTPServer):
    """Takes calls that are signed, and answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[object] = []
        self.status = 204


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_webhook_is_listed_and_tried(server: Server, database_url: str, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{server.server_port}/hooks"
    hook = {"url": url, "dialect": "guerdon", "events": ["points.earned"], "secret_env": "HOOK"}
    file = tmp_path / "shop.yaml"
    file.write_text(yaml.safe_dump(make_file(webhooks=[hook])))
    settings = {
        "GUERDON_DATABASE_URL": database_url,
        "GUERDON_SECRET_KEY": "k" * 32,
        "GUERDON_WEBHOOK_ALLOW_HTTP": "true",
        "GUERDON_WEBHOOK_ALLOW_PRIVATE": "true",
        "HOOK": _SECRET,
    }
    run = partial(run_here, **settings)
    assert run("apply", str(file)).code == 0
    (listed,) = json.loads(run("webhooks", "list", "--json").out)
    assert (listed["url"], listed["is_active"], listed["failures"]) == (url, True, 0)
    assert url in run("webhooks", "list").out
    for named in (url, str(listed["id"])):
        tried = run("webhooks", "test", named)
        assert (tried.code, "points.earned was taken" in tried.err) == (0, True), tried.err
    assert [body["type"] for body in server.bodies if isinstance(body, dict)] == [
        "points.earned"
    ] * 2
    server.status = 503
    refused = run("webhooks", "test", url)
    assert (refused.code, "answered 503" in refused.err) == (1, True)
    unknown = run("webhooks", "test", "https://other.example/")
    assert (unknown.code, "no webhook" in unknown.err) == (1, True)
    assert _SECRET not in run("webhooks", "list", "--json").out + refused.err
