"""Lists: limits, orders, filters and cursors, by the list of programs."""

from tests.builders.vouch import PROGRAM_ID, ServedVouch

_PROGRAMS = "/v2/loyalties/programs"


async def test_programs_are_listed(served: ServedVouch) -> None:
    response = await served.client.get(_PROGRAMS)
    assert response.status_code == 200
    body = response.json()
    assert [each["id"] for each in body["data"]] == [PROGRAM_ID]
    assert (body["cursor"], body["object"]) == (None, "list")
    assert response.headers["x-rate-limit-limit"] == "2000"
