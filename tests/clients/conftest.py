"""A shop served by a process of its own, as the vendor's clients find it."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.commands import Ran, run_here, served

APP_ID = "the-clients-application"
APP_TOKEN = "the-clients-secret-in-the-tests"
_SHOP = """
merchant: {slug: client-shop, name: Client Shop, timezone: Europe/London, currency: GBP}
programs:
  - slug: main
    name: Main
    points_expiry: {days: 365}
    rewards:
      - slug: five-off
        name: £5 off
        points_cost: 100
        discount: {type: fixed_amount, amount: 5}
      - slug: mug
        name: A mug
        kind: custom
        points_cost: 300
        stock: 2
        fulfil: {by: manual}
keys:
  - {name: clients, dialect: voucherify, app_id_env: CLIENT_APP_ID, secret_env: CLIENT_APP_TOKEN}
"""
HERE = Path(__file__).parent


@dataclass(frozen=True)
class ClientShop:
    """Where the dialect is served; by its name, the campaign that is there from the beginning, and
    how to ask for the proof of its ledger."""

    url: str
    prove: Callable[[], Ran]
    campaign: str = "Main"


@pytest.fixture
def client_shop(database_url: str, tmp_path: Path) -> Iterator[ClientShop]:
    """The shop, served with a worker."""
    (tmp_path / "shop.yaml").write_text(_SHOP)
    settings = {"GUERDON_DATABASE_URL": database_url}
    applied = run_here(
        "apply",
        str(tmp_path / "shop.yaml"),
        CLIENT_APP_ID=APP_ID,
        CLIENT_APP_TOKEN=APP_TOKEN,
        **settings,
    )
    assert applied.code == 0, applied.err
    with served("--with-worker", **settings) as (_, base):
        yield ClientShop(f"{base}/voucherify", lambda: run_here("verify", **settings))


@pytest.fixture(scope="session")
def node_modules(test_home: Path) -> Path:
    """The folder with the vendor's JavaScript client, as package-lock.json pins it."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.fail("Node is not installed; on Debian or Ubuntu: apt-get install nodejs npm")
    folder = test_home / "node"
    folder.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder / name)
    installed = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    if installed.returncode != 0:
        pytest.fail(f"npm could not install the client: {installed.stderr[-2000:]}")
    return folder / "node_modules"


def drive(script: Path, modules: Path, **told: str) -> str:
    """Run a script with Node; give what it printed."""
    node = shutil.which("node")
    assert node is not None, "npm came with it"
    ended = subprocess.run(
        [node, str(script)],
        env=os.environ | {"NODE_PATH": str(modules)} | told,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
