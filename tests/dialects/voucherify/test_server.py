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

from guerdon.dialects.voucherify.routes import ROUTES
from guerdon.engine.verifying import verify
from tests.builders.shop import make_reward, make_rule, make_shop, make_tier
from tests.builders.vouch import APP_ID, APP_TOKEN, PROGRAM_ID, ServedVouch
from tests.dialects.voucherify.conftest import ServeVouch


@asynccontextmanager
async def _listening(served: ServedVouch) -> AsyncIterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(served.app, lifespan="off", log_level="critical", ws="none")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


async def test_document_describes_every_route(served: ServedVouch) -> None:
    response = await served.client.get("/schema", headers={"X-App-Id": "", "X-App-Token": ""})
    assert response.status_code == 200
    document = response.json()
    assert document["servers"] == [{"url": "/voucherify"}]
    assert document["security"] == [{"app_id": [], "app_token": []}, {"bearer": []}]
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


# Every edge of every field is tried where points move; bodies of offers have thousands of them.
_PHASES = {
    "coverage": ["--include-path-regex=/(purchases|points|redemption)$"],
    "fuzzing": [],
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("phases", _PHASES)
async def test_made_up_requests_are_answered_as_described(
    serve_shop: ServeVouch, tmp_path: Path, phases: str
) -> None:
    rules = (make_rule(1), make_rule(2, trigger="order_paid", is_per_unit=True, points=2))
    rewards = (make_reward(1, points_cost=0), make_reward(2, kind="custom", units_max=5))
    shop = make_shop(rewards=rewards, tiers=(make_tier(1, 0),), rules=rules)
    served = await serve_shop(shop)
    member_id = await served.enrol(points=1000)
    # Random ids lead nowhere, so one run is told of things that are there.
    there = f'[parameters]\nprogramId = "{PROGRAM_ID}"\nmemberId = "{member_id}"\n'
    (tmp_path / "schemathesis.toml").write_text(there if phases == "fuzzing" else "")
    tool = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    assert tool is not None
    async with _listening(served) as url:
        process = await asyncio.create_subprocess_exec(
            tool,
            "run",
            f"{url}/voucherify/schema",
            f"--header=X-App-Id: {APP_ID}",
            f"--header=X-App-Token: {APP_TOKEN}",
            f"--phases={phases}",
            *_PHASES[phases],
            "--max-examples=3",
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
        route = 'route="/v2/loyalties/programs",status="200"'
        assert f'dialect="voucherify",{route}' in metrics
    assert (await verify(served.ledger.runtime.pool)).drifts == []
