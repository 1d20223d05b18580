"""One log of each implementation for every test of the suite."""

from collections.abc import AsyncIterator

import pytest

from domain.log import EventLog
from tests.contract.logs import LOGS, LogUnderTest, Opener


@pytest.fixture(params=LOGS)
def log_opener(request: pytest.FixtureRequest) -> Opener:
    return LOGS[request.param](request)


@pytest.fixture
async def under_test(log_opener: Opener) -> AsyncIterator[LogUnderTest]:
    async with log_opener() as under_test:
        yield under_test


@pytest.fixture
def log(under_test: LogUnderTest) -> EventLog:
    return under_test.log
