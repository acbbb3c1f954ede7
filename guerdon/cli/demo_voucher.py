"""A purchase of the demo through the dialect of Voucherify, which is settled after the answer."""

import asyncio
import time
from typing import Any

import httpx

from guerdon.cli.console import fail
from guerdon.dialects.voucherify.ids import write_id
from guerdon.domain.ids import MemberId, ProgramId

_WAIT_SECONDS = 30.0
_PAUSE_SECONDS = 0.1


def purchase_path(program_id: ProgramId, member_id: MemberId) -> str:
    """Give where a member's purchases are, from the server's root."""
    program, member = write_id("program", program_id), write_id("member", member_id)
    return f"/voucherify/v2/loyalties/programs/{program}/members/{member}/rewards/purchases"


async def await_approval(
    client: httpx.AsyncClient, path: str, headers: dict[str, str]
) -> dict[str, Any]:
    """Ask for the latest purchase until it is approved or rejected."""
    until = time.monotonic() + _WAIT_SECONDS
    while True:
        answer = await client.get(path, params={"limit": 1}, headers=headers)
        found: list[dict[str, Any]] = answer.json()["data"]
        if found and found[0]["status"] not in ("PENDING", "PROCESSING"):
            return found[0]
        if time.monotonic() > until:
            fail("the purchase was not settled; is the worker running?")
        await asyncio.sleep(_PAUSE_SECONDS)
