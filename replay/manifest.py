"""The manifest of a rebuild: what was rebuilt, from what, by which code, and its digests."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256

import msgspec

FORMAT = 1

_encode = msgspec.json.Encoder(order="deterministic").encode
_decoder: "msgspec.json.Decoder[Manifest]"


class TableDigest(msgspec.Struct, frozen=True):
    """``sha256`` is over the table's public columns as PostgreSQL's COPY writes them as text, in
    the order of the key as text in the C collation, with times in UTC."""

    table: str
    rows: int
    sha256: str


class CutRecord(msgspec.Struct, frozen=True):
    """``times_gone_back`` counts the events up to the cut that were recorded earlier than the event
    before them."""

    position: int
    recorded_at: datetime
    asked_for: str
    times_gone_back: int


class Run(msgspec.Struct, frozen=True):
    """The one part in which two runs differ."""

    started_at: datetime
    finished_at: datetime


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """``models`` are the versions of the read models by their names; ``upcasters`` the changes of
    shape that old events went through, as ``Type v1``; ``root`` stands for cut and tables."""

    format: int = FORMAT
    cut: CutRecord
    events: int
    code_version: str
    models: Mapping[str, int]
    upcasters: Sequence[str]
    tables: Sequence[TableDigest]
    root: str
    run: Run


_decoder = msgspec.json.Decoder(Manifest)


def root_digest(position: int, tables: Sequence[TableDigest]) -> str:
    """SHA-256, in hexadecimal, of the cut's position and the tables' digests as JSON with sorted
    keys and no spaces: the same whoever asked for the cut, and however."""
    return sha256(_encode({"position": position, "tables": tables})).hexdigest()


def encode_manifest(manifest: Manifest) -> bytes:
    """The same bytes for the same manifest, always."""
    return _encode(manifest)


def decode_manifest(content: bytes | str) -> Manifest:
    """Raises msgspec.DecodeError."""
    return _decoder.decode(content)
