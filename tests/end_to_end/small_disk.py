"""A disk that a test can fill: a small one of its own where it may mount one, as root may.

Who may not, may at least forbid servers of the same user to let any file grow.
"""

import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import psutil  # type: ignore[import-untyped]  # published without type information

from tests.end_to_end.conftest import wait_for_servers_of

MEGABYTES = 300
CHUNK = 64 * 1024

LARGEST_FILE = 256 * 1024
"""Enough for a server to say why it ends, and nothing to a segment of its write-ahead log."""

CAN_MOUNT = os.geteuid() == 0


class Disk(Protocol):
    """``path`` is a directory on it; ``complaint`` what the kernel says when it is full."""

    path: Path
    complaint: str

    def fill(self, servers: Iterable[psutil.Process]) -> None:
        """For these servers, and those that they start."""
        ...

    def make_space(self) -> None:
        """For servers that are started from now on, if not for those that run."""
        ...


class SmallDisk:
    complaint = "No space left on device"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    def fill(self, servers: Iterable[psutil.Process]) -> None:
        """To the last byte."""
        del servers
        with self._filler.open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(CHUNK))
            except OSError:
                return

    def make_space(self) -> None:
        self._filler.unlink()


class LimitedFiles:
    complaint = "File too large"

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self, servers: Iterable[psutil.Process]) -> None:
        for server in servers:
            with suppress(psutil.NoSuchProcess):
                _, hard = server.rlimit(resource.RLIMIT_FSIZE)
                server.rlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, hard))

    def make_space(self) -> None:
        pass


@contextmanager
def small_disk() -> Iterator[Disk]:
    directory = Path(tempfile.mkdtemp(prefix="patriot-disk-"))
    directory.chmod(0o711)
    if CAN_MOUNT:
        options = f"size={MEGABYTES}m,mode=0711"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", directory], check=True)
    try:
        yield SmallDisk(directory) if CAN_MOUNT else LimitedFiles(directory)
        wait_for_servers_of(directory)
    finally:
        if CAN_MOUNT:
            subprocess.run(["umount", "--lazy", directory], check=True)
        shutil.rmtree(directory)
