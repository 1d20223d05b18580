"""Where snapshots are kept: one directory for each edition of a model, one file a position."""

import glob
import os
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

import structlog

from replay.snapshots.contents import Contents, Edition
from replay.snapshots.metrics import SnapshotMetrics
from replay.snapshots.snapshot_file import SnapshotBad, SnapshotWriter, check

ASIDE = "aside"
MOST_ASIDE = 20
"""Files that were set aside and stay, for who wants to know why."""

MOST_KEPT = 500
MEGABYTE = 1_000_000

_NAME = re.compile(r"(\d{20})\.snapshot", re.ASCII)
_PARTIAL = ".partial"

_log = structlog.get_logger(__name__)


class Kept(NamedTuple):
    """A file by its name; whether it is whole is not known yet."""

    path: Path
    position: int


class Partial:
    """A snapshot on its way: ``writer`` takes its parts. It is kept whole, or not at all.

    Raises FileExistsError where somebody else is writing the same one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_suffix(_PARTIAL)
        self._file = self._partial.open("xb")
        self.writer = SnapshotWriter(self._file)

    def keep(self, contents: Contents) -> None:
        """Raises OSError: drop it then."""
        self.writer.seal(contents)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._partial.rename(self._path)
        _sync(self._path.parent)

    def drop(self) -> None:
        self._file.close()
        self._partial.unlink(missing_ok=True)


class SnapshotStore:
    """Everything here blocks, for as long as a disk takes.

    Any number of processes may read, one writes. What a reader sets aside, or the writer thins
    out, may be gone for others at any moment: that is the same as never having been there.
    """

    def __init__(self, directory: Path, metrics: SnapshotMetrics) -> None:
        self._directory = directory
        self._metrics = metrics

    def kept(self, edition: Edition, until: int | None = None) -> Sequence[Kept]:
        """Up to a position (inclusive), the newest first."""
        directory = self._of(edition)
        with suppress(FileNotFoundError, NotADirectoryError):
            found = [
                Kept(path, int(name[1]))
                for path in directory.iterdir()
                if (name := _NAME.fullmatch(path.name))
            ]
            found.sort(key=lambda kept: kept.position, reverse=True)
            return [kept for kept in found if until is None or kept.position <= until]
        return []

    def open(self, kept: Kept) -> BinaryIO:
        """Raises OSError."""
        return kept.path.open("rb")

    def check(self, file: BinaryIO, kept: Kept, edition: Edition) -> Contents:
        """What a file holds, if it is whole and in its place. Raises SnapshotBad."""
        contents = check(file)
        if (contents.edition, contents.position) != (edition, kept.position):
            told = f"{contents.model} {contents.model_version} of {contents.build}"
            raise SnapshotBad(f"it is of {told} at {contents.position}")
        return contents

    def set_aside(self, kept: Kept, model: str, reason: str) -> None:
        """Never to be used again. Tells of it, also where the file cannot be moved."""
        self._metrics.set_aside.labels(model).inc()
        _log.error("snapshot_set_aside", path=str(kept.path), reason=reason)
        aside = self._directory / ASIDE
        try:
            aside.mkdir(mode=0o700, exist_ok=True)
            kept.path.rename(aside / f"{kept.path.parent.name}.{kept.path.name}")
            for path in sorted(aside.iterdir(), key=_age)[:-MOST_ASIDE]:
                path.unlink()
        except OSError as error:
            _log.warning("snapshot_not_moved", path=str(kept.path), error=str(error))

    def begin(self, edition: Edition, position: int) -> Partial:
        """A new snapshot. Raises OSError."""
        directory = self._of(edition)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Partial(directory / f"{position:020d}.snapshot")

    def tidy(self, edition: Edition) -> None:
        """Remove what a killed writer left, and what other editions of the model have."""
        for directory in self._directory.glob(f"{glob.escape(edition.model)}.v*"):
            if directory != self._of(edition):
                shutil.rmtree(directory)
        for path in self._of(edition).glob(f"*{_PARTIAL}"):
            path.unlink(missing_ok=True)

    def thin_out(self, edition: Edition, megabytes: int) -> None:
        """Until they take no more room than that, remove those whose neighbours are nearest: what
        is left is spread evenly. The newest always stays."""
        kept = [(each, _size(each.path)) for each in self.kept(edition)][::-1]
        while len(kept) > 1 and (
            sum(size for _, size in kept) > megabytes * MEGABYTE or len(kept) > MOST_KEPT
        ):
            superfluous, _ = kept.pop(_nearest([each.position for each, _ in kept]))
            superfluous.path.unlink(missing_ok=True)

    def forget_all_but(self, most: int) -> None:
        """Keep those of so many models in which something was kept last."""
        found = [each for each in self._directory.glob("*.v*") if each.is_dir()]
        for directory in sorted(found, key=_age)[:-most]:
            shutil.rmtree(directory, ignore_errors=True)

    def _of(self, edition: Edition) -> Path:
        build = "" if edition.build is None else f".{edition.build}"
        return self._directory / f"{edition.model}.v{edition.version}{build}"


def _nearest(positions: Sequence[int]) -> int:
    """The number of the one whose neighbours are nearest to each other; of two, the first."""
    gaps = [after - before for before, after in pairwise(positions)]
    around = [before + after for before, after in pairwise(gaps)]
    return 1 + around.index(min(around)) if around else 0


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _age(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime_ns
    return 0


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
