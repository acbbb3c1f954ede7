"""Places in time: never more in any window than there may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.http.pacing import Pacer, Window, patient_seconds


class _Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def test_places_within_the_window_are_at_once() -> None:
    pacer = Pacer(Window(3, 2.0), clock=_Clock())
    assert [pacer.take("one", 10) for _ in range(5)] == [0, 0, 0, 2, 2]
    assert pacer.take("another", 10) == 0


def test_place_too_far_off_is_not_taken() -> None:
    clock = _Clock()
    pacer = Pacer(Window(1, 4.0), clock=clock)
    assert [pacer.take("one", 1) for _ in range(3)] == [0, 4, 4]
    clock.at += 3.5
    assert pacer.take("one", 1) == 0.5


def test_rest_is_kept_and_never_shortened() -> None:
    clock = _Clock()
    pacer = Pacer(Window(100, 1.0), clock=clock)
    pacer.rest("one", 30)
    pacer.rest("one", 5)
    assert pacer.take("one", 1) == 30
    clock.at += 31
    assert pacer.take("one", 1) == 0


@pytest.mark.parametrize(
    ("asked", "attempt", "seconds"),
    [
        (None, 9, None),
        (0, 1, 1),
        (5, 1, 5),
        (5, 4, 8),
        (60, 4, 60),
        (1, 10**6, 3600),
        (7200, 30, 7200),
    ],
)
def test_wait_is_never_less_than_asked_for(
    asked: float | None, attempt: int, seconds: float | None
) -> None:
    assert patient_seconds(asked, attempt) == seconds


def test_accounts_are_forgotten_the_longest_unused_first() -> None:
    pacer = Pacer(Window(1, 60.0), clock=_Clock())
    for number in range(4097):
        assert pacer.take(number, 0) == 0
    assert pacer.take(1, 0) == 60
    assert pacer.take(0, 0) == 0


@given(
    st.lists(st.floats(0, 5), min_size=1, max_size=80),
    st.integers(1, 6),
    st.floats(0.5, 4),
    st.integers(1, 12),
)
def test_no_window_ever_holds_more_than_it_may(
    gaps: list[float], calls: int, seconds: float, calls_wide: int
) -> None:
    clock = _Clock()
    windows = (Window(calls, seconds), Window(calls_wide, seconds * 5))
    pacer = Pacer(*windows, clock=clock)
    places = []
    for gap in gaps:
        clock.at += gap
        places.append(clock.at + pacer.take("one", float("inf")))
    assert places == sorted(places)
    for window in windows:
        for first, last in zip(places, places[window.calls :], strict=False):
            assert last - first >= window.seconds - 1e-6
