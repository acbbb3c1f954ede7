"""The moments at which a process dies, each made exact: the outside world holds a call, or a proxy
holds a commit or its answer, while the process is killed."""

import asyncio
from typing import Any, Literal

from msgspec import Struct

from tests.chaos.town import SECONDS_MAX, Kind, Process, Town
from tests.support.tcp_proxy import AtCommit

# What leads to the moment. `buy`: somebody buys. `left`: a web process died in the middle of
# handing over. `lost`: the answers of the shop were lost, and the caller was told no. `refund`: a
# redemption is voided. `order`: the shop tells of an order.
Scene = Literal["buy", "left", "lost", "refund", "order"]

_SPENDS = b"INSERT INTO redemptions"
_SETTLES = b"UPDATE redemptions"
_LEAVES = b"INSERT INTO fulfilments"
_CLAIMS = b"UPDATE fulfilments f\nSET leased_until"
_CLOSES = b"SET leased_until = NULL, is_open"
_PUTS_OFF = b"SET leased_until = NULL, next_at"
_KEEPS = b"INSERT INTO inbox_events"
_TAKES = b"UPDATE inbox_events i\nSET leased_until"
_REMEMBERS = b"UPDATE platform_objects"
_EARNS = b"INSERT INTO earnings"
_DEALT_WITH = b"UPDATE inbox_events i\nSET status"
_HANDS_ON = b"INSERT INTO deliveries"
_LEASES = b"UPDATE deliveries\nSET attempts"
_DELIVERED = b"SET status = 'delivered', is_open = false"


class Moment(Struct, frozen=True, kw_only=True):
    """Either at a commit or at a call. `arrives`: the commit that was held reaches the server after
    the process that sent it is dead; else it never does."""

    victim: Kind
    scene: Scene
    at_commit: AtCommit | None = None
    of: bytes = b""
    arrives: bool = False
    at_call: tuple[str, str | None] | None = None
    fault: str = "never"

    def __str__(self) -> str:
        if self.at_call is not None:
            where = f"in {self.at_call[1] or self.at_call[0]}, which {_SAID[self.fault]}"
        else:
            assert self.at_commit is not None, "it is at the one or the other"
            what = self.of.decode().replace("\n", " ")
            late = ", which arrives" if self.arrives else ""
            where = f"{self.at_commit.value} {what}{late}"
        return f"{self.victim} dies after {self.scene}: {where}"


_SAID = {"never": "does not act", "late": "has acted", "acts_late": "acts later"}


def _around(victim: Kind, scene: Scene, of: bytes) -> list[Moment]:
    """Give three moments of a commit: it is lost, it arrives all the same, it is not heard of."""
    return [
        Moment(victim=victim, scene=scene, at_commit=AtCommit.STALL, of=of),
        Moment(victim=victim, scene=scene, at_commit=AtCommit.STALL, of=of, arrives=True),
        Moment(victim=victim, scene=scene, at_commit=AtCommit.HIDE, of=of),
    ]


def _in_call(
    victim: Kind, scene: Scene, service: str, match: str | None, *faults: str
) -> list[Moment]:
    return [
        Moment(victim=victim, scene=scene, at_call=(service, match), fault=fault)
        for fault in faults or ("never", "late")
    ]


_CREATE, _LOOK, _END = (
    "discountCodeBasicCreate",
    "codeDiscountNodeByCode",
    "discountCodeDeactivate",
)
MOMENTS: tuple[Moment, ...] = (
    *_around("web", "buy", _SPENDS),
    *_in_call("web", "buy", "shopify", "access_token"),
    *_in_call("web", "buy", "shopify", _CREATE, "never", "late", "acts_late"),
    *_around("web", "buy", _SETTLES),
    *_in_call("web", "lost", "shopify", _LOOK, "never"),
    *_around("web", "lost", _LEAVES),
    *_around("web", "lost", _SETTLES),
    *_around("web", "order", _KEEPS),
    *_around("worker", "left", _CLAIMS),
    *_in_call("worker", "left", "shopify", _LOOK),
    *_in_call("worker", "left", "shopify", _CREATE, "never", "late", "acts_late"),
    *_around("worker", "left", _SETTLES),
    *_around("worker", "left", _CLOSES),
    *_in_call("worker", "lost", "shopify", _LOOK),
    *_in_call("worker", "lost", "shopify", _END, "never", "late", "acts_late"),
    *_around("worker", "lost", _PUTS_OFF),
    *_in_call("worker", "refund", "shopify", _END),
    *_around("worker", "order", _TAKES),
    *_around("worker", "order", _REMEMBERS),
    *_around("worker", "order", _EARNS),
    *_around("worker", "order", _DEALT_WITH),
    *_around("worker", "buy", _HANDS_ON),
    *_around("worker", "buy", _LEASES),
    *_in_call("worker", "buy", "shopify", "metafieldsSet"),
    *_in_call("worker", "buy", "klaviyo", None),
    *_in_call("worker", "buy", "omnisend", None),
    *_in_call("worker", "buy", "postscript", None),
    *_in_call("worker", "buy", "webhook", "standard"),
    *_in_call("worker", "buy", "webhook", "mage"),
    *_around("worker", "buy", _DELIVERED),
)


def fault_of(service: str, match: str | None, kind: str, **more: Any) -> dict[str, Any]:
    """Write a fault as the control surface takes it."""
    fault: dict[str, Any] = {"service": service, "match": match, "kind": kind, **more}
    if kind == "acts_late":
        fault |= {"kind": "late", "acts_late": True}
    return fault


async def die(town: Town, moment: Moment, process: Process) -> None:
    """Wait for the moment, which has been armed, and kill the process at it."""
    async with asyncio.timeout(SECONDS_MAX):
        if moment.at_commit is not None:
            await process.proxy.stalled()
        else:
            await until_spent(town)
    await process.kill()
    proxy = process.proxy
    if not moment.arrives:
        proxy.cut_all()
        await proxy.idle()
    proxy.release()
    await proxy.idle()


async def arm(town: Town, moment: Moment, process: Process) -> None:
    """Have the moment held up when it comes."""
    if moment.at_commit is not None:
        process.proxy.at_commit(moment.at_commit, of=moment.of)
    else:
        assert moment.at_call is not None, "it is at the one or the other"
        seconds = 1.5 if moment.fault == "late" else 0.7
        await town.sandbox.faults(fault_of(*moment.at_call, moment.fault, seconds=seconds))


async def until_spent(town: Town) -> None:
    """Wait until every fault that was scripted has met its call."""
    while not is_spent(town):
        await asyncio.sleep(0.005)


def is_spent(town: Town) -> bool:
    return all(is_over for _, _, is_over in town.counting.world.faults.listed())
