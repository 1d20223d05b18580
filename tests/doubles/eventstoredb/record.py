"""What the server keeps of an event, and of a proposal to append one."""

from dataclasses import dataclass
from uuid import UUID

LINK_TYPE = "$>"
METADATA_TYPE = "$metadata"
TOMBSTONE_TYPE = "$streamDeleted"
JSON = "application/json"

DELETED_REVISION = 2**63 - 1
"""The revision of a tombstone, and the ``$tb`` of a soft-deleted stream."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """An event that a client wants to append."""

    id: UUID
    type: str
    content_type: str
    data: bytes
    metadata: bytes

    @property
    def size(self) -> int:
        """What the server counts against its maximum append size."""
        return len(self.data) + len(self.metadata) + 2 * len(self.type)


@dataclass(frozen=True, slots=True)
class Record:
    """An event in the log. ``created`` counts 100 ns ticks since 1970; commit == prepare."""

    id: UUID
    type: str
    content_type: str
    data: bytes
    metadata: bytes
    stream: str
    revision: int
    position: int
    created: int
