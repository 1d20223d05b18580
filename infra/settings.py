"""Settings: PATRIOT_* environment variables, or a TOML file named by PATRIOT_CONFIG_FILE.

The environment wins over the file. What is unknown, corrupt or unsafe stops the start.
"""

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.fees import FeeSchedule

PREFIX = "PATRIOT_"
CONFIG_FILE = "PATRIOT_CONFIG_FILE"
MIN_SECRET_BYTES = 32

_NOT_SETTINGS = frozenset({CONFIG_FILE, "PATRIOT_FAILPOINT", "PATRIOT_TOKEN", "PATRIOT_URL"})
"""Variables with our prefix that others read: failpoints, the CLI, and tests (PATRIOT_TEST_…)."""

SYNTHETIC = "synthetic"

_PASSWORD = re.compile(r"://[^/@]*:[^/@]+@")
_HOST = re.compile(r"[0-9A-Za-z.:_-]+", re.ASCII)


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class SettingsError(Exception):
    """A setting that the core cannot run with. Never carries a secret's value."""

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(f"{setting}: {message}")
        self.setting = setting
        self.message = message


class Settings(BaseSettings):
    """Everything that can be set; a server whose address is not set is embedded.

    Made by ``load_settings``, which knows all sources and their order.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    environment: Environment = Field(
        Environment.DEVELOPMENT, description="`production` refuses unsafe settings."
    )
    data_dir: Path = Field(Path(".data"), description="Where the embedded servers and keys live.")
    host: str = Field("127.0.0.1", description="Address the API listens on.")
    port: int = Field(8080, ge=0, le=65535, description="Port of the API; 0 takes a free one.")
    eventstoredb_uri: str | None = Field(
        None, description="EventStoreDB as the log, instead of a table in Postgres."
    )
    postgres_dsn: str | None = Field(None, description="Postgres, instead of the embedded one.")
    redis_url: str | None = Field(None, description="Redis, instead of the embedded Valkey.")
    market: str = Field(SYNTHETIC, description="A recording's path, or `synthetic`.")
    market_speed: float = Field(1.0, ge=0, le=1000, description="Playing speed; 0 is unpaced.")
    market_seed: int = Field(1, description="Seed of the synthetic market.")
    exchange_info: Path | None = Field(
        None, description="An exchangeInfo answer with the instruments, instead of the built-in."
    )
    maker_fee: Decimal = Field(
        Decimal("0.0002"), description="Maker fee of the paper venue and of new accounts."
    )
    taker_fee: Decimal = Field(
        Decimal("0.0004"), description="Taker fee of the paper venue and of new accounts."
    )
    fee_asset: str | None = Field(
        None,
        pattern="^[A-Z0-9]{2,12}$",
        description="Asset that fees are charged in, instead of the one a trade settles in.",
    )
    quote_max_age_ms: int = Field(
        5_000, ge=1, description="Older quotes are stale; a scope's limit can be stricter."
    )
    token_secret: SecretStr | None = Field(
        None, description="Signs tokens; at least 32 bytes. Unset: generated in the data directory."
    )
    subject_master_key_file: Path | None = Field(
        None,
        description="File with 64 hexadecimal digits that wrap the keys of personal data. "
        "Unset: made in the data directory; never in production.",
    )
    token_days: int = Field(30, ge=1, le=366, description="How long a new token is valid.")
    max_body_bytes: int = Field(
        64 * 1024, ge=1024, le=1024 * 1024, description="Larger request bodies are refused."
    )
    snapshot_events: int = Field(
        10_000,
        ge=0,
        description="Events of a read model after which a snapshot of it is due; 0 takes none.",
    )
    snapshot_minutes: float = Field(
        15.0, gt=0, description="Minutes after which one is due even after fewer events."
    )
    snapshot_megabytes: int = Field(
        1_000, ge=1, description="Room for the snapshots of one read model."
    )
    docs_enabled: bool = Field(True, description="Serve the OpenAPI pages; never in production.")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")
    log_json: bool = Field(False, description="Log lines as JSON.")

    @field_validator("data_dir")
    @classmethod
    def _usable_directory(cls, directory: Path) -> Path:
        existing = directory.expanduser().absolute()
        while not existing.exists():
            existing = existing.parent
        if not existing.is_dir():
            raise ValueError(f"{existing} is not a directory")
        if not os.access(existing, os.W_OK | os.X_OK):
            raise ValueError(f"{existing} is not writable")
        return directory.expanduser()

    @field_validator("host")
    @classmethod
    def _address(cls, host: str) -> str:
        if not _HOST.fullmatch(host):
            raise ValueError("must be an address or a host name")
        return host

    @field_validator("exchange_info")
    @classmethod
    def _readable(cls, path: Path | None) -> Path | None:
        if path is not None and not (path.is_file() and os.access(path, os.R_OK)):
            raise ValueError("must be the path of a readable file")
        return path

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, level: str) -> str:
        if level.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
        return level.upper()

    @field_validator("maker_fee", "taker_fee")
    @classmethod
    def _plausible_fee(cls, fee: Decimal) -> Decimal:
        if not fee.is_finite() or abs(fee) > Decimal("0.05"):
            raise ValueError("must be a fraction of notional between -0.05 and 0.05")
        return fee

    @field_validator("postgres_dsn")
    @classmethod
    def _postgres(cls, dsn: str | None) -> str | None:
        return _with_scheme(dsn, ("postgresql://", "postgres://"))

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, url: str | None) -> str | None:
        return _with_scheme(url, ("redis://", "rediss://", "unix://"))

    @field_validator("eventstoredb_uri")
    @classmethod
    def _eventstoredb(cls, uri: str | None) -> str | None:
        return _with_scheme(uri, ("esdb://", "esdb+discover://"))

    @field_validator("market")
    @classmethod
    def _market(cls, market: str) -> str:
        if market != SYNTHETIC and not (Path(market).is_file() and os.access(market, os.R_OK)):
            raise ValueError("must be `synthetic` or the path of a readable recording")
        return market

    @field_validator("token_secret")
    @classmethod
    def _long_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value().encode()) < MIN_SECRET_BYTES:
            raise ValueError(f"must have at least {MIN_SECRET_BYTES} bytes")
        return secret

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if self.environment is not Environment.PRODUCTION:
            return self
        if self.docs_enabled:
            raise ValueError("docs_enabled|must be false in production")
        if self.token_secret is None:
            raise ValueError("token_secret|must be set in production")
        return self

    @property
    def fees(self) -> FeeSchedule:
        """What the paper venue charges, and new accounts reckon with."""
        return FeeSchedule(self.maker_fee, self.taker_fee, self.fee_asset)


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment and the file; overrides win over both.

    Raises SettingsError naming the setting.
    """
    _refuse_unknown_variables(os.environ)
    given = {
        **_from_file(os.environ.get(CONFIG_FILE)),
        **_from_environment(os.environ),
        **overrides,
    }
    try:
        return Settings(**given)
    except ValidationError as error:
        raise _first_error(error) from None


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    names = Settings.model_fields
    return {
        name: environment[PREFIX + name.upper()]
        for name in names
        if environment.get(PREFIX + name.upper())
    }


def _from_file(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        file = Path(path)
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        mode = file.stat().st_mode
    except OSError as error:
        raise SettingsError(CONFIG_FILE, f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise SettingsError(CONFIG_FILE, f"{path} is not valid TOML: {error}") from None
    if _holds_secret(content) and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError(
            CONFIG_FILE, f"{path} holds a secret and others can reach it: chmod 600 it"
        )
    return content


def _holds_secret(content: Mapping[str, object]) -> bool:
    """A token secret, or a password in an address."""
    if "token_secret" in content:
        return True
    return any(_PASSWORD.search(value) for value in content.values() if isinstance(value, str))


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | _NOT_SETTINGS
    for name in environment:
        if name.startswith(PREFIX) and name not in known and not name.startswith("PATRIOT_TEST_"):
            raise SettingsError(name, "there is no such setting")


def _first_error(error: ValidationError) -> SettingsError:
    first = error.errors(include_input=False, include_url=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        return SettingsError(CONFIG_FILE, f"there is no setting {first['loc'][0]}")
    if first["loc"]:
        return SettingsError(_variable(str(first["loc"][0])), message)
    name, _, reason = message.partition("|")
    return SettingsError(_variable(name), reason)


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _with_scheme(value: str | None, schemes: tuple[str, ...]) -> str | None:
    if value is not None and not value.startswith(schemes):
        raise ValueError(f"must start with {' or '.join(schemes)}")
    return value
