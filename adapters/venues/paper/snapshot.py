"""The book as it stood at one entry of the journal, sealed so that damage shows."""

from hashlib import sha256

import msgspec

from adapters.venues.paper.book import Book, BookState
from adapters.venues.paper.entry import Entry, encode

VERSION = 1
"""Of what a book holds and how it folds: raise it with either, and old snapshots are put aside."""

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[BookState] = msgspec.json.Decoder(BookState)


class UnsoundSnapshot(Exception):
    """It cannot be relied on; the journal tells the same, more slowly."""


class Snapshot(msgspec.Struct, frozen=True):
    """``sequence`` is the last entry in it, ``entry_digest`` what that entry was.

    ``digest`` seals all the rest. Digests are SHA-256 in hexadecimal.
    """

    sequence: int
    version: int
    entry_digest: str
    state: str
    digest: str


def seal(sequence: int, entry: Entry, state: BookState) -> Snapshot:
    """The snapshot of a book right after its entry of that sequence."""
    text = _encoder.encode(state).decode()
    entry_digest = _digest(encode(entry))
    digest = _seal(sequence, VERSION, entry_digest, text)
    return Snapshot(sequence, VERSION, entry_digest, text, digest)


def unseal(snapshot: Snapshot) -> Book:
    """Raises UnsoundSnapshot for one of another version, a torn or an altered one."""
    if snapshot.version != VERSION:
        raise UnsoundSnapshot(f"it is of version {snapshot.version}, not {VERSION}")
    seal = _seal(snapshot.sequence, snapshot.version, snapshot.entry_digest, snapshot.state)
    if snapshot.digest != seal:
        raise UnsoundSnapshot("its digest does not match")
    try:
        return Book.restore(_decoder.decode(snapshot.state))
    except msgspec.DecodeError as error:
        raise UnsoundSnapshot(f"it cannot be read: {error}") from error


def check_entry(snapshot: Snapshot, entry: Entry) -> None:
    """Raises UnsoundSnapshot unless the journal has, at its sequence, what it was taken after."""
    if _digest(encode(entry)) != snapshot.entry_digest:
        raise UnsoundSnapshot("it is of another journal")


def _seal(sequence: int, version: int, entry_digest: str, state: str) -> str:
    return _digest(f"{sequence}\n{version}\n{entry_digest}\n{state}")


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
