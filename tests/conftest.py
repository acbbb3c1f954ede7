"""What every test may ask for: a database of its own, a pool on it, a server that may be killed."""

import os
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import settings
from playwright.async_api import Page

from tests.support.browsers import find_chromium, open_page
from tests.support.servers import HOME_VARIABLE, DurableServer, Home, SharedServer

_HOME = pytest.StashKey[Home]()


def _register_profiles() -> None:
    """Name how hard Hypothesis looks; GUERDON_STEPS sets the steps of a state machine's run."""
    steps = int(os.environ.get("GUERDON_STEPS", "40"))
    # No deadline: a test's first database statement, or a busy machine, is not a failure.
    settings.register_profile("default", deadline=None, max_examples=50, stateful_step_count=steps)
    settings.register_profile("ci", deadline=None, max_examples=100, stateful_step_count=steps)
    settings.register_profile("long", deadline=None, max_examples=5000, stateful_step_count=steps)
    settings.load_profile(os.environ.get("GUERDON_HYPOTHESIS_PROFILE", "default"))


_register_profiles()


def pytest_configure(config: pytest.Config) -> None:
    # Made once by the process that was started by hand; the workers of pytest-xdist inherit its
    # name.
    if not hasattr(config, "workerinput"):
        config.stash[_HOME] = home = Home()
        os.environ[HOME_VARIABLE] = str(home.path)
        # Where pytest makes its own folders: some tests start a database in theirs.
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(home.path))


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        del os.environ[HOME_VARIABLE]
        config.stash[_HOME].remove()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what uses a server, so that it alone can be run again on another PostgreSQL. Leave out
    what needs a browser, or Node, where there is none; in CI that fails."""
    for item in items:
        if isinstance(item, pytest.Function) and "test_home" in item.fixturenames:
            item.add_marker(pytest.mark.database)
        if isinstance(item, pytest.Function) and "browser_page" in item.fixturenames:
            item.add_marker(pytest.mark.browser)
        if isinstance(item, pytest.Function) and "node_modules" in item.fixturenames:
            item.add_marker(pytest.mark.node)
    lacking = {"browser"} if find_chromium() is None else set()
    if _lacks_node():
        lacking.add("node")
    if lacking:
        left_out = [item for item in items if lacking & {each.name for each in item.own_markers}]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _lacks_node() -> bool:
    return shutil.which("npm") is None and "CI" not in os.environ


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if find_chromium() is None:
        terminalreporter.section("no browser", red=True, bold=True)
        terminalreporter.line("The tests of pages were LEFT OUT: Chromium is not installed.")
        terminalreporter.line("On Debian or Ubuntu: apt-get install chromium")
    if _lacks_node():
        terminalreporter.section("no Node", red=True, bold=True)
        terminalreporter.line("The vendor's JavaScript client was LEFT OUT: npm is not installed.")
        terminalreporter.line("On Debian or Ubuntu: apt-get install nodejs npm")


@pytest.fixture(scope="session")
def test_home() -> Path:
    """A folder for the whole run. Not one of pytest's, which are closed to other users."""
    return Path(os.environ[HOME_VARIABLE])


@pytest.fixture
def data_dir(test_home: Path) -> Iterator[Path]:
    """An empty folder in which an embedded server can be started, also by root."""
    folder = test_home / f"data-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def shared_server(test_home: Path) -> Iterator[SharedServer]:
    server = SharedServer(test_home)
    yield server
    server.stop()


@pytest.fixture
def database_url(shared_server: SharedServer) -> Iterator[str]:
    """A migrated database of the test's own."""
    with shared_server.database() as url:
        yield url


@pytest.fixture
def empty_database_url(shared_server: SharedServer) -> Iterator[str]:
    """A database of the test's own without any table."""
    with shared_server.database(migrated=False) as url:
        yield url


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(database_url, min_size=0, max_size=10) as made:
        yield made


@pytest.fixture
async def browser_page() -> AsyncIterator[Page]:
    """A page in a browser."""
    async with open_page() as opened:
        yield opened


@pytest.fixture
def durable_server(data_dir: Path) -> Iterator[DurableServer]:
    server = DurableServer(data_dir)
    yield server
    server.stop()
