"""Discount codes."""

from functools import lru_cache

from guerdon.domain.catalogue import Program


def make_code(program: Program, bits: int) -> str:
    """Write random bits as a code of the program's form: its prefix, a dash, its characters.

    128 bits serve any length up to 24 characters of a 32-letter alphabet without a visible
    bias; longer codes are refused when a program is applied."""
    pairs = _pairs(program.code_alphabet)
    base = len(pairs)
    rounds = (program.code_length + 1) // 2
    # Small numbers divide several times quicker than 128 bits do.
    bits %= base**rounds
    suffix = ""
    for _ in range(rounds):
        bits, digits = divmod(bits, base)
        suffix += pairs[digits]
    if len(suffix) > program.code_length:
        suffix = suffix[:-1]
    return f"{program.code_prefix}-{suffix}" if program.code_prefix else suffix


@lru_cache(maxsize=64)
def _pairs(alphabet: str) -> tuple[str, ...]:
    """List every pair of characters, so that a code takes half as many divisions."""
    return tuple(first + second for first in alphabet for second in alphabet)
