"""JSON from strangers: what is refused, and why."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.http.strict_json import DEPTH_MAX, Malformed, decode


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "is not valid JSON"),
        (b"   ", "is not valid JSON"),
        (b"{", "is not valid JSON"),
        (b"{} {}", "is not valid JSON"),
        (b"{'a': 1}", "is not valid JSON"),
        (b'{"a": 1,}', "is not valid JSON"),
        (b'{"a": 01}', "is not valid JSON"),
        (b'{"a": "\x00"}', "is not valid JSON"),
        (b'{"a": "\n"}', "is not valid JSON"),
        (b"\xef\xbb\xbf{}", "is not valid JSON"),
        (b"{}\x00", "is not valid JSON"),
        (b'{"a": "\xff"}', "is not UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "is not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "is not UTF-8"),
        (b'{"a": 1, "b": 2, "a": 3}', "names 'a' twice"),
        (b'{"deep": [{"a": 1, "a": 1}]}', "names 'a' twice"),
        (b'{"a": 1, "\\u0061": 2}', "names 'a' twice"),
        (b'{"a": NaN}', "holds NaN, which is not JSON"),
        (b'{"a": -Infinity}', "holds -Infinity, which is not JSON"),
        (b'{"a": 1e999}', "holds a number that is too large"),
        (b'{"a": 9223372036854775808}', "holds an integer beyond 64 bits"),
        (b'{"a": -9223372036854775809}', "holds an integer beyond 64 bits"),
        (b'{"a": ' + b"9" * 100_000 + b"}", "holds an integer beyond 64 bits"),
        (b'{"a": "\\u0000"}', "holds a NUL character or half a surrogate pair"),
        (b'{"a": ["\\ud800"]}', "holds a NUL character or half a surrogate pair"),
        (b'{"\\udfff": 1}', "holds a NUL character or half a surrogate pair"),
        (b"[" * 33 + b"]" * 33, "is nested more than 32 levels deep"),
        (b"[" * 200_000, "is nested more than 32 levels deep"),
        (b'{"a":' * 50_000, "is nested more than 32 levels deep"),
    ],
)
def test_refused(body: bytes, reason: str) -> None:
    with pytest.raises(Malformed) as refused:
        decode(body)
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 9223372036854775807}', {"a": 2**63 - 1}),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "\N{GRINNING FACE}"}),
        (b'{"a": "\\\\u0000"}', {"a": "\\u0000"}),
        (b'{"a": "[[[[' + b"[" * 100 + b'"}', {"a": "[" * 104}),
        (b'{"a": "\\"' + b"[" * 100 + b'"}', {"a": '"' + "[" * 100}),
        (b"[" * DEPTH_MAX + b"]" * DEPTH_MAX, json.loads("[" * 32 + "]" * 32)),
        (b"[[],[],[]" + b",[]" * 100 + b"]", [[]] * 103),
        (b" \t\r\n1.5e3 ", 1500.0),
    ],
)
def test_taken(body: bytes, value: object) -> None:
    assert decode(body) == value


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(value=_values, is_ascii=st.booleans())
def test_whatever_can_be_written_is_read_back(value: object, *, is_ascii: bool) -> None:
    assert decode(json.dumps(value, ensure_ascii=is_ascii).encode()) == value


@given(st.binary(max_size=60))
def test_nothing_but_malformed_is_raised(body: bytes) -> None:
    with suppress(Malformed):
        decode(body)
