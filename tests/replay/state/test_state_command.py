"""``patriot state`` from the command line, on a real log."""

import asyncio
from collections.abc import Sequence

import pytest

from domain.event import Event, format_time
from domain.log import RecordedEvent
from infra.log.postgres.log import PostgresEventLog
from tests.infra.cli.conftest import patriot
from tests.infra.cli.running import CommandLine
from tests.projections.history import History, append_all

__all__ = ["patriot"]

EVENTS = 300


@pytest.fixture
def recorded(postgres_dsn: str) -> Sequence[RecordedEvent]:
    """A log of some events."""
    return asyncio.run(_recorded(postgres_dsn, list(History(41).events(EVENTS))[:EVENTS]))


async def _recorded(dsn: str, events: Sequence[tuple[str, Event]]) -> Sequence[RecordedEvent]:
    async with PostgresEventLog.open(dsn) as log:
        await append_all(log, events)
        return [event async for page in log.read_all() for event in page]


@pytest.fixture
def command(
    patriot: CommandLine, postgres_dsn: str, redis_url: str, recorded: Sequence[RecordedEvent]
) -> CommandLine:
    patriot.set_environment(PATRIOT_POSTGRES_DSN=postgres_dsn, PATRIOT_REDIS_URL=redis_url)
    return patriot


def test_one_of_each_kind(command: CommandLine, recorded: Sequence[RecordedEvent]) -> None:
    for category in ("account", "order", "risk", "session"):
        events = [event for event in recorded if event.stream.startswith(f"{category}-")]
        stream, at = events[-1].stream, events[-1].position
        told = command("state", stream, "--as-of", str(at), "--json")
        assert told.code == 0, told
        document = told.json
        assert document["stream"] == stream
        assert document["version"] == events[-1].version
        assert document["position"] == at
        assert document["as_of"] == {
            "asked_for": str(at),
            "position": at,
            "recorded_at": format_time(events[-1].recorded_at),
            "out_of_order": False,
            "looked_around": 500,
        }
        assert document["state"]
        printed = command("state", stream, "--as-of", format_time(events[-1].recorded_at))
        assert (printed.code, stream in printed.out) == (0, True)


def test_print(command: CommandLine, recorded: Sequence[RecordedEvent]) -> None:
    stream = recorded[0].stream
    printed = command("state", stream, "--as-of", "300").out
    assert "trading state" in printed
    assert "available" in printed


@pytest.mark.parametrize(
    ("stream", "as_of", "code", "said"),
    [
        ("order-none", "yesterday", 2, "invalid_instant"),
        ("order-none", "2026-01-01T00:00:00", 2, "no_time_zone"),
        ("order-none", "9999-01-01T00:00:00Z", 2, "in_the_future"),
        ("order-none", "1999-01-01T00:00:00Z", 2, "before_the_first_event"),
        ("order-none", "0", 2, "before_the_first_event"),
        ("order-none", "301", 2, "beyond_the_head"),
        ("order-none", "9" * 50, 2, "beyond_the_head"),
        ("order-none", "300", 1, "stream_not_found"),
        ("nothing-1", "300", 2, "invalid_stream"),
        ("order", "300", 2, "invalid_stream"),
        ("order-", "300", 2, "invalid_stream"),
        ("", "300", 2, "invalid_stream"),
        ("session-paper", "1", 1, "before_its_first_event"),
    ],
)
def test_what_cannot_be(
    command: CommandLine, stream: str, as_of: str, code: int, said: str
) -> None:
    for more in ([], ["--json"]):
        ended = command("state", stream, "--as-of", as_of, *more)
        assert (ended.code, ended.out) == (code, "")
        assert said in ended.err


def test_wrong_usage(command: CommandLine) -> None:
    assert command("state").code == 2
    assert command("state", "risk-system").code == 2
