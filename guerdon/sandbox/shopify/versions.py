"""The versions of the Admin API that are alive, and which of them answers a call."""

import re

NEWEST = "2026-10"
VERSIONS = ("2026-01", "2026-04", "2026-07", NEWEST, "unstable")

_DATED = re.compile(r"\d{4}-(01|04|07|10)")


def serving(asked: str) -> str | None:
    """Give the version that serves a call. A retired one is served by the oldest that lives; None
    for what is no version, or not one yet."""
    if asked in VERSIONS:
        return asked
    if _DATED.fullmatch(asked) is None or asked > NEWEST:
        return None
    return VERSIONS[0]
