"""What all aggregates share: an identity, a version, and state that only events change."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar, Self

from eventsourcing.domain import BaseAggregate

from domain.event import Event

_BEFORE_TIME = datetime(1970, 1, 1, tzinfo=UTC)


class Aggregate(BaseAggregate[str]):
    """An aggregate before its first event has version 0.

    Subclasses set their attributes in ``_start`` and change them only in an event's ``apply``.
    """

    category: ClassVar[str]

    @classmethod
    def empty(cls, aggregate_id: str) -> Self:
        self = cls.__new__(cls)
        self.__base_init__(aggregate_id, 0, _BEFORE_TIME)
        self._start()
        return self

    @classmethod
    def stream_of(cls, aggregate_id: str) -> str:
        return f"{cls.category}-{aggregate_id}"

    @property
    def stream(self) -> str:
        return f"{self.category}-{self.id}"

    @property
    def exists(self) -> bool:
        return self.version > 0

    @property
    def pending(self) -> Sequence[Event]:
        """Events decided and not yet in the log."""
        return self.pending_events  # type: ignore[return-value]  # trigger_event only makes Events

    def _start(self) -> None:
        raise NotImplementedError
