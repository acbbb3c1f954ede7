"""Card definitions, earning rules, rewards and programs through their lives: what may be said of
each, when, and what is refused."""

from typing import Any

import asyncpg
import pytest

from tests.builders.shop import make_reward, make_rule, make_shop
from tests.builders.vouch import PROGRAM_ID, ServedVouch
from tests.builders.vouch_offers import Setup, costs, limited, reward_body
from tests.dialects.voucherify.conftest import ServeVouch

Json = dict[str, Any]
FILE_REWARD = "lrew_0000000000000003e9"
FILE_RULE = "lern_000000000000000fa1"
FILE_DEFINITION = "lcdef_00000000000000000a"


@pytest.fixture
def setup(served: ServedVouch) -> Setup:
    return Setup(client=served.client)


TERMS: list[tuple[str, Json]] = [
    (
        "points_expiration",
        {
            "type": "ROLLING_EXPIRATION",
            "rolling_expiration": {
                "period": {"value": 3, "unit": "MONTH"},
                "rounding": {"type": "END_OF_PARTICULAR_MONTH", "value": 6},
            },
        },
    ),
    (
        "points_expiration",
        {
            "type": "CALENDAR_EXPIRATION",
            "calendar_expiration": {
                "expiration_dates": [{"day": 29, "month": 2}, {"day": 31, "month": 12}]
            },
        },
    ),
    (
        "points_expiration",
        {
            "type": "SLIDING_EXPIRATION",
            "sliding_expiration": {
                "earning_activity": True,
                "spending_activity": False,
                "custom_activity": False,
                "custom_activity_types": [],
                "period": {"value": 1, "unit": "YEAR"},
            },
        },
    ),
    (
        "pending_points",
        {"type": "PERIOD_BASED", "period_based": {"period": {"value": 14, "unit": "DAY"}}},
    ),
    (
        "pending_points",
        {"type": "FIXED_DATES", "fixed_dates": {"dates": [{"day": 1, "month": 7}]}},
    ),
    (
        "spending_limits",
        {
            "global": {
                "type": "LIMITED",
                "limits": [
                    {
                        "type": "TIME_BASED",
                        "period": {
                            "type": "CURRENT_PERIOD",
                            "current_period": {"unit": "QUARTER"},
                        },
                        "points": {"max": 900},
                    }
                ],
            },
            "transactions": {"type": "LIMITED", "limits": [{"type": "POINTS", "max": 500}]},
        },
    ),
    ("pay_with_points", {"type": "EXCHANGE_RATIO", "exchange_ratio": {"formula": "0.05"}}),
    (
        "code_config",
        {
            "pattern": "BEAN-##########",
            "length": 10,
            "charset": "0123456789",
            "prefix": "",
            "postfix": "!",
        },
    ),
    ("metadata", {"colour": "green", "rank": 3}),
]


async def test_a_card_definition_says_again_what_it_was_told(setup: Setup) -> None:
    body = {"name": "Beans", "type": "INDIVIDUAL"}
    plain = await setup.ask("POST", "/card-definitions", body)
    assert (plain["status"], plain["updated_at"]) == ("DRAFT", None)
    assert plain["points_expiration"] == {"type": "NO_EXPIRATION"}
    assert plain["pending_points"] == {"type": "IMMEDIATE"}
    assert plain["spending_limits"] == {
        "global": {"type": "NO_LIMIT"},
        "transactions": {"type": "NO_LIMIT"},
    }
    assert plain["pay_with_points"] == {"type": "NO_PAYMENTS"}
    path = f"/card-definitions/{plain['id']}"
    for name, value in TERMS:
        changed = await setup.ask("PUT", path, {name: value})
        assert changed[name] == value
        assert changed["updated_at"] is not None
        assert (await setup.ask("GET", path))[name] == value
    # A number is answered as a text, and null is what holds without it.
    priced = {"pay_with_points": {"type": "EXCHANGE_RATIO", "exchange_ratio": {"formula": 0.25}}}
    changed = await setup.ask("PUT", path, priced)
    assert changed["pay_with_points"]["exchange_ratio"] == {"formula": "0.25"}
    cleared = await setup.ask("PUT", path, {name: None for name, _ in TERMS})
    assert {**cleared, "updated_at": None} == plain


REFUSED_TERMS: list[tuple[Json, str]] = [
    ({"points_expiration": {"type": "TIERED"}}, ".points_expiration.type"),
    (
        {
            "points_expiration": {
                "type": "ROLLING_EXPIRATION",
                "rolling_expiration": {"period": {"value": 91, "unit": "DAY"}},
            }
        },
        ".points_expiration.rolling_expiration.period.value",
    ),
    (
        {"pending_points": {"type": "EVENT_BASED", "event_based": {"event_types": ["order"]}}},
        ".pending_points.type",
    ),
    (
        {"earning_limits": {"global": {"type": "LIMITED", "limits": [{"type": "POINTS"}]}}},
        ".earning_limits.global.type",
    ),
    (
        {"refunds": {"earned_points": {"type": "REFUNDABLE", "methods": []}}},
        ".refunds.earned_points.type",
    ),
    ({"balance_settings": {"allow_negative": True}}, ".balance_settings.allow_negative"),
    (
        {
            "pay_with_points": {
                "type": "EXCHANGE_RATIO",
                "exchange_ratio": {"formula": "order.amount / 2"},
            }
        },
        ".pay_with_points.exchange_ratio.formula",
    ),
    ({"code_config": {"pattern": "##", "charset": "01"}}, ".code_config"),
    ({"code_config": {"charset": "AAB"}}, ".code_config.charset"),
    (
        {
            "pending_points": {
                "type": "FIXED_DATES",
                "fixed_dates": {"dates": [{"day": 31, "month": 4}]},
            }
        },
        ".pending_points.fixed_dates.dates[0]",
    ),
    ({"type": "GROUP"}, ".type"),
    ({"colour": "red"}, "'colour'"),
    ({"name": ""}, ".name"),
]


async def test_what_is_not_kept_to_is_refused_by_its_name(
    setup: Setup, served: ServedVouch
) -> None:
    for terms, place in REFUSED_TERMS:
        body = {"name": "Beans", "type": "INDIVIDUAL", **terms}
        refused = await setup.refused("POST", "/card-definitions", body)
        assert refused["key"] == "invalid_payload"
        assert place in refused["details"], (terms, refused["details"])
    definition = await setup.card_definition()
    for more, place in REFUSED_RULES:
        refused = await setup.refused("POST", "/earning-rules", _rule_body(definition, more))
        assert refused["key"] == "invalid_payload"
        assert place in refused["details"], (more, refused["details"])
    for more, place in REFUSED_REWARDS:
        body = {**reward_body(definition), **more}
        refused = await setup.refused("POST", "/rewards", body)
        assert refused["key"] == "invalid_payload"
        assert place in refused["details"], (more, refused["details"])
    assert await _rows(served) == {"templates": 0, "point_types": 2, "programs": 1}


async def _rows(served: ServedVouch) -> dict[str, int]:
    pool = served.pool
    assert isinstance(pool, asyncpg.Pool)
    tables = ("templates", "point_types", "programs")
    return {each: await pool.fetchval(f"SELECT count(*) FROM {each}") for each in tables}  # noqa: S608


def _rule_body(definition: str, more: Json) -> Json:
    effect = {"type": "POINTS", "points": {"value": 1, "card_definition_id": definition}}
    said = {name: value for name, value in more.items() if name != "earning"}
    return {
        "name": "Orders",
        "trigger": {"event": "customer.order.paid"},
        "earnings": [{"effects": [effect], **more.get("earning", {})}],
        **said,
    }


REFUSED_RULES: list[tuple[Json, str]] = [
    ({"trigger": {"event": "customer.segment.entered"}}, ".trigger.event"),
    ({"trigger": {"event": "customer.custom_event"}}, "'custom_event'"),
    (
        {"trigger": {"event": "customer.custom_event", "custom_event": {"schema_id": "ms_zz"}}},
        ".trigger.custom_event.schema_id",
    ),
    ({"earning": {"rules": {"logic": "1", "1": {"name": "order.amount"}}}}, ".earnings[0].rules"),
    (
        {"earning": {"tier_rules": {"type": "ANY_OF", "any_of": []}}},
        ".earnings[0].tier_rules",
    ),
    (
        {"earning": {"effects": [{"type": "BENEFIT", "benefit": {"id": "lben_1"}}]}},
        ".earnings[0].effects[0].type",
    ),
    (
        {
            "earning": {
                "effects": [
                    {
                        "type": "POINTS_PROPORTIONAL",
                        "points_proportional": {
                            "calculation_type": "ORDER_ITEMS_QUANTITY",
                            "card_definition_id": FILE_DEFINITION,
                            "order_items": {"every": 1, "value": 1},
                        },
                    }
                ]
            }
        },
        ".earnings[0].effects[0].points_proportional",
    ),
    ({"error": {"message": "No"}}, ".error"),
    ({"start_date": "2026-03-01T00:00:00Z"}, ".start_date"),
    ({"validity_hours": {"type": "DAILY", "daily": []}}, ".validity_hours"),
    (
        {"trigger_limits": {"frequency": {"type": "LIMITED", "limits": []}}},
        ".trigger_limits.frequency",
    ),
    ({"earning_limits": {"global": {"type": "LIMITED"}}}, ".earning_limits.global"),
]
REFUSED_REWARDS: list[tuple[Json, str]] = [
    ({"type": "DIGITAL"}, ".material"),
    ({"material": None}, "'material'"),
    ({"digital": {"type": "LOYALTY_CARD_POINTS"}}, "'loyalty_card_points'"),
    ({"costs": []}, ".costs"),
    ({"costs": [{"spending": []}]}, ".costs[0].spending"),
    ({"costs": costs(FILE_DEFINITION, 0)}, ".costs[0].spending[0].points"),
    (
        {
            "costs": [
                {
                    "rules": {"logic": "1", "1": {"name": "order.amount", "conditions": {}}},
                    **costs(FILE_DEFINITION)[0],
                }
            ]
        },
        ".costs[0].rules",
    ),
    (
        {"purchase_limits": {"cooldown": {"type": "FIXED_COOLDOWN"}}},
        "'fixed_cooldown'",
    ),
    (
        {
            "purchase_limits": {
                "cooldown": {
                    "type": "FIXED_COOLDOWN",
                    "fixed_cooldown": {"period": {"value": 25, "unit": "HOUR"}},
                }
            }
        },
        ".purchase_limits.cooldown.fixed_cooldown.period.value",
    ),
    (
        {"start_date": "2026-03-02T00:00:00Z", "end_date": "2026-03-01T00:00:00Z"},
        ".end_date",
    ),
    ({"start_date": "0001-01-01T00:00:00+14:00"}, ".start_date"),
    ({"end_date": "9999-12-31T23:59:59-01:00"}, ".end_date"),
    ({"metadata": {"long": "x" * 20_000}}, ".metadata"),
    (
        {
            "purchase_limits": {
                "frequency": {
                    "type": "LIMITED",
                    "limits": [
                        {
                            "type": "TIME_BASED",
                            "period": {"type": "ROLLING", "current_period": {"unit": "DAY"}},
                            "triggers": {"max": 1},
                        }
                    ],
                }
            }
        },
        ".purchase_limits.frequency.limits[0].period.type",
    ),
    ({"stock": 4}, "'stock'"),
    ({"status": "INACTIVE"}, ".status"),
]


async def test_a_reward_says_again_what_it_was_told(setup: Setup) -> None:
    definition = await setup.card_definition()
    rules = {
        "logic": "1",
        "1": {"name": "member.metadata", "property": "vip", "conditions": {"$is": [True]}},
    }
    body = {
        **reward_body(definition),
        "status": "DRAFT",
        "start_date": "2026-03-01T00:00:00.000Z",
        "end_date": "2027-03-01T00:00:00.000Z",
        "validity_hours": {
            "type": "DAILY",
            "daily": [{"days_of_week": [0, 6], "start_time": "09:30", "end_time": "23:59"}],
        },
        "costs": [{"rules": rules, **costs(definition, 5)[0]}, *costs(definition, 9)],
        "purchase_limits": {
            "cooldown": {
                "type": "FIXED_COOLDOWN",
                "fixed_cooldown": {"period": {"value": 2, "unit": "DAY"}},
            },
            "frequency": {
                "type": "LIMITED",
                "limits": [
                    {
                        "type": "TIME_BASED",
                        "period": {"type": "CURRENT_PERIOD", "current_period": {"unit": "MONTH"}},
                        "triggers": {"max": 3},
                    }
                ],
            },
        },
        "refunds": {"type": "REFUNDABLE"},
        "metadata": {"shelf": "B"},
    }
    made = await setup.ask("POST", "/rewards", body)
    for name, value in body.items():
        if name != "costs":
            assert made[name] == value
    assert [each["spending"][0]["points"] for each in made["costs"]] == [5, 9]
    assert (made["costs"][0]["rules"], "rules" in made["costs"][1]) == (rules, False)
    path = f"/rewards/{made['id']}"
    # What was answered can be sent back as it is.
    changed = await setup.ask("PUT", path, {"costs": made["costs"], "type": "MATERIAL"})
    assert {**changed, "updated_at": None} == made
    cleared = {"purchase_limits": None, "refunds": None, "validity_hours": None, "metadata": None}
    changed = await setup.ask("PUT", path, cleared)
    assert changed["purchase_limits"] == {
        "cooldown": {"type": "NO_COOLDOWN"},
        "frequency": {"type": "NO_LIMIT"},
    }
    assert (changed["refunds"], changed["metadata"]) == ({"type": "NONE"}, {})
    digital = {
        "type": "LOYALTY_CARD_POINTS",
        "loyalty_card_points": {"points": 50, "card_definition_id": definition},
    }
    changed = await setup.ask("PUT", path, {"type": "DIGITAL", "digital": digital})
    assert (changed["type"], changed["digital"]) == ("DIGITAL", digital)
    await setup.ask("POST", f"{path}/activate")
    back = {"type": "MATERIAL", "material": body["material"]}
    refused = await setup.refused("PUT", path, back)
    assert refused["details"] == "Property .type cannot be changed when status is ACTIVE"
    sku = {"type": "SKU", "sku": {"id": "sku_1", "product_id": "prod_1"}}
    other = await setup.ask("POST", "/rewards", {**body, "material": sku})
    assert other["material"] == sku


async def test_rewards_give_the_codes_of_the_program_file(serve_shop: ServeVouch) -> None:
    shop = make_shop(
        rewards=(
            make_reward(1),
            make_reward(2, fulfil_by="pool", kind="gift_card"),
            make_reward(3, fulfil_by="manual", kind="custom"),
        )
    )
    setup = Setup(client=(await serve_shop(shop)).client)
    definition = await setup.card_definition()
    shown = await setup.ask("GET", "/rewards/lrew_0000000000000003e9")
    campaign = shown["digital"]["discount_coupons"]["campaign_id"]
    assert campaign == "camp_0000000000000003e9"
    coupons = {"type": "DISCOUNT_COUPONS", "discount_coupons": {"campaign_id": campaign}}
    body = {**reward_body(definition), "type": "DIGITAL", "digital": coupons}
    del body["material"]
    made = await setup.ask("POST", "/rewards", body)
    assert made["digital"] == coupons
    gifts = {
        "type": "GIFT_VOUCHERS",
        "gift_vouchers": {"campaign_id": "camp_0000000000000003ea", "balance": 1000},
    }
    made = await setup.ask("POST", "/rewards", {**body, "digital": gifts})
    assert made["digital"] == gifts
    gifts["gift_vouchers"]["balance"] = 999  # type: ignore[index]
    refused = await setup.refused("POST", "/rewards", {**body, "digital": gifts})
    assert ".digital.gift_vouchers.balance" in refused["details"]
    for named in ("camp_0000000000000003eb", "camp_0000000000000003ea", made["id"], "camp_1"):
        coupons["discount_coupons"] = {"campaign_id": named}
        refused = await setup.refused("POST", "/rewards", {**body, "digital": coupons})
        assert (refused["key"], refused["resource_type"]) == ("not_found", "campaign")


async def test_lives_go_only_as_they_may(setup: Setup) -> None:
    definition = (
        await setup.ask("POST", "/card-definitions", {"name": "B", "type": "INDIVIDUAL"})
    )["id"]
    rule = (await setup.ask("POST", "/earning-rules", _rule_body(definition, {})))["id"]
    body = {**reward_body(definition), "status": "DRAFT"}
    reward = (await setup.ask("POST", "/rewards", body))["id"]
    things = {"card-definitions": definition, "earning-rules": rule, "rewards": reward}
    noun = {"card-definitions": "card definition", "earning-rules": "earning rule"}

    async def move(kind: str, verb: str, status: str) -> None:
        moved = await setup.ask("POST", f"/{kind}/{things[kind]}/{verb}")
        assert moved["status"] == status

    async def refuse(kind: str, verb: str, status: str) -> None:
        refused = await setup.refused("POST", f"/{kind}/{things[kind]}/{verb}")
        assert (refused["code"], refused["key"]) == (400, "invalid_state_transition")
        what = noun.get(kind, kind.removesuffix("s"))
        assert refused["details"] == f"Cannot {verb} {what} from current state: '{status}'"

    # What names a draft cannot be opened before it.
    for kind in ("earning-rules", "rewards"):
        refused = await setup.refused("POST", f"/{kind}/{things[kind]}/activate")
        assert (refused["code"], refused["key"]) == (423, "non_active_card_definition")
    await refuse("card-definitions", "draft", "DRAFT")
    await move("card-definitions", "activate", "ACTIVE")
    await refuse("card-definitions", "activate", "ACTIVE")
    await move("card-definitions", "draft", "DRAFT")
    await move("card-definitions", "activate", "ACTIVE")
    # The older generation's way.
    await move("card-definitions", "deactivate", "DRAFT")
    await refuse("card-definitions", "deactivate", "DRAFT")
    await move("card-definitions", "activate", "ACTIVE")
    for kind in ("earning-rules", "rewards"):
        for verb in ("deactivate", "draft"):
            await refuse(kind, verb, "DRAFT")
        await move(kind, "activate", "ACTIVE")
        await refuse(kind, "activate", "ACTIVE")
        await move(kind, "draft", "DRAFT")
        await move(kind, "activate", "ACTIVE")
        await move(kind, "deactivate", "INACTIVE")
        for verb in ("deactivate", "draft"):
            await refuse(kind, verb, "INACTIVE")
        await move(kind, "activate", "ACTIVE")
    things["programs"] = (await setup.ask("POST", "/programs", {"name": "Club"}))["id"]
    await refuse("programs", "deactivate", "DRAFT")
    await _missing(setup, things["programs"], "missing_active_card_definition")
    batch = f"/programs/{things['programs']}"
    await setup.ask("POST", f"{batch}/card-definitions/batch", {"assign": [{"id": definition}]})
    await _missing(setup, things["programs"], "missing_active_earning_rule")
    await setup.ask("POST", f"{batch}/earning-rules/batch", {"assign": [rule]})
    await move("programs", "activate", "ACTIVE")
    await refuse("programs", "activate", "ACTIVE")
    await move("programs", "deactivate", "INACTIVE")
    await refuse("programs", "deactivate", "INACTIVE")
    await move("programs", "activate", "ACTIVE")
    gone = await setup.ask("DELETE", batch)
    assert gone["status"] == "DELETED"
    for method, path in (("GET", batch), ("DELETE", batch), ("POST", f"{batch}/activate")):
        refused = await setup.refused(method, path)
        assert (refused["key"], refused["resource_type"]) == ("not_found", "program")
    # Nothing rests on these any more.
    for kind in ("rewards", "earning-rules", "card-definitions"):
        assert (await setup.ask("DELETE", f"/{kind}/{things[kind]}"))["status"] == "DELETED"
        assert (await setup.refused("GET", f"/{kind}/{things[kind]}"))["code"] == 404


async def _missing(setup: Setup, program: str, key: str) -> None:
    refused = await setup.refused("POST", f"/programs/{program}/activate")
    assert (refused["code"], refused["key"]) == (423, key)


async def test_what_others_rest_on_stays(setup: Setup) -> None:
    definition = await setup.card_definition()
    rule = await setup.rule(definition)
    reward = await setup.reward(definition)
    program = await setup.program(definition, rule, reward)
    for path, users in (
        (f"/rewards/{reward}", ("program", [program])),
        (f"/earning-rules/{rule}", ("program", [program])),
        (f"/card-definitions/{definition}", ("program", [program])),
    ):
        refused = await setup.refused("DELETE", path)
        assert (refused["code"], refused["key"]) == (400, "resource_in_use")
        assert (refused["related_object_type"], refused["related_object_ids"]) == users
        refused = await setup.refused("POST", f"{path}/draft")
        assert (refused["code"], refused["key"]) == (423, "connected_non_draft_program")
    for name, value, is_free in (
        ("name", "Peas", True),
        ("pay_with_points", None, True),
        ("points_expiration", None, False),
        ("spending_limits", None, False),
    ):
        body = {name: value}
        if is_free:
            await setup.ask("PUT", f"/card-definitions/{definition}", body)
        else:
            refused = await setup.refused("PUT", f"/card-definitions/{definition}", body)
            said = f"Property .{name} cannot be changed when status is ACTIVE"
            assert refused["details"] == said
    trigger = {"trigger": {"event": "customer.order.paid"}}
    refused = await setup.refused("PUT", f"/earning-rules/{rule}", trigger)
    assert ".trigger" in refused["details"]
    await setup.ask("PUT", f"/programs/{program}", {"end_date": "2030-01-01T00:00:00Z"})
    refused = await setup.refused("PUT", f"/programs/{program}", {"start_date": None})
    assert ".start_date" in refused["details"]


async def test_batches_are_done_as_a_whole(setup: Setup, served: ServedVouch) -> None:
    definition, other = await setup.card_definition(), await setup.card_definition()
    rule, spare = await setup.rule(definition), await setup.rule(definition)
    foreign = await setup.rule(other)
    reward, second = await setup.reward(definition), await setup.reward(definition)
    dear = await setup.reward(other)
    program = await setup.program(definition, rule, reward)
    path = f"/programs/{program}"
    stocked = {"stock": {"type": "UNLIMITED"}}
    both = [{"id": second, **stocked}, {"id": dear, **stocked}]
    cases: list[tuple[str, Json, int, str]] = [
        ("rewards", {"assign": both}, 400, "invalid_payload"),
        ("rewards", {"assign": [both[0], both[0]]}, 400, "invalid_payload"),
        ("rewards", {"assign": [both[0], {"id": reward, **stocked}]}, 409, "duplicate_found"),
        ("rewards", {"assign": [both[0]], "unassign": [dear]}, 404, "not_found"),
        ("rewards", {"assign": [{"id": second}]}, 400, "invalid_payload"),
        ("rewards", {"assign": [both[0], {"id": "lrew_1", **stocked}]}, 404, "not_found"),
        ("earning-rules", {"assign": [spare, foreign]}, 423, "missing_card_definition_assignment"),
        ("earning-rules", {"assign": [spare, rule]}, 409, "duplicate_found"),
        ("earning-rules", {"unassign": [rule]}, 423, "missing_active_earning_rule"),
        ("earning-rules", {"assign": [spare], "unassign": [foreign]}, 404, "not_found"),
        ("card-definitions", {"assign": [other]}, 423, "non_draft_program"),
        ("card-definitions", {"assign": [other] * 11}, 400, "invalid_payload"),
    ]
    before = await _state(served)
    for kind, body, code, key in cases:
        refused = await setup.refused("POST", f"{path}/{kind}/batch", body)
        assert (refused["code"], refused["key"]) == (code, key), (kind, body, refused)
    assert await _state(served) == before
    swapped = await setup.ask(
        "POST", f"{path}/earning-rules/batch", {"assign": [spare], "unassign": [{"id": rule}]}
    )
    assert swapped["assigned"][0]["earning_rule_id"] == spare
    assert swapped["unassigned"][0]["earning_rule_id"] == rule
    none = await setup.ask("POST", f"{path}/rewards/batch", {"assign": [], "unassign": None})
    assert none == {"assigned": [], "unassigned": None}


async def _state(served: ServedVouch) -> list[object]:
    pool = served.pool
    assert isinstance(pool, asyncpg.Pool)
    statements = [
        f"SELECT id, definition::text FROM {table} ORDER BY id"  # noqa: S608
        for table in ("templates", "rewards", "earning_rules", "programs", "point_types")
    ]
    statements.append("SELECT * FROM sequences")
    return [[tuple(row) for row in await pool.fetch(each)] for each in statements]


async def test_the_programs_of_the_file_are_seen_and_left_to_it(serve_shop: ServeVouch) -> None:
    served = await serve_shop(make_shop(rewards=(make_reward(1, stock=4),), rules=(make_rule(1),)))
    setup = Setup(client=served.client)
    assert (await setup.ask("GET", f"/programs/{PROGRAM_ID}"))["status"] == "ACTIVE"
    shown = await setup.ask("GET", f"/rewards/{FILE_REWARD}")
    assert shown["costs"][0]["spending"][0]["card_definition_id"] == FILE_DEFINITION
    listed = await setup.ask("GET", f"/programs/{PROGRAM_ID}/rewards")
    assert [(each["reward_id"], each["stock"]) for each in listed["data"]] == [
        (FILE_REWARD, limited(4))
    ]
    shown = await setup.ask("GET", f"/earning-rules/{FILE_RULE}")
    assert shown["trigger"]["custom_event"]["schema_id"] == f"ms_{b'rule_1'.hex()}"
    assert (await setup.ask("GET", f"/card-definitions/{FILE_DEFINITION}"))["status"] == "ACTIVE"
    before = await _state(served)
    for method, path, body in (
        ("PUT", f"/programs/{PROGRAM_ID}", {"name": "Mine"}),
        ("POST", f"/programs/{PROGRAM_ID}/deactivate", None),
        ("DELETE", f"/programs/{PROGRAM_ID}", None),
        ("PUT", f"/programs/{PROGRAM_ID}/rewards/{FILE_REWARD}", {"stock": 9}),
        ("POST", f"/programs/{PROGRAM_ID}/rewards/batch", {"unassign": [FILE_REWARD]}),
        ("POST", f"/programs/{PROGRAM_ID}/earning-rules/batch", {"unassign": [FILE_RULE]}),
        ("POST", f"/programs/{PROGRAM_ID}/card-definitions/batch", {"unassign": [FILE_DEFINITION]}),
        ("PUT", f"/rewards/{FILE_REWARD}", {"name": "Mine"}),
        ("POST", f"/rewards/{FILE_REWARD}/deactivate", None),
        ("DELETE", f"/rewards/{FILE_REWARD}", None),
        ("PUT", f"/earning-rules/{FILE_RULE}", {"name": "Mine"}),
        ("DELETE", f"/earning-rules/{FILE_RULE}", None),
        ("PUT", f"/card-definitions/{FILE_DEFINITION}", {"name": "Mine"}),
        ("POST", f"/card-definitions/{FILE_DEFINITION}/draft", None),
    ):
        refused = await setup.refused(method, path, body)
        assert (refused["code"], refused["key"]) == (423, "resource_locked"), path
    assert await _state(served) == before
    # It may offer what was made here, which is then all that can be taken from it.
    reward = await setup.reward(FILE_DEFINITION)
    path = f"/programs/{PROGRAM_ID}/rewards/batch"
    given = await setup.ask("POST", path, {"assign": [{"id": reward, "stock": 2}]})
    assert given["assigned"][0]["stock"] == limited(2)
    await setup.ask("POST", path, {"unassign": [reward]})


async def test_lists_are_filtered_ordered_and_paged(serve_shop: ServeVouch) -> None:
    served = await serve_shop(make_shop(rules=(make_rule(1),)))
    setup = Setup(client=served.client)
    definition = await setup.card_definition(name="Zebra")
    for name in ("Cup", "Apron", "Bag"):
        await setup.reward(definition, name=name)
        await setup.rule(definition, name=name)
    for kind, first in (("rewards", "Reward 1"), ("earning-rules", "Rule 1")):
        names = []
        cursor = ""
        while True:
            page = await setup.ask("GET", f"/{kind}?order=name&limit=2&cursor={cursor}")
            names += [each["name"] for each in page["data"]]
            if page["cursor"] is None:
                break
            cursor = page["cursor"]["next"]
        assert names == ["Apron", "Bag", "Cup", first]
        newest = await setup.ask("GET", f"/{kind}?limit=1")
        assert newest["data"][0]["name"] == "Bag"
        found = await setup.ask("GET", f"/{kind}?filters[name][conditions][$starts_with]=A")
        assert [each["name"] for each in found["data"]] == ["Apron"]
    digital = await setup.ask("GET", "/rewards?filters[type][conditions][$is]=DIGITAL")
    assert [each["id"] for each in digital["data"]] == [FILE_REWARD]
    found = await setup.ask("GET", "/card-definitions?order=-name")
    assert [each["name"] for each in found["data"]] == ["Zebra", "Points"]
    programs = await setup.ask("GET", "/programs?filters[status][conditions][$is]=ACTIVE")
    assert [each["id"] for each in programs["data"]] == [PROGRAM_ID]


async def test_a_program_has_so_many_card_definitions_and_no_more(setup: Setup) -> None:
    definitions = [await setup.card_definition() for _ in range(11)]
    program = (await setup.ask("POST", "/programs", {"name": "Club"}))["id"]
    path = f"/programs/{program}/card-definitions/batch"
    await setup.ask("POST", path, {"assign": definitions[:10]})
    refused = await setup.refused("POST", path, {"assign": definitions[10:]})
    assert refused["code"] == 403
    assert refused["key"] == "card_definition_assignments_limit_exceeded"
    swapped = {"assign": definitions[10:], "unassign": definitions[:1]}
    await setup.ask("POST", path, swapped)
    listed = await setup.ask("GET", f"/programs/{program}/card-definitions?limit=100&order=id")
    held = [each["card_definition_id"] for each in listed["data"]]
    assert held == definitions[1:]
