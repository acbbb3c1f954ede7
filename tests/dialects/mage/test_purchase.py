"""Points buy a reward over HTTP."""

import re

from tests.builders.http import Served


async def test_points_buy_a_reward(served: Served) -> None:
    await served.enrol(points=250)
    response = await served.purchase()
    assert response.status_code == 201
    attributes = response.json()["data"]["attributes"]
    assert attributes["points_spent"] == 100
    assert re.fullmatch(r"MAGE-[A-Z0-9]{10}", attributes["discount_code"])
