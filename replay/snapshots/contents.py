"""What a snapshot says of itself."""

from datetime import datetime
from uuid import UUID

import msgspec

from domain.log import RecordedEvent

FORMAT = 1


class LastEvent(msgspec.Struct, frozen=True):
    """The last of the events that a snapshot shows: by it, it knows its log again."""

    stream: str
    version: int
    position: int
    id: UUID

    def is_same(self, recorded: RecordedEvent) -> bool:
        return (self.version, self.position, self.id) == (
            recorded.version,
            recorded.position,
            recorded.id,
        )


class Part(msgspec.Struct, frozen=True):
    """Rows of one table; ``size`` is that of its bytes in the file, compressed."""

    table: str
    rows: int
    size: int


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """``position`` is the cut it is of, and ``events`` counts those of the model up to there.
    ``tables`` is the SHA-256 of their definitions, in hexadecimal."""

    format: int = FORMAT
    model: str
    model_version: int
    tables: str
    code_version: str
    position: int
    events: int
    taken_at: datetime
    last: LastEvent
    parts: tuple[Part, ...] = ()
