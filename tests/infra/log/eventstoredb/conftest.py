from collections.abc import AsyncIterator, Callable
from uuid import UUID

import pytest

from domain.log import NewEvent
from infra.log.eventstoredb import EventStoreDBEventLog, Patience
from tests.doubles.eventstoredb import EventStoreDBDouble

QUICK = Patience(
    connect=2.0,
    answer=0.3,
    append=5.0,
    page=0.3,
    attempts=8,
    first_delay=0.001,
    longest_delay=0.05,
    keepalive=0.5,
)
"""A server on the loopback answers at once or not at all."""


@pytest.fixture
async def double() -> AsyncIterator[EventStoreDBDouble]:
    async with EventStoreDBDouble() as running:
        yield running


@pytest.fixture
async def log(double: EventStoreDBDouble) -> AsyncIterator[EventStoreDBEventLog]:
    async with EventStoreDBEventLog.open(double.uri, patience=QUICK) as log:
        yield log


@pytest.fixture
def stored(double: EventStoreDBDouble) -> Callable[[], list[int]]:
    """Ids of the events in the store, in order."""
    return lambda: [record.id.int for record in double.store.records]


def event(number: int, type: str = "Happened", data: bytes = b"{}") -> NewEvent:
    return NewEvent(UUID(int=number), type, data, b"{}")
