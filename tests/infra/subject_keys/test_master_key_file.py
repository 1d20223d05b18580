"""The file of the master key is made once, kept private, and never made anew where it is gone."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.settings import Environment, Settings, SettingsError
from infra.subject_keys.master_key import MasterKey
from infra.subject_keys.master_key_file import FILE_NAME, MasterKeyFile

HEX = "0f" * 32


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def put(path: Path, content: str = HEX, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(mode)
    return path


def test_made_once_for_its_owner_alone(settings: Settings) -> None:
    made = MasterKeyFile(settings).read_or_make()
    assert len(made.ids) == 1
    assert MasterKeyFile(settings).read().ids == made.ids
    assert MasterKeyFile(settings).read_or_make().ids == made.ids
    (file,) = settings.data_dir.iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == (FILE_NAME, 0o600)


def test_makers_at_once_share_one(settings: Settings) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = [pool.submit(MasterKeyFile(settings).read_or_make) for _ in range(20)]
    assert len({each.result().current.id for each in made}) == 1


def test_what_is_missing_is_not_made_by_reading(settings: Settings) -> None:
    with pytest.raises(SettingsError, match=r"MASTER_KEY_FILE.* is missing"):
        MasterKeyFile(settings).read()
    assert not settings.data_dir.exists()


def test_one_that_is_named_is_never_made(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "keys" / "master"
    named = MasterKeyFile(settings.model_copy(update={"subject_master_key_file": path}))
    with pytest.raises(SettingsError, match="is missing"):
        named.read_or_make()
    put(path)
    assert named.read_or_make().ids == {MasterKey(bytes.fromhex(HEX)).id}
    assert not settings.data_dir.exists()


def test_production_never_makes_one(settings: Settings) -> None:
    production = settings.model_copy(update={"environment": Environment.PRODUCTION})
    with pytest.raises(SettingsError, match="must be set in production"):
        MasterKeyFile(production).read_or_make()
    assert not settings.data_dir.exists()


@pytest.mark.parametrize(
    ("content", "mode", "message"),
    [
        (HEX, 0o640, "chmod 600"),
        ("", 0o600, "64 hexadecimal"),
        (HEX[:-1], 0o600, "64 hexadecimal"),
        (HEX + "0", 0o600, "64 hexadecimal"),
        ("g" * 64, 0o600, "64 hexadecimal"),
        (f"{HEX}\n{HEX[:-1]}", 0o600, "64 hexadecimal"),
        (f"{HEX}é", 0o600, "64 hexadecimal"),
    ],
)
def test_a_damaged_or_open_one_is_refused(
    settings: Settings, content: str, mode: int, message: str
) -> None:
    path = put(settings.data_dir / FILE_NAME, content, mode)
    for read in (MasterKeyFile(settings).read, MasterKeyFile(settings).read_or_make):
        with pytest.raises(SettingsError, match=message) as refused:
            read()
        assert content == "" or content not in str(refused.value)
    assert path.read_text() == content


def test_a_line_end_after_it_is_fine(settings: Settings) -> None:
    put(settings.data_dir / FILE_NAME, f"{HEX}\n")
    assert MasterKeyFile(settings).read().ids == {MasterKey(bytes.fromhex(HEX)).id}


def test_a_new_key_comes_before_the_old_one_until_that_is_forgotten(settings: Settings) -> None:
    file = MasterKeyFile(settings)
    old = file.read_or_make().current
    both = file.add()
    assert both.ids == {both.current.id, old.id}
    assert both.current.id != old.id
    assert file.add().current.id == both.current.id
    assert file.forget_old() == 0
    assert file.read().ids == {both.current.id}
    assert file.forget_old() == 0
    (path,) = settings.data_dir.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


def test_one_that_is_named_is_never_written(settings: Settings, tmp_path: Path) -> None:
    path = put(tmp_path / "master", f"{'ab' * 32}\n{HEX}\n")
    named = MasterKeyFile(settings.model_copy(update={"subject_master_key_file": path}))
    assert named.add().current.id == MasterKey(bytes.fromhex("ab" * 32)).id
    assert named.forget_old() == 1
    assert path.read_text() == f"{'ab' * 32}\n{HEX}\n"
