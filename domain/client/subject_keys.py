"""One key a subject, kept outside the log: destroying it is what erases the subject."""

from typing import Protocol

from domain.client.sealed import Place, Sealed


class Sealer(Protocol):
    """A subject's key, as what can be done with it; the key itself never shows."""

    def seal(self, text: str, place: Place) -> Sealed:
        """Under a fresh nonce: the same text never looks the same twice."""
        ...

    def open(self, sealed: Sealed, place: Place) -> str:
        """Raises SealBroken."""
        ...


class SubjectKeys(Protocol):
    """Keys by subject. A subject whose key was destroyed never gets another."""

    async def create(self, subject: str) -> Sealer:
        """The subject's key; a new one where there was none. Raises KeyGone, KeyDamaged."""
        ...

    async def find(self, subject: str) -> Sealer | None:
        """None where there is none, or none any more. Raises KeyDamaged."""
        ...

    async def exists(self, subject: str) -> bool:
        """Whether a key is kept, usable or not."""
        ...

    async def destroy(self, subject: str) -> None:
        """When it returns, no key is kept and none can be made. Can be repeated."""
        ...
