"""A town of merchants: their processes, each with a proxy of its own before the database, the
outside world, and the people who buy."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process as Child
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import asyncpg
import httpx
import yaml

from guerdon.dialects.mage.translate import dress
from guerdon.http.asgi import Receive, Scope, Send
from guerdon.sandbox.app import SandboxApp
from tests.builders.program_file import make_file
from tests.builders.sandbox import RunningSandbox, running_sandbox
from tests.house.source import ROOT
from tests.support.commands import Ran, environment, run_here
from tests.support.shared_clock import SharedClock
from tests.support.tcp_proxy import TcpProxy, tcp_proxy

Kind = Literal["web", "worker"]

COST = 10
POINTS = 100_000
FIRST_MEMBER = 7001
FULFIL_SECONDS = 1
# No machine is so slow; what takes longer is stuck.
SECONDS_MAX = 60
_TOKEN_SECONDS = 30
SECRET_KEY = "a sealing key of thirty-two bytes or more"
_OWN_SECRET = "whsec_dGhpcnR5LXR3by1ieXRlcy1mb3ItdGVzdGluZy1vbmx5IQ=="
_MAGE_SECRET = "hook_0123456789abcdef0123456"
APP_SECRET = "shpss_what_the_app_is_known_by"
_OWN_EVENTS = (
    "redemption.requested",
    "redemption.approved",
    "redemption.declined",
    "redemption.refunded",
    "redemption.used",
    "points.earned",
)


class CountingSandbox(SandboxApp):
    """A sandbox that knows how many calls it has in hand: some of them may yet act."""

    def __init__(self, clock: SharedClock) -> None:
        super().__init__(clock, token_seconds=_TOKEN_SECONDS)
        self.in_hand = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path", "").startswith("/_control"):
            await super().__call__(scope, receive, send)
            return
        self.in_hand += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.in_hand -= 1


@dataclass(frozen=True)
class Merchant:
    """A merchant as the town knows it. `number` begins at 1."""

    number: int
    id: int = 0
    purchase_path: str = ""

    @property
    def slug(self) -> str:
        return f"shop-{self.number}"

    @property
    def domain(self) -> str:
        return f"{self.slug}.myshopify.com"

    @property
    def key(self) -> str:
        return f"key_{self.number:04}_0123456789abcdef"

    def hook(self, form: str) -> str:
        return f"{form}-{self.number}"


class Process:
    """`guerdon serve` or `guerdon worker`, to be killed and started again."""

    def __init__(self, kind: Kind, proxy: TcpProxy, town: "Town", number: int) -> None:
        self.kind = kind
        self.proxy = proxy
        self.base = ""
        self._town = town
        self._name = f"{kind}-{number}"
        self._starts = 0
        self._child: Child | None = None

    async def start(self) -> None:
        self._starts += 1
        log = self._town.folder / f"{self._name}.{self._starts}.log"
        arguments = ("serve", "--port", "0", "--no-worker") if self.kind == "web" else ("worker",)
        with log.open("wb") as stderr:
            self._child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.chaos.process", str(self._town.clock_path)),
                *arguments,
                cwd=ROOT,
                env=environment(**self._town.settings(self.proxy.url)),
                stderr=stderr,
            )
        sign = "serving on " if self.kind == "web" else "worker started"
        async with asyncio.timeout(SECONDS_MAX):
            while sign not in (said := log.read_text()):
                assert self._child.returncode is None, f"{self._name} did not start: {said}"
                await asyncio.sleep(0.02)
        if self.kind == "web":
            self.base = said.split(sign)[1].split()[0]
            await self._until_it_answers()

    async def _until_it_answers(self) -> None:
        async with asyncio.timeout(SECONDS_MAX):
            while True:
                try:
                    answer = await self._town.client.get(f"{self.base}/readyz")
                    if answer.status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.02)

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._child is not None, "it was started"
        os.kill(self._child.pid, number)

    async def kill(self) -> None:
        assert self._child is not None, "it was started"
        assert self._child.returncode is None, f"{self._name} died of something else"
        self._child.kill()
        await self._child.wait()

    async def end(self) -> None:
        if self._child is not None and self._child.returncode is None:
            await self.kill()


@dataclass
class Purchases:
    """Who asked for what under which key, and what they were told."""

    asked: dict[str, tuple[Merchant, int]] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)

    @property
    def unanswered(self) -> list[str]:
        return sorted(self.asked.keys() - self.codes.keys())


class Town:
    """Made by `town`."""

    def __init__(
        self, url: str, folder: Path, clock: SharedClock, sandbox: RunningSandbox, count: int
    ) -> None:
        self.url = url
        self.folder = folder
        self.clock = clock
        self.clock_path = folder / "clock"
        self.sandbox = sandbox
        self.merchants = [Merchant(number) for number in range(1, count + 1)]
        self.purchases = Purchases()
        # By merchant and member, what their orders are worth after all refunds.
        self.earned: Counter[tuple[int, int]] = Counter()
        self.webs: list[Process] = []
        self.workers: list[Process] = []
        self._command_line = asyncio.Lock()
        self.client = httpx.AsyncClient(
            trust_env=False,
            timeout=SECONDS_MAX,
            limits=httpx.Limits(max_connections=None, keepalive_expiry=1),
        )

    @property
    def counting(self) -> CountingSandbox:
        app = self.sandbox.app
        assert isinstance(app, CountingSandbox)
        return app

    def settings(self, url: str) -> dict[str, str]:
        """Give the environment of a process that reaches the database at a URL."""
        return {
            "GUERDON_DATABASE_URL": url,
            "GUERDON_SECRET_KEY": SECRET_KEY,
            "GUERDON_FULFIL_SECONDS": str(FULFIL_SECONDS),
            "GUERDON_POOL_SIZE": "5",
            "GUERDON_WEBHOOK_ALLOW_HTTP": "true",
            "GUERDON_WEBHOOK_ALLOW_PRIVATE": "true",
            "GUERDON_LOG_FORMAT": "json",
            "APP": "sandbox-app",
            "APP_SECRET": APP_SECRET,
            "TOOL_KEY": "tool_0123456789abcdef",
            "OWN_HOOK": _OWN_SECRET,
            "MAGE_HOOK": _MAGE_SECRET,
            **{f"KEY_{each.number}": each.key for each in self.merchants},
        }

    async def command(self, *arguments: str) -> Ran:
        """Run a command line to its end, beside everything else."""
        async with self._command_line:
            settings = self.settings(self.url)
            return await asyncio.to_thread(run_here, *arguments, **settings)

    async def found(self, members: int, connection: asyncpg.Pool) -> None:
        """Make the merchants and their members, each member with POINTS."""
        rows = "".join(
            f"{FIRST_MEMBER + each},{FIRST_MEMBER + each}@shopper.example,{POINTS}\n"
            for each in range(members)
        )
        people = self.folder / "members.csv"
        people.write_text(f"external_id,email,points\n{rows}")
        for place, merchant in enumerate(self.merchants):
            path = self.folder / f"{merchant.slug}.yaml"
            path.write_text(yaml.safe_dump(_file_of(merchant, self.sandbox)))
            await self._must("apply", str(path))
            await self._must("import", "members", str(people), "--merchant", merchant.slug)
            (merchant_id, reward_id) = await connection.fetchrow(
                "SELECT merchant_id, r.id FROM merchants m JOIN rewards r USING (merchant_id) "
                "WHERE m.slug = $1",
                merchant.slug,
            )
            path_of_it = f"/mage/v1/rewards/{dress('reward', reward_id)}/purchase"
            self.merchants[place] = Merchant(merchant.number, merchant_id, path_of_it)
            for form, secret in (("standard", _OWN_SECRET), ("mage", _MAGE_SECRET)):
                name = merchant.hook(form)
                await self.sandbox.control(f"hooks/{name}", {"form": form, "secret": secret})

    async def _must(self, *arguments: str) -> None:
        ran = await self.command(*arguments)
        assert ran.code == 0, ran.err

    async def buy(self, key: str, merchant: Merchant, member: int, web: Process) -> None:
        """Ask for the reward once, under a key; keep what was told."""
        self.purchases.asked[key] = (merchant, member)
        try:
            answer = await self.client.post(
                web.base + merchant.purchase_path,
                json={"customer_identifier": str(member)},
                headers={"Authorization": merchant.key, "Idempotency-Key": key},
            )
        except httpx.TransportError:
            return
        assert answer.status_code in (201, 503), answer.text
        if answer.status_code == 201:
            code = answer.json()["data"]["attributes"]["discount_code"]
            # One key, one code: whoever asks again is shown the same.
            assert self.purchases.codes.setdefault(key, code) == code

    async def end(self) -> None:
        for process in (*self.webs, *self.workers):
            await process.end()
        await self.client.aclose()


def _file_of(merchant: Merchant, sandbox: RunningSandbox) -> dict[str, Any]:
    key = {"name": "till", "dialect": "mage", "secret_env": f"KEY_{merchant.number}"}
    tools = ("klaviyo", "omnisend", "postscript")
    file = make_file(
        merchant={"slug": merchant.slug, "name": merchant.slug, "currency": "GBP"},
        keys=[key],
        integrations={
            "shopify": {
                "shop": merchant.domain,
                "client_id_env": "APP",
                "client_secret_env": "APP_SECRET",
                "base_url": sandbox.shopify_of(merchant.domain),
            },
            **{t: {"key_env": "TOOL_KEY", "base_url": f"{sandbox.url}/{t}"} for t in tools},
        },
        webhooks=[
            {
                "url": sandbox.hook(merchant.hook("standard")),
                "dialect": "guerdon",
                "events": list(_OWN_EVENTS),
                "secret_env": "OWN_HOOK",
            },
            {
                "url": sandbox.hook(merchant.hook("mage")),
                "dialect": "mage",
                "events": ["points.redeemed"],
                "secret_env": "MAGE_HOOK",
            },
        ],
    )
    program = file["programs"][0]
    reward = program["rewards"][0] | {"points_cost": COST, "fulfil": {"by": "shopify"}}
    rule = {"slug": "buy", "trigger": "order_paid", "points_per_currency_unit": 1}
    stars = {"slug": "star", "trigger": "order_paid", "points": 1, "points_of": "stars"}
    program |= {"tiers": [], "rewards": [reward], "earning_rules": [rule, stars]}
    # Every order moves two wallets of its member.
    program["point_types"] = ["stars"]
    file["point_types"] = [{"slug": "stars", "name": "Stars", "expiry": {"kind": "never"}}]
    return file


@asynccontextmanager
async def town(
    url: str, folder: Path, *, merchants: int, members: int, webs: int, workers: int
) -> AsyncIterator[Town]:
    """Found a town and start its processes; end them all afterwards."""
    clock = SharedClock(folder / "clock")
    async with AsyncExitStack() as stack:
        stack.enter_context(clock.installed())
        sandbox = await stack.enter_async_context(running_sandbox(CountingSandbox(clock)))
        made = Town(url, folder, clock, sandbox, merchants)
        pool = await stack.enter_async_context(asyncpg.create_pool(url, min_size=0, max_size=2))
        await made.found(members, pool)
        stack.push_async_callback(made.end)
        for kind, count, where in (("web", webs, made.webs), ("worker", workers, made.workers)):
            for number in range(count):
                proxy = await stack.enter_async_context(tcp_proxy(url))
                where.append(Process("web" if kind == "web" else "worker", proxy, made, number))
        await asyncio.gather(*(each.start() for each in (*made.webs, *made.workers)))
        yield made
