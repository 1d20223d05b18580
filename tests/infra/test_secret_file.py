"""A secret's file is whole at any moment, its owner's alone, and leaves nothing beside it."""

from pathlib import Path

import pytest

from infra.secret_file import UnsafeSecret, has_secret, make_secret, read_secret, replace_secret


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_made_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret"
    assert not has_secret(path)
    make_secret(path, "first")
    make_secret(path, "second")
    assert (read_secret(path), mode(path)) == (b"first", 0o600)
    assert list(path.parent.iterdir()) == [path]


def test_replaced(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    make_secret(path, "first")
    replace_secret(path, "second")
    assert (read_secret(path), mode(path)) == (b"second", 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_secret(tmp_path / "secret")


def test_reached_by_others(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("word")
    for open_to in (0o604, 0o640, 0o610):
        path.chmod(open_to)
        with pytest.raises(UnsafeSecret, match="chmod 600") as refused:
            read_secret(path)
        assert "word" not in str(refused.value)


def test_what_cannot_be_done_leaves_nothing_behind(tmp_path: Path) -> None:
    directory = tmp_path / "secret"
    (directory / "inside").mkdir(parents=True)
    directory.chmod(0o700)
    with pytest.raises(UnsafeSecret, match="cannot be read"):
        read_secret(directory)
    with pytest.raises(UnsafeSecret, match="cannot be written"):
        replace_secret(directory, "word")
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(UnsafeSecret, match="cannot be made"):
        make_secret(tmp_path / "file" / "secret", "word")
    assert {path.name for path in tmp_path.iterdir()} == {"secret", "file"}
