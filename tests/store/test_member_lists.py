"""Lists by last change, compared with what a slow and simple statement says."""

import asyncio

import asyncpg
import pytest

from guerdon.domain.command import Adjust, ChangeMember, Command, Done, Enrol, Redeem
from guerdon.domain.ids import MerchantId
from guerdon.domain.member import MemberRef
from guerdon.engine.runtime import RandomBits, Runtime, utc_now
from guerdon.engine.submitting import Ledger
from guerdon.store.member_lists import Listed, MemberList, list_by_change, list_by_id
from guerdon.store.snapshot import snapshot
from tests.builders.shop import PROGRAM, make_shop, save_shop

SHOP = MerchantId(1)
EVERYONE = MemberList(program_id=PROGRAM)
MEMBERS = 9
# The first event of the transaction that changed the wallet last; of the imported, themselves.
SLOWLY = """
    SELECT m.id AS member_id, coalesce(min(e.id), m.id) AS place
    FROM members m
    JOIN wallets w ON w.member_id = m.id AND w.is_default
    LEFT JOIN events e ON e.member_id = m.id AND e.batch = w.batch
    GROUP BY m.id
    ORDER BY 2
"""


async def make_history(pool: asyncpg.Pool) -> None:
    """Make batches in which the same members are changed again and again, and imported members of
    whom some were changed since."""
    shop = await save_shop(pool, make_shop())
    ledger = Ledger(Runtime(pool=pool, now=utc_now, bits=RandomBits()))

    async def submit(*commands: Command) -> None:
        outcomes = await asyncio.gather(*(ledger.submit(SHOP, each) for each in commands))
        assert all(isinstance(each, Done) for each in outcomes)

    refs = [MemberRef(external_id=f"C-{number}") for number in range(MEMBERS)]
    await submit(*(Enrol(program_id=PROGRAM, external_id=f"C-{n}") for n in range(MEMBERS)))
    for number in range(3):
        await submit(Enrol(program_id=PROGRAM, external_id=f"I-{number}"))
    # As an import leaves them: no event, no mark.
    await pool.execute(
        "DELETE FROM events WHERE member_id IN"
        " (SELECT id FROM members WHERE external_id LIKE 'I-%')"
    )
    await pool.execute("UPDATE members SET batch = NULL WHERE external_id LIKE 'I-%'")
    await pool.execute(
        "UPDATE wallets SET batch = NULL WHERE member_id IN"
        " (SELECT id FROM members WHERE external_id LIKE 'I-%')"
    )
    refs.append(MemberRef(external_id="I-1"))
    for turn in range(4):
        some = refs[turn * 2 :]
        adjusts = [Adjust(program_id=PROGRAM, member=ref, points=100) for ref in some for _ in "ab"]
        await submit(*adjusts, *adjusts[:3])
    reward_id = shop.rewards[0].id
    await submit(
        *(Redeem(program_id=PROGRAM, member=ref, reward_id=reward_id) for ref in refs[5:8] * 2)
    )
    await submit(ChangeMember(program_id=PROGRAM, member=refs[0], first_name="Ana"))
    await ledger.close()


@pytest.fixture
async def expected(pool: asyncpg.Pool) -> list[Listed]:
    """Everyone by their last change, the longest ago first, as the slow statement has it."""
    await make_history(pool)
    found = [Listed(row["member_id"], row["place"]) for row in await pool.fetch(SLOWLY)]
    assert len(found) == MEMBERS + 3
    batches = await pool.fetch("SELECT count(*) AS size FROM events GROUP BY batch")
    assert max(row["size"] for row in batches) > MEMBERS, "a batch changes a member twice"
    return found


async def walk(
    pool: asyncpg.Pool, *, is_rising: bool, limit: int, beyond: int | None = None
) -> list[Listed]:
    """Go through the list page by page."""
    found: list[Listed] = []
    async with snapshot(pool) as view:
        while True:
            page = await list_by_change(
                view, SHOP, EVERYONE, is_rising=is_rising, beyond=beyond, limit=limit
            )
            found += page
            if len(page) < limit:
                return found
            beyond = page[-1].place


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 7, 50])
async def test_pages_make_up_the_whole_list_either_way(
    pool: asyncpg.Pool, expected: list[Listed], limit: int
) -> None:
    assert await walk(pool, is_rising=True, limit=limit) == expected
    assert await walk(pool, is_rising=False, limit=limit) == expected[::-1]


async def test_any_place_is_where_a_page_may_begin(
    pool: asyncpg.Pool, expected: list[Listed]
) -> None:
    for number, each in enumerate(expected):
        place = each.place
        after = await walk(pool, is_rising=True, limit=3, beyond=place)
        before = await walk(pool, is_rising=False, limit=3, beyond=place)
        assert after == expected[number + 1 :]
        assert before == expected[:number][::-1]


async def test_leaves_out_as_many_as_asked(pool: asyncpg.Pool, expected: list[Listed]) -> None:
    async with snapshot(pool) as view:
        rising = await list_by_change(
            view, SHOP, EVERYONE, is_rising=True, beyond=None, limit=3, offset=4
        )
        falling = await list_by_change(
            view, SHOP, EVERYONE, is_rising=False, beyond=None, limit=3, offset=4
        )
    assert rising == expected[4:7]
    assert falling == expected[::-1][4:7]


async def test_by_id_of_those_changed_lately(pool: asyncpg.Pool, expected: list[Listed]) -> None:
    """Whether all that has happened since is looked through or the members are must not matter."""
    rows = await pool.fetch(
        "SELECT m.id, greatest(m.updated_at, w.updated_at) AS at FROM members m"
        " JOIN wallets w ON w.member_id = m.id ORDER BY m.id"
    )
    assert len(rows) == len(expected)
    for at in {row["at"] for row in rows}:
        wanted = MemberList(program_id=PROGRAM, updated_from=at)
        ids = [row["id"] for row in rows if row["at"] >= at]
        for end in ("next_id", "next_id + 1000000"):
            await pool.execute(f"UPDATE sequences SET next_id = {end}")  # noqa: S608 -- our own
            async with snapshot(pool) as view:
                found = await list_by_id(view, SHOP, wanted, is_rising=True, beyond=None, limit=100)
            assert [each.member_id for each in found] == ids
