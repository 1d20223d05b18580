"""Read models on a real PostgreSQL, folded by the real projections from a log in memory."""

from collections.abc import AsyncIterator

import pytest

from tests.projections.desk import Desk, open_desk


@pytest.fixture
async def desk(postgres_dsn: str) -> AsyncIterator[Desk]:
    async with open_desk(postgres_dsn) as opened:
        yield opened
