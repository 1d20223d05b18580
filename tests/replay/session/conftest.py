"""Sessions that are recorded once, for all tests that look at them."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.valkey import EmbeddedValkey
from tests.end_to_end.recording import FRAMES
from tests.infra.cli.running import CommandLine
from tests.replay.session.market import Market, made_market, recorded_market
from tests.replay.session.recorded import RecordedSession, positions_among, record

Make = Callable[[Path], Market]


def _real(_: Path) -> Market:
    return recorded_market()


MADE = pytest.param((made_market, 400, 40), id="made market")
REAL = pytest.param((_real, 800, 200), id=FRAMES.name)
"""How many events there are at least, and at how many positions the state is taken."""


@pytest.fixture(scope="package", params=[MADE, *([REAL] if FRAMES.exists() else [])])
def session(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: EmbeddedPostgres,
    valkey_server: EmbeddedValkey,
) -> Iterator[RecordedSession]:
    """On each market that is there."""
    make, events, positions = request.param
    directory = tmp_path_factory.mktemp("session")
    name = f"session_{events}"
    with psycopg.connect(postgres_server.dsn, autocommit=True) as connection:
        connection.execute(f"create database {name} template template0")
        with pytest.MonkeyPatch.context() as patch:
            # A difference from the venue's records is taken for true sooner than in earnest.
            patch.setattr("domain.execution.holdings_check.ADJUSTED_AFTER_SECONDS", 1)
            patch.setattr("domain.execution.reconciliation.ROUND_SECONDS", 1)
            yield asyncio.run(
                record(
                    make(directory),
                    postgres_server.dsn_of(name),
                    valkey_server.url,
                    directory / "data",
                    positions_among(events, positions, seed=events),
                )
            )
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
def patriot(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    session: RecordedSession,
) -> CommandLine:
    """On the servers of the session."""
    for name in [name for name in os.environ if name.startswith("PATRIOT_")]:
        monkeypatch.delenv(name)
    line = CommandLine(monkeypatch, capsys)
    line.set_environment(
        PATRIOT_DATA_DIR=str(tmp_path / "data"),
        PATRIOT_POSTGRES_DSN=session.dsn,
        PATRIOT_REDIS_URL=session.redis_url,
    )
    if session.exchange_info is not None:
        line.set_environment(PATRIOT_EXCHANGE_INFO=str(session.exchange_info))
    return line
