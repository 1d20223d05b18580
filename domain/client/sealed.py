"""A personal value as the log keeps it: unreadable without its subject's key."""

import msgspec


class Sealed(msgspec.Struct, frozen=True, gc=False):
    """AES-256-GCM under the key ``key_id``; ``nonce`` and ``ciphertext`` (which ends in the tag)
    are base64. The length of the value shows in steps of 64 bytes only."""

    key_id: str
    nonce: str
    ciphertext: str


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where a value stands: it is bound to its stream, its event's version and its field, so that
    a ciphertext opens nowhere else."""

    stream: str
    version: int
    field: str


class Unreadable(Exception):
    """A personal value that should be readable is not. Never means that it was erased."""


class SealBroken(Unreadable):
    """Ciphertext, nonce or place are not those that were sealed, or the key is another."""

    def __init__(self, place: Place) -> None:
        super().__init__(
            f"{place.field} in version {place.version} of {place.stream} does not open: "
            "it was altered, moved, or sealed under another key"
        )
        self.place = place


class KeyGone(Unreadable):
    """There is no key for a subject that was not erased."""

    def __init__(self, subject: str) -> None:
        super().__init__(f"the key of {subject} is gone, and the log knows of no erasure")
        self.subject = subject


class KeyDamaged(Unreadable):
    """The key that is kept for a subject cannot be used."""

    def __init__(self, subject: str, reason: str) -> None:
        super().__init__(f"the key of {subject} cannot be used: {reason}")
        self.subject = subject
