"""The codes by which members' cards are known: one for each wallet.

A point type may have a form of its own; its codes are random and kept. All other codes are the
wallet's id, shuffled, so that nothing is kept and no look-up is needed."""

from hashlib import blake2b, shake_256

from guerdon.domain.catalogue import SAFE_ALPHABET
from guerdon.domain.ids import MerchantId, WalletId
from guerdon.domain.point_terms import CodeForm

# Two halves of 27 bits hold every id that there can be, which is below 2^53.
_HALF_BITS = 27
_HALF_MASK = (1 << _HALF_BITS) - 1
_ROUNDS = 4
_BASE = len(SAFE_ALPHABET)
_DIGITS = 11
LENGTH = _DIGITS + 1

_VALUES = {character: value for value, character in enumerate(SAFE_ALPHABET)}


def card_code(merchant_id: MerchantId, wallet_id: WalletId) -> str:
    """Write the code of a wallet whose point type has no form of its own.

    It is made so that neighbours look unlike each other and a mistyped character is noticed. It
    is no secret: who knows how, can tell the wallet from it."""
    left, right = wallet_id >> _HALF_BITS, wallet_id & _HALF_MASK
    for number in range(_ROUNDS):
        left, right = right, left ^ _scramble(merchant_id, number, right)
    shuffled = left << _HALF_BITS | right
    characters = []
    for _ in range(_DIGITS):
        shuffled, digit = divmod(shuffled, _BASE)
        characters.append(SAFE_ALPHABET[digit])
    digits = "".join(reversed(characters))
    return digits + _check_digit(digits)


def wallet_of_card(merchant_id: MerchantId, code: str) -> WalletId | None:
    """Read which wallet a code names, if it can be one of ours; whether there is such a wallet is
    not said."""
    digits, check = code[:_DIGITS], code[_DIGITS:]
    if len(code) != LENGTH or not _VALUES.keys() >= set(code) or check != _check_digit(digits):
        return None
    shuffled = 0
    for character in digits:
        shuffled = shuffled * _BASE + _VALUES[character]
    left, right = shuffled >> _HALF_BITS, shuffled & _HALF_MASK
    if left > _HALF_MASK:
        return None
    for number in reversed(range(_ROUNDS)):
        left, right = right ^ _scramble(merchant_id, number, left), left
    wallet_id = left << _HALF_BITS | right
    return WalletId(wallet_id) if 0 < wallet_id < 2**53 else None


def formed_code(form: CodeForm, bits: int) -> str:
    """Write random bits as a code of a point type's own form."""
    wanted = len(form.pattern) * (len(form.charset) - 1).bit_length()
    # As many as it takes, so that the last characters are not all the same.
    bits = int.from_bytes(shake_256(bits.to_bytes(16, "big")).digest(wanted // 8 + 16), "big")
    characters = []
    for character in form.pattern:
        if character == "#":
            bits, place = divmod(bits, len(form.charset))
            characters.append(form.charset[place])
        else:
            characters.append(character)
    return f"{form.prefix}{''.join(characters)}{form.postfix}"


def _scramble(merchant_id: MerchantId, number: int, half: int) -> int:
    """Turn one half into what the other is mixed with; each merchant's codes are its own."""
    told = f"card {merchant_id} {number} {half}".encode()
    return int.from_bytes(blake2b(told, digest_size=4).digest(), "big") & _HALF_MASK


def _check_digit(digits: str) -> str:
    """Give what makes a sum come out even, in which every second digit counts double: it tells
    every wrong character, and most that changed places."""
    total = 0
    for place, character in enumerate(reversed(digits)):
        value = _VALUES[character]
        if place % 2 == 0:
            value *= 2
            value = value // _BASE + value % _BASE
        total += value
    return SAFE_ALPHABET[-total % _BASE]
