"""Discount codes."""

from functools import lru_cache

from guerdon.domain.catalogue import Program


def make_code(program: Program, bits: int) -> str:
    """Write random bits as a code of the program's form: its prefix, a dash, its characters.

    128 bits serve any length up to 24 characters of a 32-letter alphabet without a visible
    bias; longer codes are refused when a program is applied."""
    pairs = _pairs(program.code_alphabet)
    base = len(pairs)
    suffix = ""
    for _ in range(0, program.code_length, 2):
        bits, digits = divmod(bits, base)
        suffix += pairs[digits]
    suffix = suffix[: program.code_length]
    return f"{program.code_prefix}-{suffix}" if program.code_prefix else suffix


@lru_cache(maxsize=64)
def _pairs(alphabet: str) -> tuple[str, ...]:
    """List every pair of characters, so that a code takes half as many divisions."""
    return tuple(first + second for first in alphabet for second in alphabet)
