"""What is unknown, corrupt or unsafe stops the start with the setting's name, not its value."""

import os
from pathlib import Path
from typing import Protocol

import pytest

from infra.settings import Environment, Settings, SettingsError, load_settings

SECRET = "correct-horse-battery-staple-0123456789"  # not a secret: the tests' own


class ConfigFile(Protocol):
    """Write the configuration file and name it in the environment."""

    def __call__(self, text: str, mode: int = 0o600) -> Path: ...


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("PATRIOT_"):
            monkeypatch.delenv(name)


@pytest.fixture
def config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ConfigFile:
    def write(text: str, mode: int = 0o600) -> Path:
        path = tmp_path / "patriot.toml"
        path.write_text(text)
        path.chmod(mode)
        monkeypatch.setenv("PATRIOT_CONFIG_FILE", str(path))
        return path

    return write


def test_defaults_start_everything_embedded() -> None:
    settings = load_settings()
    assert settings.environment is Environment.DEVELOPMENT
    assert settings.host == "127.0.0.1"
    assert (settings.eventstoredb_uri, settings.postgres_dsn, settings.redis_url) == (None,) * 3


def test_option_over_environment_over_file(
    config_file: ConfigFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_file('port = 1\nhost = "file.example"\nlog_level = "debug"\n')
    monkeypatch.setenv("PATRIOT_PORT", "2")
    monkeypatch.setenv("PATRIOT_HOST", "environment.example")
    settings = load_settings(port=3)
    assert (settings.port, settings.host) == (3, "environment.example")
    assert settings.log_level == "DEBUG"


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATRIOT_POSTGRES_DSN", "")
    assert load_settings().postgres_dsn is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PATRIOT_PROT", "8080"),
        ("PATRIOT_PORT", "eighty"),
        ("PATRIOT_PORT", "65536"),
        ("PATRIOT_PORT", "-1"),
        ("PATRIOT_PORT", "80.5"),
        ("PATRIOT_HOST", "http://example"),
        ("PATRIOT_ENVIRONMENT", "staging"),
        ("PATRIOT_POSTGRES_DSN", "mysql://user:hunter2@host/db"),
        ("PATRIOT_REDIS_URL", "http://user:hunter2@host"),
        ("PATRIOT_EVENTSTOREDB_URI", "host:2113?password=hunter2"),
        ("PATRIOT_MARKET", "no/such/recording.gz"),
        ("PATRIOT_MARKET", "/"),
        ("PATRIOT_MARKET_SPEED", "nan"),
        ("PATRIOT_MARKET_SPEED", "-1"),
        ("PATRIOT_EXCHANGE_INFO", "no/such/file.json"),
        ("PATRIOT_MAKER_FEE", "NaN"),
        ("PATRIOT_TAKER_FEE", "0.5"),
        ("PATRIOT_TOKEN_SECRET", "hunter2"),
        ("PATRIOT_MAX_BODY_BYTES", "0"),
        ("PATRIOT_QUOTE_MAX_AGE_MS", "0"),
        ("PATRIOT_LOG_LEVEL", "loud"),
        ("PATRIOT_LOG_JSON", "perhaps"),
        ("PATRIOT_DATA_DIR", "/dev/null/data"),
        ("PATRIOT_CONFIG_FILE", "no/such/file.toml"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.setting == name
    assert str(caught.value).startswith(f"{name}: ")
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("port = ", "not valid TOML"),
        ('prot = "8080"', "no setting prot"),
        ("[server]\nport = 1", "no setting server"),
        ('\udcff = "not UTF-8"', "not valid TOML"),
    ],
)
def test_a_wrong_file_is_explained(
    text: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "patriot.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    monkeypatch.setenv("PATRIOT_CONFIG_FILE", str(path))
    with pytest.raises(SettingsError, match=f"^PATRIOT_CONFIG_FILE: .*{word}"):
        load_settings()


def test_a_wrong_value_in_a_file_names_the_setting(config_file: ConfigFile) -> None:
    config_file("port = 70000\n")
    with pytest.raises(SettingsError, match=r"^PATRIOT_PORT: "):
        load_settings()


@pytest.mark.parametrize(
    "line", [f'token_secret = "{SECRET}"', 'postgres_dsn = "postgresql://a:hunter2@host/b"']
)
def test_a_secret_file_that_others_can_read_is_refused(config_file: ConfigFile, line: str) -> None:
    config_file(line, 0o640)
    with pytest.raises(SettingsError, match="chmod 600") as caught:
        load_settings()
    assert SECRET not in str(caught.value)
    config_file(line, 0o600)
    load_settings()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"host": "0.0.0.0", "docs_enabled": "false"}, "PATRIOT_TOKEN_SECRET"),
        ({"docs_enabled": "false"}, "PATRIOT_TOKEN_SECRET"),
        ({"token_secret": SECRET}, "PATRIOT_DOCS_ENABLED"),
    ],
)
def test_production_refuses_what_is_unsafe(
    given: dict[str, str], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATRIOT_ENVIRONMENT", "production")
    for name, value in given.items():
        monkeypatch.setenv(f"PATRIOT_{name.upper()}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.setting == named


def test_no_secret_shows_in_a_settings_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATRIOT_TOKEN_SECRET", SECRET)
    assert SECRET not in repr(load_settings())


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())
