"""Recordings of market frames: a text file, gzipped or not.

The first line is the URL that was subscribed; then one line a frame: ``receive time in seconds:
frame as it came``. A recorder that connected anew may write the URL again.
"""

import gzip
import re
import zlib
from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import msgspec
import structlog

MAX_LINE_BYTES = 2 * 1024 * 1024

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_GZIP_MAGIC = b"\x1f\x8b"
_URL = re.compile(rb"wss?://")
_LINE = re.compile(rb"([0-9]{1,10})(?:\.([0-9]{1,9}))?: (.+)", re.DOTALL)

_log = structlog.stdlib.get_logger(__name__)


class DamagedRecording(Exception):
    """The file cannot be read on; every frame before the damage has been delivered."""


class EmptyRecording(Exception):
    """There is not one frame in the file."""


class RecordedFrame(msgspec.Struct, frozen=True):
    """A frame with its receive time, UTC, microseconds."""

    received_at: datetime
    payload: bytes


class Recording:
    """A recording on disk, read from its beginning as often as asked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.corrupt_lines = 0
        """How many lines were skipped, over all readings."""

    def read(self) -> Generator[RecordedFrame]:
        """Frames in the order of the file, in bounded memory; corrupt lines are skipped.

        Raises OSError if there is no such file, DamagedRecording where the file breaks off.
        """
        number, before = 0, self.corrupt_lines
        try:
            with _open(self.path) as file:
                for line in _lines(file):
                    number += 1
                    if (frame := self._frame(line)) is not None:
                        yield frame
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DamagedRecording(
                f"{self.path} is damaged after line {number}: {error}"
            ) from error
        finally:
            if self.corrupt_lines > before:
                skipped = self.corrupt_lines - before
                _log.warning("recording.corrupt_lines", path=str(self.path), skipped=skipped)

    def _frame(self, line: bytes) -> RecordedFrame | None:
        match = _LINE.fullmatch(line)
        if match is not None:
            return RecordedFrame(_instant(match[1], match[2] or b""), match[3])
        if line and not _URL.match(line):
            self.corrupt_lines += 1
        return None


def _open(path: Path) -> BinaryIO | gzip.GzipFile:
    with path.open("rb") as file:
        zipped = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    return gzip.open(path, "rb") if zipped else path.open("rb")


def _lines(file: BinaryIO | gzip.GzipFile) -> Iterator[bytes]:
    """Lines without their end; of one longer than MAX_LINE_BYTES only a first, corrupt part."""
    while line := file.readline(MAX_LINE_BYTES):
        if not line.endswith(b"\n") and len(line) == MAX_LINE_BYTES:
            _skip_line(file)
            line = b"too long"
        yield line.rstrip(b"\r\n")


def _skip_line(file: BinaryIO | gzip.GzipFile) -> None:
    while (rest := file.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
        pass


def _instant(seconds: bytes, fraction: bytes) -> datetime:
    return _EPOCH + timedelta(seconds=int(seconds), microseconds=int(fraction[:6].ljust(6, b"0")))
