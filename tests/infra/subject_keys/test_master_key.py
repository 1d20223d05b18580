"""The master key is made once, kept private, and never made anew where one is missing."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.settings import Environment, Settings, SettingsError
from infra.subject_keys.master_key import FILE_NAME, MasterKey, MasterKeyFile, WrapBroken

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
    assert MasterKeyFile(settings).read().id == made.id
    assert MasterKeyFile(settings).read_or_make().id == made.id
    (file,) = settings.data_dir.iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == (FILE_NAME, 0o600)


def test_makers_at_once_share_one(settings: Settings) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = [pool.submit(MasterKeyFile(settings).read_or_make) for _ in range(20)]
    assert len({each.result().id for each in made}) == 1


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
    assert named.read_or_make().id == MasterKey(bytes.fromhex(HEX)).id
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
    assert MasterKeyFile(settings).read().id == MasterKey(bytes.fromhex(HEX)).id


def test_what_it_wraps_belongs_to_one_subject() -> None:
    master, key = MasterKey(bytes.fromhex(HEX)), os.urandom(32)
    wrapped = master.wrap(key, "alice 1")
    assert master.unwrap(wrapped, "alice 1") == key
    assert key not in wrapped
    assert master.wrap(key, "alice 1") != wrapped
    for broken, belongs_to in ((wrapped, "bob 1"), (wrapped[:-1], "alice 1"), (b"", "alice 1")):
        with pytest.raises(WrapBroken):
            master.unwrap(broken, belongs_to)
    with pytest.raises(WrapBroken):
        MasterKey(os.urandom(32)).unwrap(wrapped, "alice 1")


def test_its_id_tells_nothing_of_it() -> None:
    master = MasterKey(bytes.fromhex(HEX))
    assert len(master.id) == 16
    assert master.id not in HEX
    assert HEX not in repr(master) + str(vars(master))
