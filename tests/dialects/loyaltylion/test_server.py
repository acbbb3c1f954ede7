"""The dialect behind a real server, and made-up requests to everything that it describes."""

import asyncio
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from guerdon.dialects.loyaltylion.routes import ROUTES
from guerdon.engine.verifying import verify
from tests.builders.lion import TOKEN, ServedLion
from tests.builders.shop import make_reward, make_rule, make_shop, make_tier
from tests.dialects.loyaltylion.conftest import ServeLion


@asynccontextmanager
async def _listening(served: ServedLion) -> AsyncIterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(served.app, lifespan="off", log_level="critical", ws="none")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


async def test_document_describes_every_route(served: ServedLion) -> None:
    response = await served.client.get("/schema", headers={"Authorization": ""})
    assert response.status_code == 200
    document = response.json()
    assert document["servers"] == [{"url": "/loyaltylion"}]
    described = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    assert described == {(route.method, route.path) for route in ROUTES}


# What rests on more than one field, or on what there is, no description can say.
_LENIENT = (
    "negative_data_rejection",
    "positive_data_acceptance",
    "missing_required_header",
    "unsupported_method",
)

# Random ids lead nowhere, so one run is told of things that are there.
_THERE = """
[parameters]
merchant_id = "1"

[[operations]]
include-path-regex = "/v2/rewards/"
parameters = { reward_id = "1002" }

[[operations]]
include-path-regex = "claimed_rewards/"
parameters = { claimed_reward_id = "%d" }
"""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("phases", ["coverage", "fuzzing"])
async def test_made_up_requests_are_answered_as_described(
    serve_shop: ServeLion, tmp_path: Path, phases: str
) -> None:
    rules = (make_rule(1), make_rule(2, trigger="order_paid", is_per_unit=True, points=2))
    rewards = (make_reward(1, points_cost=0), make_reward(2, kind="custom", units_max=5))
    shop = make_shop(rewards=rewards, tiers=(make_tier(1, 0),), rules=rules)
    served = await serve_shop(shop)
    for number in range(3):
        await served.enrol(f"{number}", f"p{number}@shop.example", points=1000)
    claimed = await served.client.post("/v2/customers/1/claimed_rewards", json={"reward_id": 1001})
    there = _THERE % claimed.json()["claimed_reward"]["id"]
    (tmp_path / "schemathesis.toml").write_text(there if phases == "fuzzing" else "")
    tool = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    assert tool is not None
    async with _listening(served) as url:
        process = await asyncio.create_subprocess_exec(
            tool,
            "run",
            f"{url}/loyaltylion/schema",
            f"--header=Authorization: Bearer {TOKEN}",
            f"--phases={phases}",
            "--max-examples=8",
            "--seed=20261122",
            f"--exclude-checks={','.join(_LENIENT)}",
            "--continue-on-failure",
            "--no-color",
            "--warnings=off",
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), 280)
        async with httpx.AsyncClient() as client:
            metrics = (await client.get(f"{url}/metrics")).text
    assert process.returncode == 0, output.decode()[-8000:]
    assert 'status="5' not in metrics
    if phases == "fuzzing":
        route = 'route="/v2/customers/{merchant_id}/points",status="201"'
        assert f'dialect="loyaltylion",{route}' in metrics
    assert (await verify(served.ledger.runtime.pool)).drifts == []
