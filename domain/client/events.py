"""What can happen to a client as a person. Streams ``client-<client_id>``."""

from typing import TYPE_CHECKING

from domain.client.personal_field import PersonalField
from domain.client.sealed import Sealed
from domain.event import Event, event_type

if TYPE_CHECKING:
    from domain.client.client import Client


class ClientEvent(Event, frozen=True, kw_only=True):
    """Base of the events of a client stream."""

    def apply(self, aggregate: "Client") -> None:
        raise NotImplementedError


@event_type
class ClientDetailsRecorded(ClientEvent, frozen=True, kw_only=True):
    """Personal details as they are from now on, sealed; null is no longer kept. Others stay."""

    details: dict[PersonalField, Sealed | None]

    def apply(self, aggregate: "Client") -> None:
        for field, sealed in self.details.items():
            aggregate.put(field, sealed, self.originator_version)
        aggregate.recorded_at = self.timestamp


@event_type
class SubjectErasureRequested(ClientEvent, frozen=True, kw_only=True):
    """The intention to destroy the subject's key: from here on nothing is recorded or shown."""

    reason: str
    key_id: str | None

    def apply(self, aggregate: "Client") -> None:
        aggregate.begin_erasure(self.reason, self.timestamp, self.originator_version)


@event_type
class SubjectErased(ClientEvent, frozen=True, kw_only=True):
    """The subject's key is destroyed: its details stay unreadable, in every copy of the log."""

    key_id: str | None

    def apply(self, aggregate: "Client") -> None:
        aggregate.end_erasure(self.timestamp)
