"""The key that signs bearer tokens: as set, or made once in the data directory."""

import secrets

from infra.secret_file import UnsafeSecret, has_secret, make_secret, read_secret
from infra.settings import MIN_SECRET_BYTES, Settings, SettingsError

FILE_NAME = "token_secret"


def token_secret(settings: Settings) -> bytes:
    """Raises SettingsError if the kept secret is damaged, or readable by others."""
    if settings.token_secret is not None:
        return settings.token_secret.get_secret_value().encode()
    path = settings.data_dir / FILE_NAME
    try:
        if not has_secret(path):
            make_secret(path, secrets.token_urlsafe(MIN_SECRET_BYTES))
        secret = read_secret(path)
    except UnsafeSecret as error:
        raise _error(str(error)) from None
    if len(secret) < MIN_SECRET_BYTES:
        raise _error(f"{path} is too short to be safe: remove it to have a new one made")
    return secret


def _error(message: str) -> SettingsError:
    return SettingsError("PATRIOT_TOKEN_SECRET", message)
