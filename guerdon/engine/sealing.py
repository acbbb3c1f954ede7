"""Keeps secrets at rest unreadable without a key that the database does not hold."""

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES_MIN = 32
_NONCE_BYTES = 12


class SealError(Exception):
    """What was sealed cannot be opened: another key, another place, or damage."""


class Seal:
    """Seals with one key, and opens what older keys sealed. A key is a secret of any form.

    What comes out is one byte naming the key, a nonce, and AES-GCM ciphertext. To rotate, give the
    new key a new version, hand the old one in as retired, and seal again what is opened."""

    def __init__(
        self, key: bytes, *, version: int = 1, retired: Mapping[int, bytes] | None = None
    ) -> None:
        keys = {**(retired or {}), version: key}
        if any(len(each) < KEY_BYTES_MIN for each in keys.values()):
            message = f"a sealing key has {KEY_BYTES_MIN} bytes at least"
            raise ValueError(message)
        if any(not 0 <= each <= 255 for each in keys):
            raise ValueError("a sealing key's version is one byte")
        self._version = version
        self._ciphers = {each: _cipher(secret) for each, secret in keys.items()}
        self._markers = {each: _derive(secret, b"guerdon mark") for each, secret in keys.items()}

    def seal(self, plain: bytes, context: str) -> bytes:
        """Seal. `context` says where it is kept: moved elsewhere, it will not open."""
        nonce = os.urandom(_NONCE_BYTES)
        cipher = self._ciphers[self._version]
        return bytes([self._version]) + nonce + cipher.encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Open what was sealed for this context. Raises SealError."""
        cipher = self._ciphers.get(sealed[0]) if sealed else None
        if cipher is None:
            raise SealError("sealed with a key that is not here")
        nonce, encrypted = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, encrypted, context.encode())
        except (InvalidTag, ValueError) as error:
            raise SealError("sealed with another key, for another place, or damaged") from error

    def mark(self, context: str) -> str:
        """Give a token of 128 bits that only the holder of the key could tell of this context."""
        return _mark(self._markers[self._version], context)

    def is_mark(self, token: str, context: str) -> bool:
        """Say whether a token is the context's, under the key or a retired one.

        Each comparison takes the same time, whatever the token."""
        return any(
            hmac.compare_digest(_mark(key, context).encode(), token.encode())
            for key in self._markers.values()
        )


def _mark(key: bytes, context: str) -> str:
    digest = hmac.new(key, context.encode(), hashlib.sha256).digest()
    return base64.b32encode(digest[:16]).decode().rstrip("=").lower()


def _cipher(secret: bytes) -> AESGCM:
    """Derive the cipher's key, so that the secret may be text and may serve other ends too."""
    return AESGCM(_derive(secret, b"guerdon seal"))


def _derive(secret: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)
