"""``patriot rebuild`` from the command line, on a real log."""

import asyncio
import re
from collections.abc import Sequence

import psycopg
import pytest

from domain.event import Event
from infra.log.postgres.log import PostgresEventLog
from tests.infra.cli.conftest import patriot
from tests.infra.cli.running import CommandLine
from tests.projections.history import History, append_all

__all__ = ["patriot"]

EVENTS = 150


@pytest.fixture
def command(patriot: CommandLine, postgres_dsn: str, redis_url: str) -> CommandLine:
    """On a log of some events."""
    patriot.set_environment(PATRIOT_POSTGRES_DSN=postgres_dsn, PATRIOT_REDIS_URL=redis_url)
    asyncio.run(_append(postgres_dsn, list(History(31).events(EVENTS))[:EVENTS]))
    return patriot


async def _append(dsn: str, events: Sequence[tuple[str, Event]]) -> None:
    async with PostgresEventLog.open(dsn) as log:
        await append_all(log, events)


def test_rebuild_list_and_drop(command: CommandLine) -> None:
    assert command("rebuild", "--list", "--json").json == []
    made = command("rebuild", "--as-of", "100", "--into", "past")
    assert made.code == 0, made
    assert "past is what stood at position 100, 100 events" in made.out
    root = re.search(r"root ([0-9a-f]{64})", made.out)
    assert root is not None
    assert "100 is position 100, recorded at 20" in made.err
    assert "position 100 of 100" in made.err
    assert "0:00 left" in made.err

    again = command("rebuild", "--as-of", "100", "--into", "again", "--json")
    assert (again.code, again.json["root"]) == (0, root[1])
    assert {"cut", "events", "code_version", "upcasters", "tables", "run"} <= again.json.keys()

    listed = command("rebuild", "--list", "--json").json
    assert [(row["schema"], row["state"]) for row in listed] == [
        ("again", "usable"),
        ("past", "usable"),
    ]
    assert [row["root"] for row in listed] == [root[1], root[1]]
    assert "usable" in command("rebuild", "--list").out
    assert command("rebuild", "--drop", "past").out == "past is dropped\n"
    assert command("rebuild", "--drop", "again", "--json").json == {"dropped": "again"}
    assert command("rebuild", "--list", "--json").json == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--as-of", "yesterday", "--into", "past"], 2, "invalid_instant"),
        (["--as-of", "2026-01-01T00:00:00", "--into", "past"], 2, "no_time_zone"),
        (["--as-of", "9999-01-01T00:00:00Z", "--into", "past"], 2, "in_the_future"),
        (["--as-of", "1999-01-01T00:00:00Z", "--into", "past"], 2, "before_the_first_event"),
        (["--as-of", "0", "--into", "past"], 2, "before_the_first_event"),
        (["--as-of", "151", "--into", "past"], 2, "beyond_the_head"),
        (["--as-of", "1", "--into", "public"], 2, "invalid_schema"),
        (["--as-of", "1", "--into", "x; drop table y"], 2, "invalid_schema"),
        (["--as-of", "1", "--into", "past", "--projection", "x"], 2, "no_such_projection"),
        (["--as-of", "1", "--into", "theirs"], 1, "not_ours"),
        (["--drop", "theirs"], 1, "not_ours"),
        (["--drop", "nothing"], 1, "no_such_schema"),
        (["--as-of", "1"], 2, "--into"),
        (["--into", "past"], 2, "--as-of"),
        ([], 2, "--as-of"),
        (["--list", "--drop", "past"], 2, "--list"),
        (["--as-of", "1", "--into", "past", "--list"], 2, "--list"),
    ],
)
def test_what_cannot_be(
    command: CommandLine, postgres_dsn: str, arguments: list[str], code: int, said: str
) -> None:
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute("create schema theirs; create table theirs.orders (a int)")
    ended = command("rebuild", *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err
    assert command("rebuild", "--list", "--json").json == []
    with psycopg.connect(postgres_dsn) as connection:
        assert connection.execute("select count(*) from theirs.orders").fetchone() == (0,)


def test_a_schema_that_is_there_already(command: CommandLine) -> None:
    arguments = ("rebuild", "--as-of", "10", "--into", "past")
    assert command(*arguments).code == 0
    ended = command(*arguments)
    assert (ended.code, "schema_exists" in ended.err) == (1, True)


def test_an_unknown_event_names_itself_and_its_position(
    command: CommandLine, postgres_dsn: str
) -> None:
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(
            "insert into log.events select 151, 'thing-1', 1, gen_random_uuid(),"
            " 'ThingImagined', data, metadata, recorded_at from log.events where position = 150"
        )
    ended = command("rebuild", "--as-of", "151", "--into", "past")
    assert (ended.code, ended.out) == (1, "")
    assert "unknown event type 'ThingImagined' at position 151" in ended.err
    (row,) = command("rebuild", "--list", "--json").json
    assert (row["state"], row["root"]) == ("unfinished", None)
    assert "ThingImagined" in row["failure"]
    assert command("rebuild", "--as-of", "150", "--into", "before").code == 0
