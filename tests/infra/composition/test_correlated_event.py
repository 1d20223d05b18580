"""What workers log while they handle an event."""

from datetime import UTC, datetime
from uuid import UUID

import structlog

from domain.log import RecordedEvent
from infra.composition.execution import correlated_event

EVENT = RecordedEvent(
    id=UUID(int=1),
    type="OrderPlaced",
    data=b"{}",
    metadata=(
        b'{"$correlationId":"corr-7","command_id":"00000000-0000-0000-0000-000000000001",'
        b'"actor":{"type":"human","id":"a","channel":"api"},"schema_version":1,"code_version":"1"}'
    ),
    stream="order-1",
    version=1,
    position=1,
    recorded_at=datetime(2026, 1, 1, tzinfo=UTC),
)


def test_lines_carry_the_events_correlation_id_and_no_longer() -> None:
    with correlated_event(EVENT):
        assert structlog.contextvars.get_contextvars() == {"correlation_id": "corr-7"}
    assert structlog.contextvars.get_contextvars() == {}
