"""Ids: written with a prefix, and read back by that kind of thing alone."""

from datetime import date

import pytest

from guerdon.dialects.voucherify import ids


def test_an_id_is_read_back_as_what_it_is() -> None:
    for kind, prefix in ids.PREFIXES.items():
        written = ids.write_id(kind, 1001)
        assert written == f"{prefix}0000000000000003e9"
        assert ids.read_id(kind, written) == 1001
    assert len(set(ids.PREFIXES.values())) == len(ids.PREFIXES)
    assert ids.read_id("member", ids.write_id("member", ids.ID_MAX)) == ids.ID_MAX


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lmbr_",
        "lmbr_3e9",
        "lprg_0000000000000003e9",
        "lmbr_0000000000000003E9",
        "lmbr_000000000000000000",
        "lmbr_ffffffffffffffffff",
        "lmbr_0000000000000003e9 ",
        "lmbr_lmbr_0000000000000003e9",
        "0000000000000003e9",
        f"lmbr_{chr(0x661) * 18}",
    ],
)
def test_anything_else_is_no_id_of_a_member(text: str) -> None:
    assert ids.read_id("member", text) is None


def test_a_bucket_is_a_card_and_a_day() -> None:
    day = date(2026, 3, 14)
    written = ids.write_bucket_id("pending_points", 1001, day)
    assert written == "lcppb_0000000000000003e920260314"
    assert ids.read_bucket_id("pending_points", written) == (1001, day)
    for wrong in (
        written.replace("lcppb", "lcpeb"),
        written.replace("0314", "0332"),
        written[:-1],
        "lcppb_00000000000000000020260314",
    ):
        assert ids.read_bucket_id("pending_points", wrong) is None


def test_a_customer_is_whom_the_shop_knows() -> None:
    assert ids.write_customer_id("C-1") == "cust_432d31"
    assert ids.read_customer_id("cust_432d31") == "C-1"
    assert ids.read_customer_id(ids.write_customer_id("Żółw 7")) == "Żółw 7"
    for wrong in ("cust_", "cust_4", "cust_zz", "C-1", "cust_ff", "cust_00", "lmbr_432d31"):
        assert ids.read_customer_id(wrong) is None
    assert ids.source_id_of("C-1") == "C-1"
    assert ids.source_id_of(f"{ids.OWN_MARK}7") is None
