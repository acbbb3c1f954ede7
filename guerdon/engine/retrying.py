"""How often a letter is tried, and when again."""

# Some five days with the waits below.
ATTEMPTS_MAX = 30
_FIRST_SECONDS = 5.0
_FACTOR = 3.0
_LONGEST_SECONDS = 6 * 3600.0
# A wait is this much longer or shorter by chance, so that what failed together comes apart.
_JITTER = 0.25
# What a destination asks for is done, but not without end.
_ASKED_SECONDS_MAX = 7 * 86_400.0


def retry_seconds(attempt: int, bits: int, asked_seconds: float | None = None) -> float:
    """Give the wait after the so-manieth attempt: 5 s, 15 s, 45 s and so on to 6 hours, or what was
    asked for. `bits` are 128 random ones."""
    if asked_seconds is not None:
        return min(max(asked_seconds, 0.0), _ASKED_SECONDS_MAX)
    # Bounded before it is raised, so that it cannot overflow.
    wait = min(_FIRST_SECONDS * _FACTOR ** min(attempt - 1, 32), _LONGEST_SECONDS)
    chance = bits / 2**128
    return wait * (1 - _JITTER + 2 * _JITTER * chance)
