"""What calls have made of a merchant's offers is safe from the file, from each other, and from
redemptions that go on meanwhile."""

import asyncio
from functools import partial
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from guerdon.cli.showing import facts_of
from guerdon.domain import assignment, offer
from guerdon.domain.blueprint import UNDATED
from guerdon.domain.catalogue import Catalogue, PointType, Program, Reward
from guerdon.domain.command import Done, Redeem
from guerdon.domain.errors import Conflict
from guerdon.domain.ids import MerchantId, PointTypeId, ProgramId, TemplateId
from guerdon.domain.offer import OfferRefused
from guerdon.domain.shelf import Shelf
from guerdon.domain.template import Template
from guerdon.domain.terms import Cost
from guerdon.engine import applying
from guerdon.engine.offering import change_offers
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.store import catalogues, offers
from guerdon.store.snapshot import snapshot
from guerdon.store.templates import list_templates
from tests.builders.ledgers import drifts
from tests.builders.member import enrol
from tests.builders.program_file import make_blueprint, make_file
from tests.builders.shop import POINT_TYPE, PROGRAM, make_reward, make_shop, save_shop

_POINTS = PointType(id=PointTypeId(0), slug="", name="Beans")
_PROGRAM = Program(id=ProgramId(0), slug="", name="Main")


def _template(points: int = 10, point_type_id: PointTypeId = POINT_TYPE) -> Template:
    reward = replace(
        make_reward(fulfil_by="manual", kind="custom"),
        slug="",
        points_cost=points,
        point_type_id=point_type_id,
        costs=(Cost(points=points, point_type_id=point_type_id),),
        origin="api",
    )
    return Template(
        id=TemplateId(0), name="Mug", status="active", reward=reward, created_at=UNDATED
    )


async def _catalogue(runtime: Runtime, merchant_id: MerchantId) -> Catalogue:
    async with snapshot(runtime.pool) as view:
        merchant = await catalogues.find_merchant(view, merchant_id)
        assert merchant is not None
        return await catalogues.list_offers(view, merchant)


async def test_a_file_leaves_alone_what_calls_have_made(pool: asyncpg.Pool) -> None:
    runtime = Runtime(pool=pool)
    await applying.apply(runtime, make_blueprint())
    async with snapshot(pool) as view:
        merchant_id = await offers.find_merchant_by_slug(view, "tidewater")
    assert merchant_id is not None
    main = next(iter((await _catalogue(runtime, merchant_id)).programs.values()))

    def act(shelf: Shelf) -> tuple[Program, Reward]:
        point_type = offer.create_point_type(shelf, _POINTS)
        program = offer.create_program(shelf, replace(_PROGRAM, name="Own club"))
        offer.assign_point_types(shelf, program.id, assign=[point_type.id])
        template = assignment.create_template(shelf, _template(10, main.point_type_id))
        wanted = assignment.Assignment(template_id=template.id, stock=3)
        (reward,), _ = assignment.assign_rewards(shelf, main.id, assign=[wanted])
        return shelf.programs[program.id], reward

    program, reward = await change_offers(runtime, merchant_id, act)
    assert program.slug == "own-club"
    before = await _catalogue(runtime, merchant_id)
    assert await applying.apply(runtime, make_blueprint()) == []
    assert await _catalogue(runtime, merchant_id) == before
    assert before.programs[program.id].status == "draft"
    assert before.rewards[reward.id].archived_at is None
    async with snapshot(pool) as view:
        templates = await list_templates(view, merchant_id)
    shown: Any = facts_of(before, [], [], list(templates.values()), with_archived=False)
    (mug,) = shown["templates"]
    forms = {"voucherify": f"lrew_{mug['id']:018x}"}
    assert (mug["ids"], mug["kind"], mug["programs"]) == (forms, "reward", ["main"])
    (assigned,) = (each for each in shown["programs"][0]["rewards"] if each["origin"] == "api")
    assert assigned["ids"]["voucherify"] == forms["voucherify"]
    assert [each["slug"] for each in shown["programs"]] == ["main", "own-club"]
    # Days begin where the merchant is.
    moved = make_file()
    moved["merchant"]["timezone"] = "Asia/Tokyo"
    said = [
        f"{each.act} {each.path}" for each in await applying.apply(runtime, make_blueprint(moved))
    ]
    assert said == [
        "change merchant tidewater",
        "change programs.main",
        "change programs.own-club",
    ]
    after = await _catalogue(runtime, merchant_id)
    assert {each.timezone for each in after.programs.values()} == {"Asia/Tokyo"}
    await applying.apply(runtime, make_blueprint())
    before = await _catalogue(runtime, merchant_id)
    # Its name is taken.
    file = make_file()
    file["programs"].append({**file["programs"][0], "slug": "own-club"})
    for attempt in (applying.plan, applying.apply):
        with pytest.raises(Conflict, match=r"programs\.own-club"):
            await attempt(runtime, make_blueprint(file))
    assert await _catalogue(runtime, merchant_id) == before


def _create(wanted: Program, shelf: Shelf) -> Program:
    return offer.create_program(shelf, wanted)


async def test_programs_of_one_name_get_slugs_of_their_own(pool: asyncpg.Pool) -> None:
    shop = await save_shop(pool, make_shop())
    runtime = Runtime(pool=pool)
    named = [replace(_PROGRAM, name=name) for name in ("Main", "MAIN!", "Máin", "忠誠", "忠誠")]
    made = await asyncio.gather(
        *(change_offers(runtime, shop.id, partial(_create, each)) for each in named)
    )
    slugs = sorted(program.slug for program in made)
    assert slugs == ["main-2", "main-3", "main-4", "unnamed", "unnamed-2"]
    assert len({program.id for program in made}) == len(named)
    assert await drifts(pool) == []


async def test_what_is_refused_half_way_leaves_nothing(pool: asyncpg.Pool) -> None:
    shop = await save_shop(pool, make_shop())
    runtime = Runtime(pool=pool)
    before = await _catalogue(runtime, shop.id)

    def act(shelf: Shelf) -> None:
        template = assignment.create_template(shelf, _template())
        wanted = assignment.Assignment(template_id=template.id)
        assignment.assign_rewards(shelf, PROGRAM, assign=[wanted, wanted])

    with pytest.raises(OfferRefused) as refused:
        await change_offers(runtime, shop.id, act)
    assert (refused.value.why, refused.value.kind) == ("assigned", "reward")
    assert await _catalogue(runtime, shop.id) == before
    assert await pool.fetchval("SELECT count(*) FROM templates") == 0


async def test_a_stock_changed_while_it_sells_is_exact(pool: asyncpg.Pool) -> None:
    """Whoever says that so many are left is right at one instant: after it so many are taken."""
    shop = await save_shop(pool, make_shop(rewards=()))
    ledger = Ledger(Runtime(pool=pool))
    member = await enrol(ledger, shop, points=10_000)

    def offered(shelf: Shelf) -> Reward:
        template = assignment.create_template(shelf, _template())
        wanted = assignment.Assignment(template_id=template.id, stock=10)
        return assignment.assign_rewards(shelf, PROGRAM, assign=[wanted])[0][0]

    reward = await change_offers(ledger.runtime, shop.id, offered)
    redeem = Redeem(program_id=PROGRAM, member=member, reward_id=reward.id)

    async def restock() -> int:
        """Say that four are left; give how many had been taken by then."""

        def act(shelf: Shelf) -> int:
            assert reward.template_id is not None
            assignment.restock(shelf, PROGRAM, reward.template_id, 4)
            return shelf.units_taken(reward.id)

        return await change_offers(ledger.runtime, shop.id, act)

    selling = [asyncio.create_task(ledger.submit(shop.id, redeem)) for _ in range(12)]
    taken = await restock()
    selling += [asyncio.create_task(ledger.submit(shop.id, redeem)) for _ in range(20)]
    sold = sum(isinstance(outcome, Done) for outcome in await asyncio.gather(*selling))
    assert taken <= 10
    assert sold == taken + 4
    catalogue = await _catalogue(ledger.runtime, shop.id)
    assert catalogue.rewards[reward.id].stock == sold
    assert await drifts(pool) == []
    await ledger.close()
