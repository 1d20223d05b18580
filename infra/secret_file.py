"""A secret in a file of its owner's alone."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class UnsafeSecret(Exception):
    """The file is there and cannot be trusted, or not be read. Never carries the secret."""


def has_secret(path: Path) -> bool:
    """Whether there is anything of that name. Raises UnsafeSecret."""
    with _unsafe(path, "looked for"):
        return path.exists()


def read_secret(path: Path) -> bytes:
    """Raises FileNotFoundError, UnsafeSecret."""
    with _unsafe(path, "read"):
        mode = path.stat().st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UnsafeSecret(f"{path} can be reached by others: chmod 600 it")
        return path.read_bytes()


def make_secret(path: Path, content: str) -> None:
    """Write it unless there is one. Complete before it has its name: two processes that start at
    once share one secret. Raises UnsafeSecret."""
    with _unsafe(path, "made"), _written(path, content) as unfinished:
        with suppress(FileExistsError):
            path.hardlink_to(unfinished)
        _settle(path.parent)


def replace_secret(path: Path, content: str) -> None:
    """At any moment, also of a crash, the file holds all of the old or all of the new.

    Raises UnsafeSecret where it cannot be written; it is what it was then.
    """
    with _unsafe(path, "written"), _written(path, content) as unfinished:
        unfinished.replace(path)
        _settle(path.parent)


@contextmanager
def _unsafe(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except PermissionError:
        raise UnsafeSecret(f"{path} cannot be {what}: it belongs to another user") from None
    except OSError as error:
        raise UnsafeSecret(f"{path} cannot be {what}: {error.strerror}") from None


@contextmanager
def _written(path: Path, content: str) -> Iterator[Path]:
    """A file beside it, for its owner alone and safely on the disk; gone after the block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        yield unfinished
    finally:
        unfinished.unlink(missing_ok=True)


def _settle(directory: Path) -> None:
    """The name survives a loss of power as well as the content."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
