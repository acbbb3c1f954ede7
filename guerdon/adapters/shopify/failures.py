"""The ways a call to Shopify fails, told apart by what is known of its effect."""

from collections.abc import Mapping, Sequence

from msgspec import Struct


class UserError(Struct, frozen=True):
    """One thing that Shopify did not like about the input; `code` may be absent."""

    field: tuple[str, ...]
    code: str | None
    message: str


class NotExecuted(Exception):
    """The call changed nothing. `is_permanent`: the same call cannot do better later.

    `after_seconds`: how long to leave the shop alone."""

    def __init__(
        self, reason: str, *, is_permanent: bool = False, after_seconds: float | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_permanent = is_permanent
        self.after_seconds = after_seconds


class AnswerLost(Exception):
    """The call was sent, and whether it took effect is not known.

    `after_seconds`: how long to leave the shop alone."""

    def __init__(self, reason: str, *, after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.after_seconds = after_seconds


class Declined(Exception):
    """The call was carried out and Shopify said no, in the payload's own words."""

    def __init__(self, errors: Sequence[UserError]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(_say(error) for error in self.errors))

    def names(self, *path_end: str) -> bool:
        """Say whether one of the errors is about the field that this path ends in."""
        return any(error.field[-len(path_end) :] == path_end for error in self.errors)

    def has_code(self, code: str) -> bool:
        return any(error.code == code for error in self.errors)


def read_user_errors(payload: Mapping[str, object]) -> list[UserError]:
    """Read what a payload says was wrong; an empty list is success."""
    listed = payload.get("userErrors") or []
    assert isinstance(listed, list)
    return [
        UserError(
            field=tuple(str(part) for part in each.get("field") or ()),
            code=each.get("code"),
            message=str(each.get("message")),
        )
        for each in listed
    ]


def _say(error: UserError) -> str:
    place = ".".join(error.field)
    code = f" ({error.code})" if error.code else ""
    return f"{place}: {error.message}{code}" if place else f"{error.message}{code}"
