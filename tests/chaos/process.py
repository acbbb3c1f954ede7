"""`guerdon` as a user runs it, with a clock that the test can move, and with short waits.

python -m tests.chaos.process CLOCK serve --port 0
python -m tests.chaos.process CLOCK worker

What is shortened are waits in real time, which the clock cannot shorten: how often a worker looks,
how long a call goes unanswered before it is given up, how long a failing platform is left alone."""

import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tests.support.shared_clock import SharedClock

ANSWER_SECONDS = 0.8
_SHORTENED: tuple[tuple[str, str, float], ...] = (
    ("guerdon.adapters.shopify.breaker", "OPEN_SECONDS_FIRST", 0.1),
    ("guerdon.adapters.shopify.breaker", "OPEN_SECONDS", 0.3),
    ("guerdon.adapters.omnisend.deliver", "_REST_SECONDS", 0.2),
    ("guerdon.adapters.klaviyo.deliver", "_REST_SECONDS", 0.2),
    ("guerdon.adapters.postscript.deliver", "_REST_SECONDS", 0.2),
    ("guerdon.engine.connections", "_KEPT_SECONDS", 0.5),
    ("guerdon.worker.dispatching", "_PATIENCE_SECONDS_MAX", 0.3),
    ("guerdon.worker.dispatching", "_LOOK_SECONDS", 0.05),
    ("guerdon.worker.retry", "_FIRST_SECONDS", 0.05),
)
_QUICK_CHORES = ("see to redemptions", "act on the inbox")
_CHORE_SECONDS = 0.1


def _shorten() -> None:
    for module, name, value in _SHORTENED:
        put(import_module(module), name, value)
    caller = import_module("guerdon.http.calling").Caller
    put(caller.__init__.__kwdefaults__, "seconds_max", ANSWER_SECONDS)
    shops = import_module("guerdon.adapters.shopify.shops").Shops
    put(shops.__init__.__kwdefaults__, "answer_seconds", ANSWER_SECONDS)
    make_shopify = import_module("guerdon.adapters.shopify.platform").make_shopify
    put(make_shopify.__kwdefaults__, "answer_seconds", ANSWER_SECONDS)
    for module, form in (
        ("guerdon.adapters.webhooks.standard", "StandardForm"),
        ("guerdon.dialects.mage.announcing", "MageForm"),
    ):
        put(getattr(import_module(module), form), "timeout_seconds", ANSWER_SECONDS)
    background = import_module("guerdon.cli.background")
    chores = [
        replace(chore, interval_seconds=_CHORE_SECONDS) if chore.name in _QUICK_CHORES else chore
        for chore in import_module("guerdon.worker.timetable").TIMETABLE
    ]
    put(background, "run", partial(background.run, timetable=chores))


def put(where: Any, name: str, value: object) -> None:
    """Replace what is there; what is not there any more is a mistake of this file."""
    if isinstance(where, dict):
        assert name in where, f"no {name} any more"
        where[name] = value
    else:
        assert hasattr(where, name), f"{where} has no {name} any more"
        setattr(where, name, value)


def _main() -> None:
    clock = SharedClock(Path(sys.argv.pop(1)))
    _shorten()
    from guerdon.cli.main import main

    with clock.installed():
        main()


if __name__ == "__main__":
    _main()
