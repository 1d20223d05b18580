"""``patriot recover`` on a real log, whatever has become of what stands beside it."""

import asyncio
import errno
import json
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from domain.event import Event
from domain.session.session import Session
from infra.log.postgres.log import PostgresEventLog
from tests.end_to_end.crash import armed
from tests.end_to_end.process import RunningCore
from tests.end_to_end.process import patriot as run_apart
from tests.infra.cli.running import CommandLine
from tests.projections.history import History, append_all

EVENTS = 300
MODELS = ["accounts", "orders", "order_timeline", "risk", "operations"]
STEPS = ["log", "leadership", "workers", "builds", *MODELS, "leftovers", "snapshots", "redis"]

EVERYTHING = """
do $$ declare name text; begin
    for name in select nspname from pg_namespace
        where nspname !~ '^(pg_|information_schema|log$|public$)'
    loop execute format('drop schema %I cascade', name); end loop;
end $$
"""

DAMAGES = {
    "nothing": "select 1",
    "everything but the log": EVERYTHING,
    "the views": "drop schema read cascade",
    "one view": "drop view read.orders",
    "the table of builds": "drop schema projections cascade",
    "no build is known": "delete from projections.builds",
    "a column of the table of builds": (
        "drop view read.projections; alter table projections.builds drop column events"
    ),
    "a build": "drop schema {orders} cascade",
    "a table": "drop table {orders}.executions cascade",
    "a column": "alter table {orders}.orders drop column status cascade",
    "all rows": "truncate {orders}.orders",
    "a row": "delete from {accounts}.balances where position % 2 = 0",
    "a value": "update {accounts}.balances set balance = balance + 1",
    "a build that has stopped": "update projections.builds set failure = 'x' where name = 'orders'",
    "builds of a longer log": "update projections.builds set checkpoint = checkpoint + 1000",
    "a build left half made": (
        "update projections.builds set state = 'building' where name = 'orders'"
    ),
    "a held lease": "update projections.builds set lease_until = now() + interval '1 hour'",
    "the workers": "drop schema workers cascade",
    "a column of the workers": "alter table workers.leadership drop column holder",
    "candles": "drop schema market cascade",
}


@pytest.fixture
def command(patriot: CommandLine, postgres_dsn: str, redis_url: str) -> CommandLine:
    """At a database with a log of some events, and nothing else."""
    patriot.set_environment(PATRIOT_POSTGRES_DSN=postgres_dsn, PATRIOT_REDIS_URL=redis_url)
    asyncio.run(append(postgres_dsn, list(History(31).events(EVENTS))[:EVENTS]))
    return patriot


@contextmanager
def database(dsn: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


async def append(dsn: str, events: Sequence[tuple[str, Event]]) -> None:
    async with PostgresEventLog.open(dsn) as log:
        await append_all(log, events)


def damage(dsn: str, how: str) -> None:
    with database(dsn) as connection:
        connection.execute(how.format(**builds(connection)) if "{" in how else how)


def builds(connection: psycopg.Connection[tuple[Any, ...]]) -> dict[str, str]:
    """The schemas of builds by the names of their read models."""
    names = connection.execute(
        "select nspname from pg_namespace where nspname ~ '_v[0-9]+_[0-9]+$'"
    )
    return {name.partition("_v")[0]: name for (name,) in names}


def steps(report: dict[str, Any]) -> dict[str, str]:
    return {step["step"]: step["result"] for step in report["steps"]}


def require_right(command: CommandLine) -> None:
    """Every row as it is recomputed from the log, by other code than what built it."""
    tables = command("verify", "--json").json["tables"]
    assert sum(table["rows"] for table in tables) > 200
    assert {table["differences"] for table in tables} == {0}
    assert {table["position"] for table in tables} == {EVENTS}


@pytest.mark.parametrize("how", DAMAGES.values(), ids=DAMAGES.keys())
def test_whatever_is_damaged_is_right_again(
    command: CommandLine, postgres_dsn: str, how: str
) -> None:
    assert command("recover").code == 0
    damage(postgres_dsn, how)
    recovered = command("recover", "--json")
    assert recovered.code == 0, recovered.err
    assert (recovered.json["head"], recovered.json["beside"]) == (EVENTS, False)
    assert list(steps(recovered.json)) == STEPS
    assert all(step["seconds"] >= 0 for step in recovered.json["steps"])
    require_right(command)
    with database(postgres_dsn) as connection:
        (count,) = connection.execute(
            "select count(*) from pg_namespace where nspname ~ '_v[0-9]+_[0-9]+$'"
        ).fetchone() or (None,)
        assert count == len(MODELS)
        connection.execute("select * from read.candles, workers.checkpoint, workers.leadership")


def test_it_is_told_as_a_table(command: CommandLine) -> None:
    recovered = command("recover")
    lines = recovered.out.splitlines()
    assert lines[0].split() == ["step", "seconds", "result"]
    begun = [line.split()[0] for line in lines[1:] if line and not line.startswith(" ")]
    assert begun[: len(STEPS)] == STEPS
    assert f"recovered up to position {EVENTS}" in recovered.out
    assert "patriot verify" in recovered.err


def test_who_may_read_may_read_afterwards(command: CommandLine, postgres_dsn: str) -> None:
    command("recover")
    with database(postgres_dsn) as connection:
        connection.execute("grant usage on schema read to public")
        connection.execute("grant select on read.orders to public")
    assert command("recover").code == 0
    with database(postgres_dsn) as connection:
        granted = connection.execute(
            "select grantee from information_schema.role_table_grants"
            " where table_schema = 'read' and table_name = 'orders' and grantee = 'PUBLIC'"
        )
        assert granted.fetchall() == [("PUBLIC",)]


def test_snapshots_are_dropped(
    command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may be of the log that was here before. What was set aside tells of what happened."""
    kept = tmp_path / "data" / "snapshots"
    dropped = [
        *(kept / f"orders.v2.orders_v2_2.since-1/{n}.snapshot" for n in (1, 2)),
        kept / "streams/account-1.v2/1.snapshot",
    ]
    stays = kept / "aside/accounts.v2.orders_v2_2.since-1.1.snapshot"
    for path in (*dropped, stays):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"of another log")

    def refused(path: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted", str(path))

    with monkeypatch.context() as patched:
        patched.setattr("replay.snapshots.store.shutil.rmtree", refused)
        told = steps(command("recover", "--json").json)["snapshots"]
        assert told.startswith("not all could be dropped: [Errno 1]")
    assert steps(command("recover", "--json").json)["snapshots"] == "3 dropped"
    assert list(kept.rglob("*.snapshot")) == [stays]
    assert steps(command("recover", "--json").json)["snapshots"] == "none"


def test_schemas_of_others_are_left_alone(command: CommandLine, postgres_dsn: str) -> None:
    assert command("rebuild", "--as-of", "100", "--into", "past").code == 0
    with database(postgres_dsn) as connection:
        # As a former release let it be called.
        connection.execute("alter schema past rename to orders_v9_9")
        connection.execute("update replay.schemas set name = 'orders_v9_9'")
        connection.execute("create schema orders_venue; create schema my_orders_v1_1")
    recovered = command("recover", "--json")
    assert steps(recovered.json)["leftovers"] == "none"
    (row,) = command("rebuild", "--list", "--json").json
    assert (row["schema"], row["state"]) == ("orders_v9_9", "usable")
    with database(postgres_dsn) as connection:
        connection.execute("drop schema orders_venue; drop schema my_orders_v1_1")


def test_what_the_workers_knew_is_kept_unless_it_is_of_another_log(
    command: CommandLine, postgres_dsn: str
) -> None:
    command("recover")
    with database(postgres_dsn) as connection:
        connection.execute(
            "insert into workers.checkpoint values ('execution', 12), ('policies', %s)",
            [EVENTS + 1],
        )
    assert steps(command("recover", "--json").json)["workers"].endswith("forgotten: policies")
    with database(postgres_dsn) as connection:
        kept = connection.execute("select worker, position from workers.checkpoint").fetchall()
        assert kept == [("execution", 12)]
        connection.execute("update workers.leadership set epoch = 1000")
    assert steps(command("recover", "--json").json)["leadership"].endswith(" 1000")


def test_the_next_leader_comes_after_all_that_the_log_knows(
    command: CommandLine, postgres_dsn: str
) -> None:
    asyncio.run(lead(postgres_dsn, "another-venue", 77))
    assert steps(command("recover", "--json").json)["leadership"].endswith(" 77")
    with database(postgres_dsn) as connection:
        found = connection.execute(
            "select epoch, expires_at < now() from workers.leadership where role = 'execution'"
        )
        assert found.fetchall() == [(77, True)]


async def lead(dsn: str, venue: str, epoch: int) -> None:
    session: Session = Session.empty(venue)
    session.start_epoch(epoch, History(1).now)
    events = [(session.stream, event) for event in session.pending]
    await append(dsn, events)


def test_an_empty_log_changes_nothing(
    patriot: CommandLine, postgres_dsn: str, redis_url: str
) -> None:
    patriot.set_environment(PATRIOT_POSTGRES_DSN=postgres_dsn, PATRIOT_REDIS_URL=redis_url)
    refused = patriot("recover")
    assert (refused.code, refused.out) == (1, "")
    assert "nothing in the log" in refused.err
    assert "backup" in refused.err
    with database(postgres_dsn) as connection:
        found = connection.execute("select to_regnamespace('read'), to_regnamespace('workers')")
        assert found.fetchone() == (None, None)


def test_a_directory_without_a_log_stays_as_it_is(patriot: CommandLine, tmp_path: Path) -> None:
    refused = patriot("recover", "--data-dir", str(tmp_path / "mistyped"))
    assert (refused.code, refused.out) == (1, "")
    assert "mistyped" in "".join(refused.err.split())
    assert "--data-dir" in refused.err
    assert not (tmp_path / "mistyped").exists()


@pytest.mark.parametrize(
    ("holds_lock", "said"), [(False, "patriot-api"), (True, "another recovery")]
)
def test_it_is_refused_while_somebody_is_there(
    command: CommandLine, postgres_dsn: str, *, holds_lock: bool, said: str
) -> None:
    with psycopg.connect(postgres_dsn, application_name="patriot-api", autocommit=True) as somebody:
        if holds_lock:
            somebody.execute("select pg_advisory_lock(7237401)")
        refused = command("recover")
    assert (refused.code, refused.out) == (1, "")
    assert said in refused.err
    assert "Stop every role" in refused.err
    assert command("recover").code == 0


def test_an_event_that_cannot_be_folded_is_named_and_the_next_recovery_begins_anew(
    command: CommandLine, postgres_dsn: str
) -> None:
    command("recover")
    with database(postgres_dsn) as connection:
        connection.execute(
            "insert into log.events select position + 1, 'risk-thing', 1, gen_random_uuid(),"
            " 'RiskImagined', data, metadata, recorded_at from log.events"
            " order by position desc limit 1"
        )
    for _ in range(2):
        failed = command("recover")
        said = " ".join(failed.err.split())
        assert (failed.code, failed.out) == (1, "")
        assert f"risk: risk cannot take RiskImagined at {EVENTS + 1}" in said
        assert "begins anew" in said
    with database(postgres_dsn) as connection:
        connection.execute("select * from read.risk")


@pytest.mark.parametrize(
    "point", ["project/begun:1", "project/written:2", "project/committed:3", "project/committed:5"]
)
def test_a_killed_recovery_is_followed_by_a_whole_one(
    command: CommandLine, postgres_dsn: str, redis_url: str, tmp_path: Path, point: str
) -> None:
    command("recover")
    damage(postgres_dsn, DAMAGES["a value"])
    where = {"PATRIOT_POSTGRES_DSN": postgres_dsn, "PATRIOT_REDIS_URL": redis_url}
    env = {**where, **armed(f"kill:{point}")}
    killed = run_apart("recover", data_dir=tmp_path / "data", env=env)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    recovered = command("recover", "--json")
    assert recovered.code == 0, recovered.err
    require_right(command)
    with database(postgres_dsn) as connection:
        assert builds(connection).keys() == set(MODELS)


def test_beside_a_core_only_redis_can_be_recovered(at_core: CommandLine, core: RunningCore) -> None:
    beside = at_core("recover", "--json")
    assert beside.code == 0, beside.err
    assert (beside.json["beside"], beside.json["head"]) == (True, None)
    assert list(steps(beside.json)) == ["read models", "redis"]
    assert "the core serves" in at_core("recover").out

    dsn = json.loads((core.data_dir / "run.json").read_text())["postgres_dsn"]
    for how, named in (
        ("drop view read.problems", "problems"),
        ("update projections.builds set failure = 'poison' where name = 'risk'", "poison"),
        ("alter table workers.leadership rename to leaders", "workers"),
    ):
        with database(dsn) as connection:
            connection.execute(how)
        refused = at_core("recover")
        assert (refused.code, refused.out) == (1, "")
        assert named in refused.err
        assert "Stop the core" in refused.err
    with database(dsn) as connection:
        connection.execute("alter table workers.leaders rename to leadership")
