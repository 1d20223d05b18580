"""The file of a snapshot: parts, contents, seal.

The seal comes last and covers all that is before it, so that a file that was torn, cut or changed
anywhere is told from a whole one. Parts are compressed, each by itself. Everything here blocks.
"""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import BinaryIO

import msgspec

from replay.snapshots.contents import FORMAT, Contents, Part

CHUNK = 256 * 1024
MAX_CONTENTS = 64 * 1024
LEVEL = 1
"""Of compression: rows shrink to a third already, and a taker has others beside it."""

_SEAL = struct.Struct(">I32s16s")
"""The length of the contents, SHA-256 of everything before this, and a word."""

_WORD = b"patriot-snapshot"

_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(Contents).decode


class SnapshotBad(Exception):
    """It is not what was taken: not to be used."""


class SnapshotWriter:
    """``begin``, ``write`` and ``end`` for each part, then ``seal``."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = sha256()
        self._parts: list[Part] = []
        self._compress = zlib.compressobj(LEVEL)
        self._began = 0

    def begin(self) -> None:
        self._compress = zlib.compressobj(LEVEL)
        self._began = self._file.tell()

    def write(self, content: bytes) -> None:
        self._put(self._compress.compress(content))

    def end(self, table: str, rows: int) -> None:
        self._put(self._compress.flush())
        self._parts.append(Part(table, rows, self._file.tell() - self._began))

    def seal(self, contents: Contents) -> None:
        """Raises OSError, as every method."""
        said = _encode(msgspec.structs.replace(contents, parts=tuple(self._parts)))
        self._put(said)
        self._file.write(_SEAL.pack(len(said), self._digest.digest(), _WORD))

    def _put(self, content: bytes) -> None:
        self._file.write(content)
        self._digest.update(content)


def check(file: BinaryIO) -> Contents:
    """What a file holds, once it is known to be whole. Raises SnapshotBad."""
    with _readable():
        length, digest, end = _seal(file)
        if _digest(file, end) != digest:
            raise SnapshotBad("the digest is another")
        file.seek(end - length)
        contents = _decode(file.read(length))
    if contents.format != FORMAT:
        raise SnapshotBad(f"format {contents.format}")
    if sum(part.size for part in contents.parts) != end - length:
        raise SnapshotBad("parts of another size")
    return contents


def read_part(file: BinaryIO, contents: Contents, number: int) -> Iterator[bytes]:
    """The bytes of a part of a file that was checked, in order. Raises SnapshotBad."""
    offset = sum(part.size for part in contents.parts[:number])
    left = contents.parts[number].size
    expand = zlib.decompressobj()
    while left:
        with _readable():
            file.seek(offset)
            content = file.read(min(CHUNK, left))
            if not content:
                raise SnapshotBad("it ends too early")
            offset, left = offset + len(content), left - len(content)
            expanded = expand.decompress(content)
        yield expanded


@contextmanager
def _readable() -> Iterator[None]:
    """What a disk or the bytes themselves say."""
    try:
        yield
    except (OSError, zlib.error, msgspec.DecodeError) as error:
        raise SnapshotBad(f"it cannot be read: {error}") from error


def _seal(file: BinaryIO) -> tuple[int, bytes, int]:
    """The contents' length, the digest, and where the seal begins."""
    end = file.seek(0, 2) - _SEAL.size
    if end < 0:
        raise SnapshotBad("too short")
    file.seek(end)
    length, digest, word = _SEAL.unpack(file.read(_SEAL.size))
    if word != _WORD or length > min(end, MAX_CONTENTS):
        raise SnapshotBad("no seal")
    return length, digest, end


def _digest(file: BinaryIO, end: int) -> bytes:
    digest = sha256()
    file.seek(0)
    while end:
        content = file.read(min(CHUNK, end))
        if not content:
            raise SnapshotBad("it ends too early")
        digest.update(content)
        end -= len(content)
    return digest.digest()
