"""The demo, twice, and the shop that it leaves."""

import re
from pathlib import Path

import httpx

from tests.support.commands import run, served


def test_runs_twice_and_leaves_a_shop_to_go_on_with(data_dir: Path) -> None:
    settings, printed = {"GUERDON_DATA_DIR": str(data_dir)}, ""
    for members in (1, 2):
        ran = run("demo", **settings)
        assert (ran.code, ran.err) == (0, "")
        assert re.search(r'"discount_code": "ROAST-\w{10}"', ran.out)
        assert "-150 of lot" in ran.out
        assert '"status": "ACTIVE"' in ran.out
        assert '"owner": "gid://shopify/Customer/' in ran.out
        assert '"point_cost": 150' in ran.out
        assert '"redeemable_type": "fulfilment"' in ran.out
        assert '"message": "Points spent on reward transaction created"' in ran.out
        assert re.search(r'"id": "lrtx_[0-9a-f]{18}"', ran.out)
        assert '"status": "APPROVED"' in ran.out
        assert ran.out.count('"Reward Name": "£10 off at the till"') == 3
        assert f"Every balance is proven {members} members" in ran.out
        assert str(data_dir) in ran.out
        printed = ran.out
    key, path = _printed(printed)
    with served("--no-worker", **settings) as (_, base):
        answer = httpx.get(
            f"{base}{path}", headers={"Authorization": key}, timeout=30, trust_env=False
        )
        lion_key, lion_path, claim = _claim_printed(printed)
        claimed = httpx.post(
            f"{base}{lion_path}",
            content=claim,
            headers={"Authorization": f"Bearer {lion_key}"},
            timeout=30,
            trust_env=False,
        )
        bought = _purchases_printed(printed)
        listed = httpx.get(f"{base}{bought[1]}", headers=bought[0], timeout=30, trust_env=False)
    assert len(answer.json()["data"]) == 6
    assert [each["status"] for each in listed.json()["data"]] == ["APPROVED"] * 4
    # All points of the demo are spent.
    assert (claimed.status_code, claimed.json()["error"]["code"]) == (422, "insufficient_points")
    assert run("verify", **settings).code == 0


def _printed(said: str) -> tuple[str, str]:
    found = re.search(r"curl -H 'Authorization: (\S+)' http://127\.0\.0\.1:8700(\S+)", said)
    assert found is not None
    return found[1], found[2]


def _claim_printed(said: str) -> tuple[str, str, str]:
    key = re.search(r"Authorization: Bearer (\S+)'", said)
    claim = re.search(r"-d '([^']*reward_id[^']*)'", said)
    path = re.search(r"http://127\.0\.0\.1:8700(/loyaltylion\S+)", said)
    assert key is not None
    assert claim is not None
    assert path is not None
    return key[1], path[1], claim[1]


def _purchases_printed(said: str) -> tuple[dict[str, str], str]:
    pair = re.search(r"-H 'X-App-Id: (\S+)' -H 'X-App-Token: (\S+)'", said)
    path = re.search(r"http://127\.0\.0\.1:8700(/voucherify\S+)", said)
    assert pair is not None
    assert path is not None
    return {"X-App-Id": pair[1], "X-App-Token": pair[2]}, path[1]
