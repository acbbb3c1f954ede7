"""`guerdon apply` tries the shop's endpoint when rewards that it hands over are new or changed."""

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from tests.builders.program_file import SECRETS, make_file
from tests.support.commands import run_here


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        assert isinstance(server, Server)
        server.bodies.append(json.loads(body))
        self.send_response(server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- its base's name
        pass


class Server(ThreadingHTTPServer):
    """Takes any call, and answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[dict[str, object]] = []
        self.status = 204


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_apply_tries_the_endpoint_of_what_it_changes(
    server: Server, database_url: str, tmp_path: Path
) -> None:
    url = f"http://127.0.0.1:{server.server_port}/lion"
    endpoint = {"url": url, "secret_env": "TOKEN", "form": "loyaltylion"}
    data = make_file(integrations={"endpoint": endpoint})
    tree = {"slug": "tree", "name": "A tree", "kind": "custom", "points_cost": 50}
    data["programs"][0]["rewards"].append(tree | {"fulfil": {"by": "webhook"}})
    file = tmp_path / "shop.yaml"
    run = partial(
        run_here,
        GUERDON_DATABASE_URL=database_url,
        GUERDON_SECRET_KEY="k" * 32,
        GUERDON_WEBHOOK_ALLOW_HTTP="true",
        GUERDON_WEBHOOK_ALLOW_PRIVATE="true",
        TOKEN=SECRETS["TOKEN"],
    )
    file.write_text(yaml.safe_dump(data))
    assert run("apply", str(file), "--plan").code == 0
    assert server.bodies == []
    applied = run("apply", str(file))
    assert (applied.code, "takes calls for reward tree" in applied.err) == (0, True), applied.err
    (body,) = server.bodies
    assert (body["topic"], body["test"]) == ("rewards/store_fulfilment", True)
    assert body["reward_identifier"] == "tree"
    assert run("apply", str(file)).code == 0
    assert len(server.bodies) == 1

    server.status = 500
    data["programs"][0]["rewards"][-1]["points_cost"] = 60
    file.write_text(yaml.safe_dump(data))
    warned = run("apply", str(file))
    assert (warned.code, len(server.bodies)) == (0, 2)
    assert "reward tree, test call: the endpoint answered with status 500" in warned.err
    assert SECRETS["TOKEN"] not in warned.err + warned.out
