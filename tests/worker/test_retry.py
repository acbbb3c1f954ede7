"""What keeps failing is left alone for longer and longer, up to a point."""

from guerdon.worker.retry import Patience, backoff_seconds


def test_waits_double_up_to_five_minutes() -> None:
    waits = [backoff_seconds(failures) for failures in (1, 2, 3, 8, 9, 10, 10_000)]
    assert waits == [1, 2, 4, 128, 256, 300, 300]


def test_what_never_failed_may_be_tried() -> None:
    assert Patience().may_try("a", 0)


def test_what_failed_waits_its_time_and_alone() -> None:
    patience = Patience()
    assert patience.failed("a", 10) == 1
    assert not patience.may_try("a", 10.9)
    assert patience.may_try("a", 11)
    assert patience.may_try("b", 10)
    assert patience.failed("a", 11) == 2


def test_a_success_forgets_the_failures() -> None:
    patience = Patience()
    patience.failed("a", 10)
    patience.failed("a", 11)
    patience.succeeded("a")
    assert patience.may_try("a", 11)
    assert patience.failed("a", 12) == 1
