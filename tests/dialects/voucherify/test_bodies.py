"""Bodies: closed, and what is wrong with one is said in the vendor's words."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import UNSET, Meta, Struct, UnsetType

from guerdon.dialects.voucherify.body import Body, convert
from guerdon.dialects.voucherify.problems import Fault

Name = Annotated[str, Meta(min_length=1, max_length=3)]


class Never(Struct, frozen=True, tag="NEVER", tag_field="type", forbid_unknown_fields=True):
    pass


class Period(Struct, frozen=True, tag="PERIOD", tag_field="type", forbid_unknown_fields=True):
    unit: Literal["DAY", "MONTH"]
    value: Annotated[int, Meta(ge=1, le=99)]


class Item(Body, frozen=True, kw_only=True):
    id: str


class Wanted(Body, frozen=True, kw_only=True):
    points: Annotated[int, Meta(ge=-5, le=5)]
    name: Name | None = None
    mode: Literal["TRANSACTION", "DRY_RUN"] = "TRANSACTION"
    expiration: Never | Period | None = None
    items: Annotated[list[Item], Meta(min_length=1, max_length=2)] | None = None
    metadata: dict[str, Any] | UnsetType = UNSET
    code: Annotated[str, Meta(pattern="^[a-z]+$")] = "a"
    either: int | str = 0
    counts: dict[str, int] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name == "bad":
            raise ValueError("Names are good")


_ALLOWED = "must be equal to one of the allowed values"
_RIGHT: dict[str, Any] = {
    "points": 1,
    "name": "ana",
    "expiration": {"type": "PERIOD", "unit": "DAY", "value": 2},
    "items": [{"id": "a"}],
    "metadata": {"a": [1, None]},
}


def test_what_is_right_is_taken() -> None:
    taken = convert(_RIGHT, Wanted)
    assert msgspec.to_builtins(taken)["expiration"] == _RIGHT["expiration"]
    assert convert([{"id": "a"}], list[Item]) == [Item(id="a")]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"points": None}, "Property .points must be integer"),
        ({"points": "1"}, "Property .points must be integer"),
        ({"points": 1.5}, "Property .points must be integer"),
        ({"points": 6}, "Property .points cannot be greater than 5"),
        ({"points": -6}, "Property .points cannot be lower than -5"),
        ({"more": 1}, "Payload must NOT have additional properties ('more')"),
        ({"name": ""}, "Property .name must NOT have fewer than 1 characters"),
        ({"name": "anna"}, "Property .name must NOT have more than 3 characters"),
        ({"name": 3}, "Property .name must be string"),
        (
            {"mode": "REAL"},
            "Property .mode must be equal to one of the allowed values [ TRANSACTION, DRY_RUN ]",
        ),
        (
            {"mode": None},
            "Property .mode must be equal to one of the allowed values [ TRANSACTION, DRY_RUN ]",
        ),
        ({"expiration": 1}, "Property .expiration must be object"),
        ({"expiration": {}}, "Property .expiration must have required property 'type'"),
        (
            {"expiration": {"type": "LATER"}},
            f"Property .expiration.type {_ALLOWED} [ NEVER, PERIOD ]",
        ),
        (
            {"expiration": {"type": ["NEVER"]}},
            f"Property .expiration.type {_ALLOWED} [ NEVER, PERIOD ]",
        ),
        (
            {"expiration": {"type": "NEVER", "unit": "DAY"}},
            "Property .expiration must NOT have additional properties ('unit')",
        ),
        (
            {"expiration": {"type": "PERIOD", "unit": "DAY", "value": 100}},
            "Property .expiration.value cannot be greater than 99",
        ),
        ({"items": {}}, "Property .items must be array"),
        ({"items": []}, "Property .items must NOT have fewer than 1 items"),
        ({"items": [{"id": "a"}] * 3}, "Property .items must NOT have more than 2 items"),
        ({"items": [{"id": "a"}, {}]}, "Property .items[1] must have required property 'id'"),
        ({"items": [{"id": 1}]}, "Property .items[0].id must be string"),
        ({"items": [1]}, "Property .items[0] must be object"),
        ({"metadata": None}, "Property .metadata must be object"),
        ({"code": "A"}, 'Property .code must match pattern "^[a-z]+$"'),
        ({"either": []}, "Property .either must be integer or string"),
        ({"counts": {"a": "b"}}, "Property .counts.a must be integer"),
        ({"name": "bad"}, "Payload is invalid: names are good"),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, Any], said: str) -> None:
    with pytest.raises(Fault) as caught:
        convert(_RIGHT | change, Wanted)
    body = msgspec.json.decode(caught.value.answer.body)
    assert (body["code"], body["key"], body["message"]) == (
        400,
        "invalid_payload",
        "Invalid payload",
    )
    assert body["details"] == said


@pytest.mark.parametrize(
    ("value", "wanted", "said"),
    [
        ({}, Wanted, "Payload must have required property 'points'"),
        ([], Wanted, "Payload must be object"),
        ({"id": "a"}, list[Item], "Payload must be array"),
        ([{"id": 1}], list[Item], "Property [0].id must be string"),
    ],
)
def test_the_whole_can_be_wrong(value: object, wanted: Any, said: str) -> None:
    with pytest.raises(Fault) as caught:
        convert(value, wanted)
    assert msgspec.json.decode(caught.value.answer.body)["details"] == said
