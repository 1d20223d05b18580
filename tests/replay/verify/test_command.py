"""patriot verify, on real servers."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import psycopg
import pytest

from infra.composition.replay_verify import PostgresLiveTables
from infra.log.postgres.log import PostgresEventLog
from tests.infra.cli.running import CommandLine
from tests.projections.desk import BY_NAME, open_desk
from tests.replay.verify.book import ACCOUNT, Book, order_id


async def tell(dsn: str, *, spoiled: bool = False) -> None:
    """A story in a log in Postgres, and the read models of it; spoiled by a trade of an order that
    was never sent."""
    async with PostgresEventLog.open(dsn) as log, open_desk(dsn) as desk:
        book = Book(log)
        await book.open()
        for number in range(1, 4):
            await book.trade(number)
        if spoiled:
            await book.fill(await book.place(9))
        desk.log = log  # type: ignore[assignment]  # the desk's workers need no more than the port
        await desk.runner().install()
        for projection in BY_NAME.values():
            lease = await desk.lease(projection)
            await desk.worker(lease, projection).catch_up()


async def alter(dsn: str, table: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        build = await connection.fetchval(
            "select table_schema from information_schema.view_table_usage"
            " where view_schema = 'read' and view_name = $1",
            table,
        )
        await connection.execute(sql.format(table=f"{build}.{table}"))
    finally:
        await connection.close()


async def take_away(dsn: str, type_name: str) -> None:
    """Events of the log, as only its owner can, by force."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("alter table log.events disable trigger append_only")
        await connection.execute("delete from log.events where type = $1", type_name)
        await connection.execute("alter table log.events enable always trigger append_only")
    finally:
        await connection.close()


@pytest.fixture
def patriot(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    postgres_dsn: str,
    redis_url: str,
) -> CommandLine:
    for name in [name for name in os.environ if name.startswith("PATRIOT_")]:
        monkeypatch.delenv(name)
    line = CommandLine(monkeypatch, capsys)
    line.set_width(200)
    line.set_environment(
        PATRIOT_DATA_DIR=str(tmp_path / "data"),
        PATRIOT_POSTGRES_DSN=postgres_dsn,
        PATRIOT_REDIS_URL=redis_url,
    )
    return line


def test_all_is_well(patriot: CommandLine, postgres_dsn: str) -> None:
    asyncio.run(tell(postgres_dsn))
    ended = patriot("verify")
    assert (ended.code, ended.err) == (0, "")
    assert "18 events up to position 18 are whole, and 19 rows say what they say" in ended.out
    assert "order_timeline" in ended.out
    document = patriot("verify", "--json").json
    assert (document["sound"], document["events"], document["head"]) == (True, 18, 18)
    assert all(table["listed"] == [] for table in document["tables"])


def test_what_differs_is_named(patriot: CommandLine, postgres_dsn: str) -> None:
    asyncio.run(tell(postgres_dsn))
    changed = "update {table} set balance = balance + 1, available = available + 1"
    asyncio.run(alter(postgres_dsn, "balances", changed))
    ended = patriot("verify")
    assert ended.code == 1
    assert ended.out.splitlines()[-4:-1] == [
        f"balances {ACCOUNT} USDT",
        "    balance: expected 1000000, found 1000001",
        "    available: expected 999700.00000000, found 999701.00000000",
    ]
    assert "differences in the read models: 2, findings in the log: 0" in ended.err
    document = patriot("verify", "--json").json
    assert document["sound"] is False
    (table,) = [table for table in document["tables"] if table["differences"]]
    assert [found["column"] for found in table["listed"]] == ["balance", "available"]
    assert table["listed"][0] == {
        "table": "balances",
        "key": {"account_id": ACCOUNT, "asset": "USDT"},
        "column": "balance",
        "expected": "1000000",
        "found": "1000001",
    }


def test_what_is_wrong_with_the_log_is_named(patriot: CommandLine, postgres_dsn: str) -> None:
    asyncio.run(tell(postgres_dsn, spoiled=True))
    ended = patriot("verify")
    assert ended.code == 1
    assert "executions are traceable" in ended.out
    assert f"position 21, order-{order_id(9)}\n" in ended.out
    (check,) = [c for c in patriot("verify", "--json").json["checks"] if c["findings"]]
    assert (check["check"], check["findings"]) == ("executions are traceable", 1)


def test_a_beginning_that_was_taken_away_is_named(patriot: CommandLine, postgres_dsn: str) -> None:
    asyncio.run(tell(postgres_dsn))
    asyncio.run(take_away(postgres_dsn, "AccountOpened"))
    ended = patriot("verify")
    assert ended.code == 1
    assert f"accounts {ACCOUNT}\n    one too many: account_id {ACCOUNT}" in ended.out
    assert f"position 2, account-{ACCOUNT}\n    versions are contiguous" in ended.out
    assert "streams fold: FundsDeposited does not follow" in ended.out
    assert patriot("verify", "--json").json["sound"] is False


def test_before_there_are_read_models(patriot: CommandLine) -> None:
    ended = patriot("verify")
    assert ended.code == 1
    assert "there are no read models" in ended.err


def test_a_database_that_goes_away_is_told_in_one_line(
    patriot: CommandLine, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the live tables are compared."""
    asyncio.run(tell(postgres_dsn))

    async def rows(live: PostgresLiveTables, table: str, **how: bool) -> AsyncIterator[object]:
        with psycopg.connect(postgres_dsn, autocommit=True) as other:
            other.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and query like '%in access share mode%'"
                " and pid <> pg_backend_pid()"
            )
        async for page in real(live, table, **how):
            yield page

    real = PostgresLiveTables.rows
    monkeypatch.setattr(PostgresLiveTables, "rows", rows)
    ended = patriot("verify")
    assert ended.code == 1
    assert ended.err.startswith("error PostgreSQL went away")
    assert "Traceback" not in ended.err
