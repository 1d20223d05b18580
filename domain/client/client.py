"""A client as a person: personal details under a key, until the key is destroyed."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

import msgspec

from domain.aggregate import Aggregate
from domain.client.events import ClientDetailsRecorded, SubjectErased, SubjectErasureRequested
from domain.client.personal_field import PersonalField
from domain.client.sealed import Place, Sealed
from domain.client.subject_keys import Sealer
from domain.errors import Conflict, NotFound


class SubjectStatus(StrEnum):
    """Of a subject that is ``erasing`` nobody can say yet that its key is destroyed."""

    RECORDED = "recorded"
    ERASING = "erasing"
    ERASED = "erased"


class Kept(msgspec.Struct, frozen=True):
    """A sealed detail, and the version of the event it came with: it opens only for that one."""

    sealed: Sealed
    version: int


class Erasure(msgspec.Struct, frozen=True):
    """``requested_version`` is that of the event that asked for it; ``erased_at`` is None until
    the key is destroyed."""

    reason: str
    requested_at: datetime
    requested_version: int
    erased_at: datetime | None = None


class Client(Aggregate):
    """Its id is the client's pseudonym. Details stay here when they are erased: unreadable."""

    category: ClassVar[str] = "client"

    details: dict[PersonalField, Kept]
    recorded_at: datetime | None
    key_id: str | None
    erasure: Erasure | None

    def _start(self) -> None:
        self.details = {}
        self.recorded_at = None
        self.key_id = None
        self.erasure = None

    @property
    def status(self) -> SubjectStatus:
        if self.erasure is None:
            return SubjectStatus.RECORDED
        if self.erasure.erased_at is None:
            return SubjectStatus.ERASING
        return SubjectStatus.ERASED

    # Commands

    def record(
        self, given: Mapping[PersonalField, str | None], sealer: Sealer, now: datetime
    ) -> None:
        """Seal what differs from what is known; None stops keeping a detail.

        Raises Conflict ``subject_erased``, SealBroken.
        """
        self.require_not_erased()
        known = self.opened(sealer)
        changed = {field: text for field, text in given.items() if known.get(field) != text}
        if not changed:
            return
        version = self.version + 1
        self.trigger_event(
            ClientDetailsRecorded,
            timestamp=now,
            details={
                field: None if text is None else sealer.seal(text, self._place(field, version))
                for field, text in changed.items()
            },
        )

    def request_erasure(self, reason: str, now: datetime) -> None:
        """Nothing more to decide where it was asked for. Raises NotFound ``subject_not_found``."""
        if not self.exists:
            raise NotFound("subject_not_found", f"nothing was ever recorded of {self.id}")
        if self.erasure is None:
            self.trigger_event(
                SubjectErasureRequested, timestamp=now, reason=reason, key_id=self.key_id
            )

    def confirm_erasure(self, now: datetime) -> None:
        """Only once the key is destroyed."""
        if self.status is SubjectStatus.ERASING:
            self.trigger_event(SubjectErased, timestamp=now, key_id=self.key_id)

    # Questions

    def require_not_erased(self) -> None:
        """Raises Conflict ``subject_erased``."""
        if self.erasure is not None:
            raise Conflict("subject_erased", f"{self.id} is erased: nothing more is recorded of it")

    def opened(self, sealer: Sealer) -> dict[PersonalField, str]:
        """The details in clear. Raises SealBroken."""
        return {
            field: sealer.open(kept.sealed, self._place(field, kept.version))
            for field, kept in self.details.items()
        }

    # Changes, made by events alone

    def put(self, field: PersonalField, sealed: Sealed | None, version: int) -> None:
        if sealed is None:
            self.details.pop(field, None)
            return
        self.details[field] = Kept(sealed, version)
        self.key_id = sealed.key_id

    def begin_erasure(self, reason: str, at: datetime, version: int) -> None:
        self.erasure = Erasure(reason, at, version)

    def end_erasure(self, at: datetime) -> None:
        assert self.erasure is not None, "an erasure is asked for before it is done"
        self.erasure = msgspec.structs.replace(self.erasure, erased_at=at)

    def _place(self, field: PersonalField, version: int) -> Place:
        return Place(self.stream, version, field.value)
