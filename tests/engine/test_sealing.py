"""Secrets at rest open only with their key, in their place."""

import pytest

from guerdon.engine.sealing import Seal, SealError

_OLD = b"an old secret, long enough to serve"
_NEW = b"a newer secret, long enough to serve"


def test_opens_what_it_sealed() -> None:
    seal = Seal(_NEW)
    assert seal.open(seal.seal(b"word", "here"), "here") == b"word"


def test_sealing_twice_gives_two_texts() -> None:
    seal = Seal(_NEW)
    assert seal.seal(b"word", "here") != seal.seal(b"word", "here")


def test_does_not_open_elsewhere() -> None:
    seal = Seal(_NEW)
    with pytest.raises(SealError):
        seal.open(seal.seal(b"word", "here"), "there")


@pytest.mark.parametrize("damage", [0, 1, 12, 13, -1])
def test_does_not_open_damaged(damage: int) -> None:
    sealed = bytearray(Seal(_NEW).seal(b"word", "here"))
    sealed[damage] ^= 1
    with pytest.raises(SealError):
        Seal(_NEW).open(bytes(sealed), "here")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" + bytes(12), bytes(40)])
def test_does_not_open_what_was_never_sealed(sealed: bytes) -> None:
    with pytest.raises(SealError):
        Seal(_NEW).open(sealed, "here")


def test_a_new_key_opens_what_a_retired_one_sealed() -> None:
    sealed = Seal(_OLD).seal(b"word", "here")
    rotated = Seal(_NEW, version=2, retired={1: _OLD})
    assert rotated.open(sealed, "here") == b"word"
    assert rotated.seal(b"word", "here")[0] == 2
    with pytest.raises(SealError):
        Seal(_NEW, version=2).open(sealed, "here")


@pytest.mark.parametrize(("key", "version"), [(b"short", 1), (_NEW, 256), (_NEW, -1)])
def test_refuses_a_key_that_cannot_serve(key: bytes, version: int) -> None:
    with pytest.raises(ValueError, match="sealing key"):
        Seal(key, version=version)
