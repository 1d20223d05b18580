"""Where snapshots are kept: one directory for each edition of a model, one file a position."""

import errno
import fcntl
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

_OUT_OF_MEANS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""What opening a file fails with that is not the file's own trouble."""

_NAME = re.compile(r"(\d{20})\.snapshot", re.ASCII)
_PARTIAL = ".partial"

_log = structlog.get_logger(__name__)


class Kept(NamedTuple):
    """A file by its name; whether it is whole is not known yet."""

    path: Path
    position: int


class SnapshotUnreadable(SnapshotBad):
    """It cannot be opened."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"it cannot be opened: {error}")
        self.error = error


class Partial:
    """A snapshot on its way: ``writer`` takes its parts. It is kept whole, or not at all.

    Raises FileExistsError where somebody else is writing the same one; what a killed writer left is
    taken over.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_suffix(_PARTIAL)
        self._file = _alone_with(self._partial)
        self.writer = SnapshotWriter(self._file)

    def keep(self, contents: Contents) -> None:
        """Raises OSError: drop it then."""
        self.writer.seal(contents)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._partial.rename(self._path)
        self._file.close()
        _sync(self._path.parent)

    def drop(self) -> None:
        if not self._file.closed:
            self._partial.unlink(missing_ok=True)
            self._file.close()


class SnapshotStore:
    """Everything here blocks, for as long as a disk takes.

    Any number of processes may read and write. What one sets aside or thins out may be gone for
    others at any moment: that is the same as never having been there.
    """

    def __init__(self, directory: Path, metrics: SnapshotMetrics) -> None:
        self._directory = directory
        self._metrics = metrics

    def kept(self, edition: Edition, until: int | None = None) -> Sequence[Kept]:
        """Up to a position (inclusive), the newest first. None that cannot be listed: that
        is told."""
        found = [
            Kept(path, int(name[1]))
            for path in self._files(self._of(edition))
            if (name := _NAME.fullmatch(path.name))
        ]
        found.sort(key=lambda kept: kept.position, reverse=True)
        return [kept for kept in found if until is None or kept.position <= until]

    def open(self, kept: Kept) -> BinaryIO:
        """Raises SnapshotBad."""
        try:
            return kept.path.open("rb")
        except OSError as error:
            raise SnapshotUnreadable(error) from error

    def check(self, file: BinaryIO, kept: Kept, edition: Edition) -> Contents:
        """What a file holds, if it is whole and in its place. Raises SnapshotBad."""
        contents = check(file)
        if (contents.edition, contents.position) != (edition, kept.position):
            told = f"{contents.model} {contents.model_version} of {contents.build}"
            raise SnapshotBad(f"it is of {told} at {contents.position}")
        return contents

    def refuse(self, kept: Kept, model: str, bad: SnapshotBad) -> None:
        """Set aside what is bad, unless it is gone anyhow, or others could not be opened either."""
        if not isinstance(bad, SnapshotUnreadable):
            self.set_aside(kept, model, str(bad))
        elif bad.error.errno in _OUT_OF_MEANS:
            self._tell_not_read(kept.path, bad.error)
        elif not isinstance(bad.error, FileNotFoundError):
            self.set_aside(kept, model, str(bad))

    def set_aside(self, kept: Kept, model: str, reason: str) -> None:
        """Never to be used again. Tells of it, also where the file cannot be moved."""
        self._metrics.set_aside.labels(model).inc()
        _log.error("snapshot_set_aside", path=str(kept.path), reason=reason)
        aside = self._directory / ASIDE
        try:
            aside.mkdir(mode=0o700, exist_ok=True)
            place = aside / f"{kept.path.parent.name}.{kept.path.name}"
            _remove(place)
            kept.path.rename(place)
            for path in sorted(aside.iterdir(), key=_age)[:-MOST_ASIDE]:
                _remove(path)
        except OSError as error:
            _log.warning("snapshot_not_moved", path=str(kept.path), error=str(error))

    def begin(self, edition: Edition, position: int) -> Partial:
        """A new snapshot. Raises OSError."""
        directory = self._of(edition)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Partial(directory / f"{position:020d}.snapshot")

    def tidy(self, edition: Edition) -> None:
        """Remove what a killed writer left, and what other editions of the model have. Tells of
        what cannot be removed."""
        try:
            for directory in self._directory.glob(f"{glob.escape(edition.model)}.v*"):
                if directory != self._of(edition):
                    _remove(directory)
            for path in self._of(edition).glob(f"*{_PARTIAL}"):
                _remove_unless_written(path)
        except OSError as error:
            _log.warning("snapshots_not_tidied", model=edition.model, error=str(error))

    def thin_out(self, edition: Edition, megabytes: int) -> None:
        """Until they take no more room than that, remove those whose neighbours are nearest: what
        is left is spread evenly. The newest always stays."""
        kept = [(each, _size(each.path)) for each in self.kept(edition)][::-1]
        while len(kept) > 1 and (
            sum(size for _, size in kept) > megabytes * MEGABYTE or len(kept) > MOST_KEPT
        ):
            superfluous, _ = kept.pop(_nearest([each.position for each, _ in kept]))
            _remove(superfluous.path)

    def forget_all_but(self, most: int) -> None:
        """Keep those of so many models in which something was kept last."""
        found = [each for each in self._directory.glob("*.v*") if each.is_dir()]
        for directory in sorted(found, key=_age)[:-most]:
            shutil.rmtree(directory, ignore_errors=True)

    def drop_all(self) -> int:
        """How many there were. What was set aside stays. Raises OSError."""
        directories = [each for each in self._directory.glob("*.v*") if each.is_dir()]
        found = sum(1 for each in directories for _ in each.glob("*.snapshot"))
        for directory in directories:
            _remove(directory)
        return found

    def _files(self, directory: Path) -> Sequence[Path]:
        try:
            return list(directory.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            self._tell_not_read(directory, error)
            return []

    def _tell_not_read(self, path: Path, error: OSError) -> None:
        self._metrics.not_read.inc()
        _log.warning("snapshot_not_read", path=str(path), error=str(error))

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
        return path.lstat().st_size
    return 0


def _age(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.lstat().st_mtime_ns
    return 0


def _remove(path: Path) -> None:
    """Whatever it is, if it is there. Raises OSError."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _remove_unless_written(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
        return
    with suppress(FileExistsError), _alone_with(path):
        path.unlink(missing_ok=True)


def _alone_with(path: Path) -> BinaryIO:
    """An empty file, locked until it is closed, which also happens when its writer is killed.

    Raises FileExistsError while another has it.
    """
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _is_at(path, file):
            raise FileExistsError(errno.EEXIST, "it has just been written", str(path))
        file.truncate(0)
        file.seek(0)
    except BlockingIOError as error:
        file.close()
        raise FileExistsError(errno.EEXIST, "somebody is writing it", str(path)) from error
    except BaseException:
        file.close()
        raise
    return file


def _is_at(path: Path, file: BinaryIO) -> bool:
    """Whoever had the lock before may have moved or removed the file meanwhile."""
    with suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    return False


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
