"""The application with and without a database."""

from collections.abc import AsyncIterator

import pytest

from domain.risk.limits import Limits
from tests.api.online import Live, online
from tests.api.served import Served, offline


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """Commands only, with limits in force."""
    async with offline() as opened:
        await opened.world.set_limits(Limits())
        yield opened


@pytest.fixture
async def account_id(served: Served) -> str:
    return await served.world.account()


@pytest.fixture
async def live(postgres_dsn: str, redis_url: str) -> AsyncIterator[Live]:
    """Everything: read models by the projections' own worker, and their changes."""
    async with online(postgres_dsn, redis_url) as opened:
        yield opened
