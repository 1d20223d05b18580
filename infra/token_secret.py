"""The key that signs bearer tokens: as set, or made once in the data directory."""

import os
import secrets
import stat
import tempfile
from pathlib import Path

from infra.settings import MIN_SECRET_BYTES, Settings, SettingsError

FILE_NAME = "token_secret"


def token_secret(settings: Settings) -> bytes:
    """Raises SettingsError if the kept secret is damaged, or readable by others."""
    if settings.token_secret is not None:
        return settings.token_secret.get_secret_value().encode()
    path = settings.data_dir / FILE_NAME
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    try:
        return _kept(path)
    except FileNotFoundError:
        return _made(path)


def _kept(path: Path) -> bytes:
    mode = path.stat().st_mode
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise _error(f"{path} can be reached by others: chmod 600 it")
    try:
        secret = path.read_bytes()
    except PermissionError:
        raise _error(f"{path} belongs to another user") from None
    if len(secret) < MIN_SECRET_BYTES:
        raise _error(f"{path} is too short to be safe: remove it to have a new one made")
    return secret


def _made(path: Path) -> bytes:
    """Complete before it has its name: two processes that start at once share one secret."""
    descriptor, unfinished = tempfile.mkstemp(prefix=f".{FILE_NAME}.", dir=path.parent)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(MIN_SECRET_BYTES))
        file.flush()
        os.fsync(descriptor)
    try:
        path.hardlink_to(unfinished)
    except FileExistsError:
        pass
    finally:
        os.unlink(unfinished)
    return _kept(path)


def _error(message: str) -> SettingsError:
    return SettingsError("PATRIOT_TOKEN_SECRET", message)
