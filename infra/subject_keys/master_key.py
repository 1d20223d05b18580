"""The key that wraps all subjects' keys, so that no copy of the database alone opens them."""

import os
from collections.abc import Sequence
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from infra.subject_keys.aes_gcm_sealer import KEY_BYTES, NONCE_BYTES


class WrapBroken(Exception):
    """What was wrapped was altered, or belongs to something else."""


class MasterKey:
    """``id`` tells master keys apart and tells nothing about them."""

    def __init__(self, key: bytes) -> None:
        assert len(key) == KEY_BYTES
        self._cipher = AESGCM(key)
        self.id = sha256(b"patriot master key id" + key).hexdigest()[:16]

    def wrap(self, key: bytes, belongs_to: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key, belongs_to.encode())

    def unwrap(self, wrapped: bytes, belongs_to: str) -> bytes:
        """Raises WrapBroken."""
        nonce, rest = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, rest, belongs_to.encode())
        except (InvalidTag, ValueError) as error:
            raise WrapBroken("it was altered, or belongs to another subject") from error


class MasterKeys:
    """The ``current`` one wraps; the older ones only open what is not wrapped anew yet."""

    def __init__(self, keys: Sequence[MasterKey]) -> None:
        self.current = keys[0]
        self._by_id = {key.id: key for key in keys}

    @property
    def ids(self) -> set[str]:
        return set(self._by_id)

    def get(self, master_id: str) -> MasterKey | None:
        return self._by_id.get(master_id)
