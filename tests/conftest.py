"""Real servers for tests: one PostgreSQL and one Valkey a session, started when first asked for."""

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from hypothesis import settings

from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.valkey import EmbeddedValkey

# The same examples every time: a failure is found once, by whoever caused it.
settings.register_profile("same every time", derandomize=True, database=None, deadline=None)
settings.load_profile("same every time")

_database_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server_directory() -> Iterator[Path]:
    """Outside pytest's own temporary directory, which keeps others out: root's servers are not."""
    directory = Path(tempfile.mkdtemp(prefix="patriot-tests-"))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def postgres_server(server_directory: Path) -> Iterator[EmbeddedPostgres]:
    """The session's PostgreSQL, without the waits that make it durable."""
    server = EmbeddedPostgres(server_directory / "postgres", durable=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def durable_postgres_server(server_directory: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that keeps its promises, for tests that kill it."""
    server = EmbeddedPostgres(server_directory / "durable")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def valkey_server(server_directory: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(server_directory / "valkey")
    server.start()
    yield server
    server.stop()


def _fresh_database(server: EmbeddedPostgres) -> Iterator[str]:
    name = f"test_{next(_database_numbers)}"
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        yield server.dsn_of(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_dsn(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A fresh, empty database of this test alone."""
    yield from _fresh_database(postgres_server)


@pytest.fixture
def durable_postgres_dsn(durable_postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A fresh, empty database on the durable server."""
    yield from _fresh_database(durable_postgres_server)


@pytest.fixture
def redis_url(valkey_server: EmbeddedValkey) -> str:
    """A Valkey without any key."""
    with redis.Redis.from_url(valkey_server.url) as client:
        client.flushall()
    return valkey_server.url
