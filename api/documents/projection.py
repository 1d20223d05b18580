"""Builds of read models as they are answered."""

from api.documents.fields import Document, LogPosition, Time


class ProjectionDocument(Document):
    """``lag_*`` is measured against the log's head, null until it first was."""

    name: str
    version: int
    build: str
    state: str
    checkpoint: LogPosition
    position_time: Time | None
    events: int
    head: LogPosition | None
    lag_events: int | None
    lag_is_exact: bool | None
    lag_seconds: float | None
    lag_measured_at: Time | None
    failed_position: LogPosition | None
    failed_type: str | None
    failure: str | None
    updated_at: Time
