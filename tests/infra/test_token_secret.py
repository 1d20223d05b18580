"""The signing key is made once, kept private, and never guessed at when damaged."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from infra.settings import Settings, SettingsError
from infra.token_secret import token_secret


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def test_the_secret_set_is_the_secret_used(settings: Settings) -> None:
    given = settings.model_copy(update={"token_secret": SecretStr("s" * 32)})
    assert token_secret(given) == b"s" * 32
    assert not settings.data_dir.exists()


def test_a_secret_is_made_once_for_its_owner_alone(settings: Settings) -> None:
    made = token_secret(settings)
    assert len(made) >= 32
    assert token_secret(settings) == made
    (file,) = settings.data_dir.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_starters_at_once_share_one_secret(settings: Settings) -> None:
    settings.data_dir.mkdir()
    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(token_secret, settings) for _ in range(40)]
    assert len({result.result() for result in results}) == 1


@pytest.mark.parametrize(
    ("content", "mode", "message"), [(b"s" * 32, 0o644, "chmod 600"), (b"short", 0o600, "short")]
)
def test_a_damaged_or_open_secret_is_refused(
    settings: Settings, content: bytes, mode: int, message: str
) -> None:
    settings.data_dir.mkdir()
    path = settings.data_dir / "token_secret"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(SettingsError, match=message):
        token_secret(settings)
