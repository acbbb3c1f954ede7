"""How often Python looks for garbage in cycles."""

import gc

# A batch makes some ten thousand values, none of them in cycles; the default looks every 700.
_ALLOCATIONS = 50_000


def tune_collector() -> None:
    """Set what is loaded by now aside, and look for cycles seldom. Called once, at the start of a
    process that serves."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, 20, 20)
