"""An id on the command line that can be none is refused as such."""

import pytest
from typer.testing import CliRunner

from guerdon.cli.main import app

_NONE = ("99999999999999999999", "9007199254740992", "0", "-1")


@pytest.mark.parametrize("number", _NONE)
@pytest.mark.parametrize(
    "command",
    [
        "redemptions show",
        "redemptions retry",
        "redemptions void",
        "redemptions complete",
        "deliveries replay",
        "inbox replay",
        "keys revoke",
    ],
)
def test_what_can_be_no_id_is_refused_before_anything_is_asked(command: str, number: str) -> None:
    told = CliRunner().invoke(app, [*command.split(), "--", number])
    assert told.exit_code == 2, told.output
    assert "Invalid value for" in told.output
