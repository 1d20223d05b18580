"""Sealing with AES-256-GCM."""

import os
from base64 import b64decode, b64encode

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.client.sealed import Place, SealBroken, Sealed
from domain.client.subject_keys import Sealer

KEY_BYTES = 32
NONCE_BYTES = 12
BLOCK = 64
"""Texts are padded to a multiple of it: a ciphertext's length must not tell a name's length."""

_FORM = "patriot sealed 1"
_MARK = b"\x80"


class AesGcmSealer:
    """``domain.client.subject_keys.Sealer``. Nonces are random: far below the 2**32 texts that a
    key may seal that way."""

    def __init__(self, key_id: str, key: bytes) -> None:
        assert len(key) == KEY_BYTES
        self._key_id = key_id
        self._cipher = AESGCM(key)

    def seal(self, text: str, place: Place) -> Sealed:
        nonce = os.urandom(NONCE_BYTES)
        ciphertext = self._cipher.encrypt(nonce, _padded(text.encode()), _bound_to(place))
        return Sealed(self._key_id, b64encode(nonce).decode(), b64encode(ciphertext).decode())

    def open(self, sealed: Sealed, place: Place) -> str:
        if sealed.key_id != self._key_id:
            raise SealBroken(place)
        try:
            nonce = b64decode(sealed.nonce, validate=True)
            ciphertext = b64decode(sealed.ciphertext, validate=True)
            padded = self._cipher.decrypt(nonce, ciphertext, _bound_to(place))
        except (InvalidTag, ValueError) as error:
            raise SealBroken(place) from error
        return padded[: padded.rindex(_MARK)].decode()


def _padded(content: bytes) -> bytes:
    """A mark, then zeros: what stands before the last mark is the content."""
    marked = content + _MARK
    return marked + bytes(-len(marked) % BLOCK)


def _bound_to(place: Place) -> bytes:
    """JSON, so that no two places read alike."""
    return msgspec.json.encode((_FORM, place.stream, place.version, place.field))


def _conforms(sealer: AesGcmSealer) -> Sealer:
    return sealer
