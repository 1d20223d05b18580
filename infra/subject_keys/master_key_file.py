"""The file of the master key: one line, or two and more while everything is wrapped anew."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.secret_file import UnsafeSecret, has_secret, make_secret, read_secret, replace_secret
from infra.settings import Environment, Settings, SettingsError
from infra.subject_keys.aes_gcm_sealer import KEY_BYTES
from infra.subject_keys.master_key import MasterKey, MasterKeys

FILE_NAME = "subject_master_key"

_SETTING = "PATRIOT_SUBJECT_MASTER_KEY_FILE"
_LINES = re.compile(r"[0-9a-fA-F]{64}(?:\s+[0-9a-fA-F]{64})*\s*", re.ASCII)


class MasterKeyFile:
    """The file that the settings name, which is never written; or one in the data directory.

    Its first line is the current key. Every method raises SettingsError where the file is
    missing, damaged or readable by others.
    """

    def __init__(self, settings: Settings) -> None:
        self.is_named = settings.subject_master_key_file is not None
        self.path: Path = settings.subject_master_key_file or settings.data_dir / FILE_NAME
        self._is_production = settings.environment is Environment.PRODUCTION

    def read(self) -> MasterKeys:
        return MasterKeys([MasterKey(bytes.fromhex(line)) for line in self._lines()])

    def read_or_make(self) -> MasterKeys:
        """For the first subject of all; never in production, where somebody has to keep it."""
        with _told():
            if not self.is_named and not has_secret(self.path):
                if self._is_production:
                    raise SettingsError(_SETTING, "must be set in production")
                make_secret(self.path, _new_line())
        return self.read()

    def add(self) -> MasterKeys:
        """Put a new key before the one there is. Where there are more, that was begun before."""
        lines = self._lines()
        if len(lines) == 1 and not self.is_named:
            self._write([_new_line(), *lines])
        return self.read()

    def forget_old(self) -> int:
        """Keep the current key alone; how many others a file that is named still has."""
        lines = self._lines()
        if self.is_named:
            return len(lines) - 1
        if len(lines) > 1:
            self._write(lines[:1])
        return 0

    def _lines(self) -> list[str]:
        try:
            with _told():
                content = read_secret(self.path).decode("ascii", errors="replace")
        except FileNotFoundError:
            raise self._error("is missing: put it back from its own backup") from None
        if not _LINES.fullmatch(content):
            raise self._error("does not hold 64 hexadecimal digits a line")
        return content.split()

    def _write(self, lines: list[str]) -> None:
        with _told():
            replace_secret(self.path, "\n".join(lines))

    def _error(self, message: str) -> SettingsError:
        return SettingsError(_SETTING, f"{self.path} {message}")


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except UnsafeSecret as error:
        raise SettingsError(_SETTING, str(error)) from None


def _new_line() -> str:
    return secrets.token_hex(KEY_BYTES)
