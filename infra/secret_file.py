"""A secret in a file of its owner's alone."""

import os
import stat
import tempfile
from pathlib import Path


class UnsafeSecret(Exception):
    """The file is there and cannot be trusted, or not be read. Never carries the secret."""


def read_secret(path: Path) -> bytes:
    """Raises FileNotFoundError, UnsafeSecret."""
    try:
        mode = path.stat().st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UnsafeSecret(f"{path} can be reached by others: chmod 600 it")
        return path.read_bytes()
    except FileNotFoundError:
        raise
    except PermissionError:
        raise UnsafeSecret(f"{path} belongs to another user") from None
    except OSError as error:
        raise UnsafeSecret(f"{path} cannot be read: {error.strerror}") from None


def make_secret(path: Path, content: str) -> None:
    """Write it unless there is one. Complete before it has its name: two processes that start at
    once share one secret."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, unfinished = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    try:
        path.hardlink_to(unfinished)
    except FileExistsError:
        pass
    finally:
        os.unlink(unfinished)
    _settle(path.parent)


def _settle(directory: Path) -> None:
    """The name survives a loss of power as well as the content."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
