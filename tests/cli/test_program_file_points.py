"""What a program file says of point types, and how a merchant is made equal to it."""

from typing import Any

import asyncpg
import pytest

from guerdon.cli.program_file import BadProgramFile
from guerdon.cli.showing import facts_of
from guerdon.domain.blueprint import Difference
from guerdon.domain.catalogue import Catalogue, PointType
from guerdon.domain.errors import Conflict
from guerdon.domain.ids import MerchantId, PointTypeId
from guerdon.domain.point_terms import CodeForm, Delay, Expiry, SpendLimits, YearDay
from guerdon.domain.terms import Period
from guerdon.engine import applying
from guerdon.engine.runtime import Runtime
from guerdon.store import catalogues, offers, sequences
from guerdon.store.snapshot import snapshot
from guerdon.store.transaction import transaction
from tests.builders.program_file import make_blueprint, make_file

_GEMS = {
    "slug": "gems",
    "name": "Gems",
    "expiry": {
        "kind": "rolling",
        "period": {"value": 12, "unit": "month"},
        "rounding": "particular_month",
        "rounding_month": 6,
    },
    "delay": {"kind": "dates", "dates": [{"day": 1, "month": 1}, {"day": 29, "month": 2}]},
    "spend_limits": {
        "points_max": 900,
        "interval": "quarter",
        "interval_points_max": 300,
        "at_once_max": 50,
    },
    "exchange_ratio": 0.005,
    "code": {"pattern": "####-####", "charset": "ABCDEFGH23456789", "prefix": "G", "postfix": "!"},
}


def _file(*point_types: dict[str, Any], **program: Any) -> dict[str, Any]:
    file = make_file(point_types=list(point_types))
    file["programs"][0] |= program
    return file


def _with_gems(**gems: Any) -> dict[str, Any]:
    file = _file(_GEMS | gems, point_types=["gems"])
    file["programs"][0]["rewards"][1]["points_of"] = "gems"
    file["programs"][0]["earning_rules"][0]["points_of"] = "gems"
    return file


def test_a_point_type_says_all_about_its_points() -> None:
    blueprint = make_blueprint(_with_gems())
    (gems,) = blueprint.point_types
    assert gems == PointType(
        id=PointTypeId(0),
        slug="gems",
        name="Gems",
        expiry=Expiry(
            kind="rolling",
            period=Period(12, "month"),
            rounding="particular_month",
            rounding_month=6,
        ),
        delay=Delay(kind="dates", dates=(YearDay(1, 1), YearDay(29, 2))),
        spend_limits=SpendLimits(
            points_max=900, interval="quarter", interval_points_max=300, at_once_max=50
        ),
        exchange_ratio="0.005",
        code=CodeForm(pattern="####-####", charset="ABCDEFGH23456789", prefix="G", postfix="!"),
    )
    (program,) = blueprint.programs
    assert program.point_types == ("gems",)
    assert [each.points_of for each in program.rewards] == [None, "gems"]
    assert program.rules_points_of == {"join": "gems"}


_ROLLING = {"kind": "rolling", "period": {"value": 1, "unit": "month"}}
_CODE = {"pattern": "########", "charset": "0123456789ABCDEF"}


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ({"expiry": {"kind": "rolling"}}, "expiry.period: missing; rolling needs it"),
        ({"expiry": {"kind": "calendar"}}, "expiry.dates: missing; calendar needs it"),
        ({"expiry": _ROLLING | {"kind": "never"}}, "expiry.period: never has none"),
        (
            {"expiry": _ROLLING | {"kind": "sliding"}},
            "expiry.resets_on: missing; sliding needs it",
        ),
        (
            {"expiry": _ROLLING | {"rounding": "particular_month"}},
            "expiry.rounding_month: missing",
        ),
        (
            {"expiry": _ROLLING | {"rounding": "month", "rounding_month": 3}},
            "expiry.rounding_month: only particular_month has it",
        ),
        (
            {"expiry": {"kind": "rolling", "period": {"value": 3, "unit": "hour"}}},
            "expiry.period.unit: points expire by the day; give days or more",
        ),
        (
            {"expiry": {"kind": "calendar", "dates": [{"day": 31, "month": 6}]}},
            "expiry.dates[0].day: month 6 has no day 31",
        ),
        ({"delay": {"kind": "dates"}}, "delay.dates: missing; dates needs it"),
        (
            {"delay": {"kind": "dates", "period": {"value": 1, "unit": "day"}, "dates": []}},
            "delay.period: dates has none",
        ),
        (
            {"spend_limits": {"interval": "month"}},
            "spend_limits.interval_points_max: missing; interval and interval_points_max go",
        ),
        (
            {"spend_limits": {"interval": "ever", "interval_points_max": 3}},
            "spend_limits.interval: points_max is what may be spent ever",
        ),
        ({"exchange_ratio": 0}, "exchange_ratio: 0 is not a number above 0"),
        ({"code": _CODE | {"pattern": "###-"}}, "code.pattern: such codes have 12 bits; 32"),
        ({"code": _CODE | {"charset": "0123456789ABCDEFF"}}, "code.charset: its characters"),
        ({"colour": "red"}, "colour: unknown key"),
    ],
)
def test_a_bad_point_type_is_refused_with_the_path(part: dict[str, Any], problem: str) -> None:
    with pytest.raises(BadProgramFile) as refused:
        make_blueprint(_file({"slug": "gems", "name": "Gems", **part}))
    assert f"point_types[0].{problem}" in refused.value.problems[0]


def test_what_names_no_point_type_is_refused() -> None:
    file = _file(_GEMS, point_types=["gold", "main", "gems", "gems"])
    file["programs"][0]["rewards"][0]["points_of"] = "silver"
    file["programs"][0]["earning_rules"][1]["points_of"] = "main"
    file["point_types"].append(_GEMS)
    with pytest.raises(BadProgramFile) as refused:
        make_blueprint(file)
    assert refused.value.problems == [
        "point_types[1].slug: 'gems' is there twice",
        "programs[0].point_types[3].slug: 'gems' is there twice",
        "programs[0].point_types[0]: no point type 'gold'",
        "programs[0].point_types[1]: its own are there anyway",
        "programs[0].rewards[0].points_of: the program has no points 'silver'",
    ]


# -- applied ---------------------------------------------------------------------------------


async def _apply(pool: asyncpg.Pool, file: dict[str, Any]) -> list[Difference]:
    runtime = Runtime(pool=pool)
    planned = await applying.plan(runtime, make_blueprint(file))
    done = await applying.apply(runtime, make_blueprint(file))
    assert [each.path for each in planned] == [each.path for each in done]
    assert await applying.apply(runtime, make_blueprint(file)) == []
    return done


async def _catalogue(pool: asyncpg.Pool) -> Catalogue:
    async with snapshot(pool) as view:
        merchant = await catalogues.find_merchant(view, MerchantId(1))
        assert merchant is not None
        return await catalogues.list_offers(view, merchant)


def _said(differences: list[Difference]) -> list[str]:
    return [f"{each.act} {each.path}" for each in differences]


async def test_point_types_are_added_changed_archived_and_brought_back(
    pool: asyncpg.Pool,
) -> None:
    assert "add point_types.gems" not in _said(await _apply(pool, make_file()))
    added = await _apply(pool, _with_gems())
    assert _said(added) == [
        "add point_types.gems",
        "change programs.main",
        "change programs.main.rewards.mug",
        "change programs.main.earning_rules.join",
    ]
    assert [each.changes for each in added[1:]] == [
        {"point_types": ("none", "gems")},
        {"points_of": ("main", "gems")},
        {"points_of": ("its own", "gems")},
    ]
    catalogue = await _catalogue(pool)
    (program,) = catalogue.programs.values()
    own, gems = (catalogue.point_types[each] for each in program.point_type_ids)
    assert (own.slug, own.name, gems.slug) == ("main", "Points", "gems")
    assert gems.expiry is not None
    rewards = {each.slug: each for each in catalogue.rewards.values()}
    assert (rewards["ten"].point_type_id, rewards["mug"].point_type_id) == (own.id, gems.id)
    assert {each.slug: each.point_type_id for each in catalogue.rules.values()} == {
        "join": gems.id,
        "buy": 0,
    }
    facts = facts_of(catalogue, [], [], with_archived=False)
    told = facts["point_types"]
    assert isinstance(told, list)
    assert [(each["slug"], each["exchange_ratio"]) for each in told] == [
        ("main", None),
        ("gems", "0.005"),
    ]
    renamed = await _apply(pool, _with_gems(name="Rubies"))
    assert [(each.path, each.changes) for each in renamed] == [
        ("point_types.gems", {"name": ("Gems", "Rubies")})
    ]
    assert "archive point_types.gems" in _said(await _apply(pool, make_file()))
    assert (await _catalogue(pool)).point_types[gems.id].status == "archived"
    again = await _apply(pool, _with_gems())
    assert again[0].changes["status"] == ("archived", "active")
    assert (await _catalogue(pool)).point_types[gems.id].id == gems.id


async def test_a_programs_own_points_are_said_under_its_slug(pool: asyncpg.Pool) -> None:
    tides = {"slug": "main", "name": "Tides", "expiry": {"kind": "never"}, "exchange_ratio": 0.01}
    assert _said(await _apply(pool, _file(tides)))[1] == "add point_types.main"
    catalogue = await _catalogue(pool)
    (program,) = catalogue.programs.values()
    own = catalogue.point_types[program.point_type_id]
    assert (own.name, own.expiry, own.exchange_ratio) == ("Tides", Expiry(kind="never"), "0.01")
    assert program.further_point_type_ids == ()
    # Said no more, they are plain ones again.
    assert _said(await _apply(pool, make_file())) == ["change point_types.main"]
    assert (await _catalogue(pool)).point_types[own.id].name == "Points"


async def test_point_types_that_a_call_has_made_are_left_alone(pool: asyncpg.Pool) -> None:
    await _apply(pool, make_file())
    made = PointType(id=PointTypeId(500), slug="gems", name="Made by a call", origin="api")
    async with transaction(pool) as tx:
        await offers.put_point_type(tx, MerchantId(1), made, Runtime(pool=pool).now())
        await sequences.bump_catalogue_version(tx, MerchantId(1))
    assert await applying.apply(Runtime(pool=pool), make_blueprint(make_file())) == []
    with pytest.raises(Conflict, match=r"point_types\.gems: there is one of this name"):
        await applying.apply(Runtime(pool=pool), make_blueprint(_with_gems()))
    assert (await _catalogue(pool)).point_types[made.id].name == "Made by a call"
