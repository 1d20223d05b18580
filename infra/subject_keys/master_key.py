"""The key that wraps all subjects' keys: in a file, so that no copy of the database opens them."""

import os
import re
import secrets
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from infra.secret_file import UnsafeSecret, make_secret, read_secret
from infra.settings import Environment, Settings, SettingsError
from infra.subject_keys.aes_gcm_sealer import KEY_BYTES, NONCE_BYTES

FILE_NAME = "subject_master_key"

_SETTING = "PATRIOT_SUBJECT_MASTER_KEY_FILE"
_HEX = re.compile(rb"[0-9a-fA-F]{64}\s*")


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


class MasterKeyFile:
    """The file that the settings name, or one in the data directory, where it is made once."""

    def __init__(self, settings: Settings) -> None:
        self._is_named = settings.subject_master_key_file is not None
        self._path = settings.subject_master_key_file or settings.data_dir / FILE_NAME
        self._is_production = settings.environment is Environment.PRODUCTION

    @property
    def path(self) -> Path:
        return self._path

    def read(self) -> MasterKey:
        """Raises SettingsError where it is missing, damaged or readable by others."""
        try:
            content = read_secret(self._path)
        except FileNotFoundError:
            raise self._error("is missing: put it back from its own backup") from None
        except UnsafeSecret as error:
            raise SettingsError(_SETTING, str(error)) from None
        if not _HEX.fullmatch(content):
            raise self._error("does not hold 64 hexadecimal digits")
        return MasterKey(bytes.fromhex(content.decode()))

    def read_or_make(self) -> MasterKey:
        """For the first subject of all. Raises SettingsError as ``read``; in production, and where
        it is named, it is never made: somebody has to keep it."""
        if not self._is_named and not self._path.exists():
            if self._is_production:
                raise SettingsError(_SETTING, "must be set in production")
            make_secret(self._path, secrets.token_hex(KEY_BYTES))
        return self.read()

    def _error(self, message: str) -> SettingsError:
        return SettingsError(_SETTING, f"{self._path} {message}")
