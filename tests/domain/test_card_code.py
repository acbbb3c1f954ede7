"""The codes of members' cards: told apart, read back, and told from mistakes."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.domain.card_code import LENGTH, card_code, formed_code, wallet_of_card
from guerdon.domain.catalogue import SAFE_ALPHABET
from guerdon.domain.ids import MerchantId, WalletId
from guerdon.domain.point_terms import CodeForm

MERCHANT = MerchantId(7)


@given(wallet_id=st.integers(1, 2**53 - 1), merchant_id=st.integers(1, 10_000))
def test_a_code_is_read_back_as_the_wallet_that_it_names(wallet_id: int, merchant_id: int) -> None:
    code = card_code(MerchantId(merchant_id), WalletId(wallet_id))
    assert len(code) == LENGTH
    assert set(code) <= set(SAFE_ALPHABET)
    assert wallet_of_card(MerchantId(merchant_id), code) == wallet_id


@given(
    wallet_id=st.integers(1, 2**53 - 1),
    place=st.integers(0, LENGTH - 1),
    wrong=st.sampled_from(SAFE_ALPHABET),
)
def test_one_wrong_character_is_noticed(wallet_id: int, place: int, wrong: str) -> None:
    code = card_code(MERCHANT, WalletId(wallet_id))
    mistyped = code[:place] + wrong + code[place + 1 :]
    assert (wallet_of_card(MERCHANT, mistyped) is None) == (mistyped != code)


def test_codes_of_neighbours_and_of_other_merchants_look_unlike() -> None:
    codes = [card_code(MERCHANT, WalletId(number)) for number in range(1, 2001)]
    assert len(set(codes)) == 2000
    for first, second in itertools.pairwise(codes):
        assert sum(a != b for a, b in zip(first, second, strict=True)) >= 4
    assert card_code(MerchantId(8), WalletId(1)) != codes[0]


@pytest.mark.parametrize("code", ["", "x", "O" * LENGTH, "2" * (LENGTH + 1), "Z" * LENGTH])
def test_what_is_no_code_names_no_wallet(code: str) -> None:
    assert wallet_of_card(MERCHANT, code) is None


@given(bits=st.integers(0, 2**128 - 1))
def test_a_form_of_its_own_is_kept(bits: int) -> None:
    form = CodeForm(pattern="##-####", charset="AB9", prefix="GEM-", postfix="!")
    code = formed_code(form, bits)
    assert code.startswith("GEM-")
    assert code.endswith("!")
    assert code[6] == "-"
    assert set(code[4:6] + code[7:11]) <= set("AB9")


def test_a_long_code_is_random_to_its_end() -> None:
    form = CodeForm(pattern="#" * 60, charset=SAFE_ALPHABET)
    made = {formed_code(form, bits)[-8:] for bits in range(500)}
    assert len(made) == 500
