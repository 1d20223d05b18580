"""Events of the log as they are answered."""

from typing import Any

from api.documents.fields import Document, Id, Items, LogPosition, Time


class EventDocument(Document):
    position: LogPosition
    stream: str
    version: int
    id: Id
    type: str
    recorded_at: Time
    data: dict[str, Any]
    metadata: dict[str, Any]


class EventItems(Items[EventDocument]):
    """``next_after`` continues the page, null at the end for now."""

    next_after: int | None
