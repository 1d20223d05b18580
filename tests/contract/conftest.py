"""One log, and one venue, of each implementation for every test of the suites."""

from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest

from domain.log import EventLog
from infra.embedded.postgres import EmbeddedPostgres
from tests.contract.logs import LOGS, LogUnderTest, Opener
from tests.contract.venue_books import assert_books_agree
from tests.contract.venues import DIRECT, VENUES, VenueUnderTest
from tests.contract.venues import Opener as VenueOpener


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


@pytest.fixture(scope="session")
def venue_dsn(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """One database for all journals, one after the other: making a database takes longer."""
    with psycopg.connect(postgres_server.dsn, autocommit=True) as connection:
        connection.execute("CREATE DATABASE venue_journals TEMPLATE template0")
        yield postgres_server.dsn_of("venue_journals")
        connection.execute("DROP DATABASE venue_journals WITH (FORCE)")


@pytest.fixture(params=VENUES)
def venue_opener(request: pytest.FixtureRequest) -> VenueOpener:
    return VENUES[request.param](request)


@pytest.fixture(params=DIRECT)
def direct_venue_opener(request: pytest.FixtureRequest) -> VenueOpener:
    return DIRECT[request.param](request)


@pytest.fixture
async def on(venue_opener: VenueOpener) -> AsyncIterator[VenueUnderTest]:
    """Any venue, also behind a bad network; at the end all it says must be one story."""
    async with venue_opener() as under_test:
        await under_test.note_balances()
        yield under_test
        await assert_books_agree(under_test)


@pytest.fixture
async def direct(direct_venue_opener: VenueOpener) -> AsyncIterator[VenueUnderTest]:
    """A venue with nothing in between: what it reports comes once and in order."""
    async with direct_venue_opener() as under_test:
        await under_test.note_balances()
        yield under_test
        await assert_books_agree(under_test)
