"""One owner per data directory, for as long as the owner's process lives."""

import fcntl
import os
from pathlib import Path
from typing import IO

from infra.embedded.errors import DataDirectoryInUse


class DirectoryLock:
    """An advisory lock on a file. The kernel drops it when the owner dies, however it dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Raises DataDirectoryInUse, naming the owner's process, if another one holds it."""
        file = self._path.open("a+", encoding="ascii")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().strip()
            file.close()
            raise DataDirectoryInUse(self._path.parent, owner) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
