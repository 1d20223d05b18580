"""What a snapshot says of itself."""

from datetime import datetime
from typing import NamedTuple, Self
from uuid import UUID

import msgspec

from domain.log import RecordedEvent

FORMAT = 2


class Edition(NamedTuple):
    """What is kept together: snapshots of one build of a model. Rows of streams are of none."""

    model: str
    version: int
    build: str | None = None


class LastEvent(msgspec.Struct, frozen=True):
    """The last of some events: by it, a snapshot knows its log again."""

    stream: str
    version: int
    position: int
    id: UUID
    recorded_at: datetime

    @classmethod
    def of(cls, recorded: RecordedEvent) -> Self:
        return cls(
            recorded.stream,
            recorded.version,
            recorded.position,
            recorded.id,
            recorded.recorded_at,
        )


class Part(msgspec.Struct, frozen=True):
    """Rows of one table; ``size`` is that of its bytes in the file, compressed."""

    table: str
    rows: int
    size: int


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """``position`` is the cut it is of, and ``events`` counts those of the model up to there.
    ``last`` is the last of those, ``last_of_log`` that of all events up to there: a log that was
    restored and has gone on may have the one and not the other. ``build`` is what the rows were
    read from. ``tables`` is the SHA-256 of their definitions, in hexadecimal."""

    format: int = FORMAT
    model: str
    model_version: int
    build: str | None = None
    tables: str
    code_version: str
    position: int
    events: int
    taken_at: datetime
    last: LastEvent
    last_of_log: LastEvent
    parts: tuple[Part, ...] = ()

    @property
    def edition(self) -> Edition:
        return Edition(self.model, self.model_version, self.build)
