"""What may go now, and what is behind something else."""

from datetime import timedelta

from guerdon.domain.ids import DeliveryId, EventId, MemberId
from guerdon.engine.claiming import sort_out
from guerdon.store.deliveries import Due, Queued
from tests.builders.shop import FOUNDED as NOW


def due(number: int, member: int = 1, *, since: float = 0) -> Due:
    return Due(
        DeliveryId(number),
        EventId(number),
        MemberId(member),
        0,
        NOW - timedelta(seconds=since),
        is_abandoned=False,
    )


def queued(
    number: int, member: int = 1, *, waits: float = 0, leased: float | None = None
) -> Queued:
    return Queued(
        DeliveryId(number),
        MemberId(member),
        NOW + timedelta(seconds=waits),
        None if leased is None else NOW + timedelta(seconds=leased),
    )


def _until(seconds: float) -> object:
    return NOW + timedelta(seconds=seconds)


def test_what_is_whole_from_the_front_goes_in_order() -> None:
    ready, blocked = sort_out(
        [due(3), due(1), due(2, 2)], [queued(1), queued(3), queued(2, 2)], NOW
    )
    assert [each.id for each in ready] == [1, 2, 3]
    assert blocked == {}


def test_what_is_behind_one_that_waits_is_put_off_as_long() -> None:
    ready, blocked = sort_out(
        [due(2), due(9, 2)], [queued(1, waits=60), queued(2), queued(9, 2)], NOW
    )
    assert [each.id for each in ready] == [9]
    assert blocked == {2: _until(60)}


def test_what_is_behind_one_in_hand_is_put_off_for_seconds_only() -> None:
    ready, blocked = sort_out([due(2)], [queued(1, leased=90), queued(2)], NOW)
    assert (ready, blocked) == ([], {2: _until(5)})
    _, blocked = sort_out([due(2)], [queued(1, leased=3), queued(2)], NOW)
    assert blocked == {2: _until(3)}


def test_what_is_behind_one_that_a_rival_takes_now_is_left_alone() -> None:
    assert sort_out([due(2)], [queued(1), queued(2)], NOW) == ([], {})


def test_what_is_behind_one_that_is_due_for_a_shorter_time_comes_after_it() -> None:
    # Else a portion full of these would be looked at again and again, and the first never reached.
    ready, blocked = sort_out(
        [due(2, since=60), due(3, since=60)], [queued(1, waits=-5), queued(2), queued(3)], NOW
    )
    assert ready == []
    assert blocked == {2: _until(-5), 3: _until(-5)}


def test_a_gap_ends_what_may_go() -> None:
    ready, blocked = sort_out([due(1), due(3)], [queued(1), queued(2, waits=60), queued(3)], NOW)
    assert [each.id for each in ready] == [1]
    assert blocked == {3: _until(60)}


def test_what_is_too_far_back_to_be_seen_is_put_off_too() -> None:
    ready, blocked = sort_out([due(50), due(51)], [queued(1, waits=60)], NOW)
    assert ready == []
    assert blocked == {50: _until(60), 51: _until(60)}


def test_the_longest_wait_in_front_counts() -> None:
    _, blocked = sort_out([due(3)], [queued(1, waits=60), queued(2, waits=600), queued(3)], NOW)
    assert blocked == {3: _until(600)}
