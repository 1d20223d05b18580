from collections.abc import AsyncIterator

import pytest
from esdbclient import AsyncEventStoreDBClient

from tests.doubles.eventstoredb import EventStoreDBDouble


@pytest.fixture
async def double() -> AsyncIterator[EventStoreDBDouble]:
    async with EventStoreDBDouble() as running:
        yield running


@pytest.fixture
async def client(double: EventStoreDBDouble) -> AsyncIterator[AsyncEventStoreDBClient]:
    client = AsyncEventStoreDBClient(double.uri)
    await client.connect()
    yield client
    await client.close()
