"""Discount codes."""

from guerdon.domain.catalogue import Program


def make_code(program: Program, bits: int) -> str:
    """Write random bits as a code of the program's form: its prefix, a dash, its characters.

    128 bits serve any length up to 24 characters of a 32-letter alphabet without a visible
    bias; longer codes are refused when a program is applied."""
    alphabet = program.code_alphabet
    base = len(alphabet)
    characters = []
    for _ in range(program.code_length):
        bits, digit = divmod(bits, base)
        characters.append(alphabet[digit])
    suffix = "".join(characters)
    return f"{program.code_prefix}-{suffix}" if program.code_prefix else suffix
