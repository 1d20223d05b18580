"""``patriot rebuild`` from the command line, on a real log."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from rich.console import Console

from domain.event import Event
from infra.cli.rebuild_progress import Pace, shown
from infra.log.postgres.log import PostgresEventLog
from replay.cut import Cut
from replay.schemas import Progress
from tests.benchmarks.projection_log import fill
from tests.end_to_end.process import environment, until
from tests.infra.cli.conftest import at_core, core, patriot
from tests.infra.cli.running import CommandLine
from tests.projections.history import History, append_all

__all__ = ["at_core", "core", "patriot"]

EVENTS = 150
MANY = 24_000


@pytest.fixture
def at_servers(patriot: CommandLine, postgres_dsn: str, redis_url: str) -> CommandLine:
    patriot.set_environment(PATRIOT_POSTGRES_DSN=postgres_dsn, PATRIOT_REDIS_URL=redis_url)
    return patriot


@pytest.fixture
def command(at_servers: CommandLine, postgres_dsn: str) -> CommandLine:
    """On a log of some events."""
    asyncio.run(_append(postgres_dsn, list(History(31).events(EVENTS))[:EVENTS]))
    return at_servers


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
        (["--as-of", "9" * 5_000, "--into", "past"], 2, "beyond_the_head"),
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


def test_stopped_and_gone_on_with(
    at_servers: CommandLine, postgres_dsn: str, tmp_path: Path
) -> None:
    asyncio.run(fill(postgres_dsn, MANY))
    arguments = ("rebuild", "--as-of", str(MANY), "--into", "past")
    where = {name: os.environ[name] for name in ("PATRIOT_POSTGRES_DSN", "PATRIOT_REDIS_URL")}
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.cli.main", *arguments],
        env=environment(tmp_path, where),
        stderr=subprocess.PIPE,
        text=True,
    )
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        until(lambda: _checkpoint(connection), 30, lambda: "nothing is folded")
        # It waits for its own row meanwhile: however fast it is, it is stopped on the way.
        with connection.transaction():
            connection.execute("select from replay.schemas for update")
            process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, "the same command goes on with it" in said) == (1, True), said
    assert "Traceback" not in said
    (row,) = at_servers("rebuild", "--list", "--json").json
    assert (row["state"], row["root"], row["failure"]) == ("unfinished", None, None)
    assert 0 < row["checkpoint"] < MANY

    ended = at_servers(*arguments, "--json")
    assert f"goes on from position {row['checkpoint']}" in ended.err
    assert ended.json["events"] == MANY
    whole = at_servers("rebuild", "--as-of", str(MANY), "--into", "whole", "--json")
    assert whole.json["root"] == ended.json["root"]


def _checkpoint(connection: psycopg.Connection) -> int | None:
    row = connection.execute("select to_regclass('replay.schemas') is not null").fetchone()
    if row != (True,):
        return None
    found = connection.execute("select max(checkpoint) from replay.schemas").fetchone()
    return found[0] if found and found[0] else None


def test_beside_a_running_core(at_core: CommandLine) -> None:
    at_core("account", "open", "--client", "alice", "--key", "rebuilt")
    head = at_core("events", "tail", "--limit", "1", "--json").json[0]
    made = at_core("rebuild", "--as-of", str(head["position"]), "--into", "past", "--json").json
    by_then = at_core("rebuild", "--as-of", head["recorded_at"], "--into", "then", "--json").json
    assert made["root"] == by_then["root"]
    assert {row["table"]: row["rows"] for row in made["tables"]}["accounts"] >= 1
    assert at_core("rebuild", "--drop", "past").code == 0


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    file = StringIO()
    terminal = Console(file=file, force_terminal=True, width=100)
    monkeypatch.setattr("infra.cli.rebuild_progress.errors", terminal)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    with shown() as listener:
        listener.started(Cut(200, "200", at, out_of_order=True), Progress(100, 90, at, 0))
        listener.moved(Progress(150, 140, at, 0))
    written = re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", file.getvalue())
    assert "200 is position 200, recorded at 2026-01-01T00:00:00.000000Z" in written
    assert "recorded times go back around it (500 events on either side are looked at)" in written
    assert "goes on from position 100" in written
    assert "75%" in written
    assert re.search(r"[\d,]+ events/s, 0:00 left", written)


def test_the_time_left_follows_from_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([100.0, 110.0, 120.0])
    monkeypatch.setattr("infra.cli.rebuild_progress.time.monotonic", lambda: next(seconds))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    pace = Pace(Cut(100_000, "100000", at, out_of_order=False), Progress(10_000, 9_000, at, 0))
    pace.note(Progress(20_000, 19_000, at, 0))
    assert str(pace) == "1,000 events/s, 1:20 left"
    pace.note(Progress(20_010, 19_010, at, 0))
    assert str(pace).endswith("2:40 left")
