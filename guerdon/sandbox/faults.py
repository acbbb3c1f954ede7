"""Scripted failures: which call they meet, and how often."""

from collections.abc import Iterable
from typing import Any, Literal

from msgspec import Struct

ServiceName = Literal["shopify", "klaviyo", "omnisend", "postscript", "webhook"]
Kind = Literal[
    "late",
    "never",
    "cut_before",
    "cut_after",
    "status",
    "throttled",
    "user_error",
    "top_error",
    "wrong_version",
]


class Fault(Struct, kw_only=True, forbid_unknown_fields=True):
    """One scripted failure. It meets the `nth` matching call from when it was added, and so many
    `times`; without an nth, every matching call. A call that another fault met first is made up for
    by the next one."""

    service: ServiceName
    kind: Kind
    match: str | None = None
    nth: int | None = 1
    times: int = 1
    seconds: float = 2.0
    acts_late: bool = False
    status: int | None = None
    body: Any = None
    headers: dict[str, str] = {}
    code: str | None = None
    field: list[str] | None = None
    message: str | None = None


class _Armed(Struct):
    fault: Fault
    seen: int = 0
    met: int = 0

    @property
    def is_spent(self) -> bool:
        return self.fault.nth is not None and self.met >= self.fault.times

    @property
    def is_due(self) -> bool:
        nth = self.fault.nth
        return nth is None or (self.seen >= nth and not self.is_spent)


class FaultList:
    """The faults in the order they were added; the first that meets a call decides."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def add(self, faults: Iterable[Fault]) -> None:
        self._armed.extend(_Armed(fault) for fault in faults)

    def clear(self) -> None:
        self._armed.clear()

    def remove(self, place: int) -> None:
        if 0 <= place < len(self._armed):
            del self._armed[place]

    def listed(self) -> list[tuple[Fault, int, bool]]:
        """List each fault with the matching calls it has seen, and whether it is used up."""
        return [(armed.fault, armed.seen, armed.is_spent) for armed in self._armed]

    def meet(self, service: ServiceName, names: Iterable[str], path: str) -> Fault | None:
        """Count a call, and give the fault that it meets. Every matching fault counts it."""
        met = None
        named = set(names)
        for armed in self._armed:
            fault = armed.fault
            if fault.service != service or not _matches(fault, named, path):
                continue
            armed.seen += 1
            if met is None and armed.is_due:
                armed.met += 1
                met = fault
        return met


def _matches(fault: Fault, names: set[str], path: str) -> bool:
    return fault.match is None or fault.match in names or fault.match in path
