"""Verification of a whole session: nothing differs; what is then changed is named, it alone."""

from collections.abc import Mapping
from typing import Any

import pytest

from domain.log import EventLog
from infra.composition.replay_verify import Difference, live_tables
from infra.log.postgres.log import PostgresEventLog
from replay.verify.verification import verify
from tests.infra.cli.running import CommandLine
from tests.replay.session.conftest import MADE
from tests.replay.session.live_table import OTHER, all_tables, live_table
from tests.replay.session.recorded import RecordedSession


def verified(patriot: CommandLine, code: int) -> dict[str, Any]:
    ended = patriot("verify", "--json")
    assert ended.code == code, ended
    document: dict[str, Any] = ended.json
    return document


def named(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All that is not as it should be, of the tables and of the log."""
    differences = [found for table in document["tables"] for found in table["listed"]]
    findings = [found for check in document["checks"] for found in check["listed"]]
    assert document["sound"] is not bool(differences or findings)
    return [*differences, *findings]


def test_nothing_differs(patriot: CommandLine, session: RecordedSession) -> None:
    document = verified(patriot, 0)
    assert named(document) == []
    assert document["not_recomputed"] == []
    assert {table["table"] for table in document["tables"]} == set(all_tables(session.dsn))
    assert document["events"] == document["head"] >= session.taken[-1].position
    assert all(table["position"] == document["head"] for table in document["tables"])
    assert sum(table["rows"] for table in document["tables"]) >= session.taken[-1].state.rows


@pytest.mark.parametrize(
    "change",
    [
        ("balances", "balance", "balance + 0.00000001", "reserved > 0"),
        ("positions", "cost", "cost - 0.00000001", "cost > 0"),
        ("executions", "fee", "fee + 0.00000001", "busted"),
        ("orders", "status", "'filled'", "status = 'cancelled'"),
        ("reservations", "amount", "amount * 2", "true"),
        ("order_timeline", "actor", "'human:mallory'", "type = 'OrderPlaced'"),
        ("problems", "reason", "'all is well'", "true"),
    ],
)
def test_a_changed_row_is_named(
    patriot: CommandLine, session: RecordedSession, change: tuple[str, str, str, str]
) -> None:
    table, column, value, at = change
    with live_table(session.dsn, table) as live:
        with live.changed(column, value, at) as key:
            found = live.text(column, key)
            (difference,) = named(verified(patriot, 1))
        assert difference == {
            "table": table,
            "key": key,
            "column": column,
            "expected": live.text(column, key),
            "found": found,
        }


def test_a_changed_limit_is_named(patriot: CommandLine, session: RecordedSession) -> None:
    with live_table(session.dsn, "risk") as live:
        limit = "limits ->> 'max_daily_loss'"
        other = "jsonb_set(limits, '{max_daily_loss}', '\"9999.99\"')"
        with live.changed("limits", other, "scope = 'system'") as key:
            (difference,) = named(verified(patriot, 1))
        assert key == {"scope": "system"}
        assert difference == {
            "table": "risk",
            "key": key,
            "column": "limits.max_daily_loss",
            "expected": live.text(f"({limit})", key),
            "found": "9999.99",
        }


@pytest.mark.parametrize(
    "table",
    ["accounts", "balances", "executions", "leaders", "order_timeline", "orders", "risk"],
)
def test_a_dropped_row_is_named(patriot: CommandLine, session: RecordedSession, table: str) -> None:
    with live_table(session.dsn, table) as live:
        with live.dropped() as key:
            (difference,) = named(verified(patriot, 1))
        about = (difference["table"], difference["key"], difference["column"])
        assert about == (table, key, None)
        assert difference["found"] is None
        for column in live.columns():
            assert (f"{column} " in difference["expected"]) is bool(live.text(column, key)), column


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("balances", "asset", "'BTC'"),
        ("orders", "order_id", "gen_random_uuid()"),
        ("order_timeline", "version", "version + 1000"),
        ("risk", "scope", "'client:mallory'"),
    ],
)
def test_an_added_row_is_named(
    patriot: CommandLine, session: RecordedSession, table: str, column: str, value: str
) -> None:
    with live_table(session.dsn, table) as live, live.added(column, value) as key:
        (difference,) = named(verified(patriot, 1))
    about = (difference["table"], difference["key"], difference["column"])
    assert about == (table, key, None)
    assert difference["expected"] is None


@pytest.mark.parametrize("session", [MADE], indirect=True)
async def test_any_column_of_any_table_is_looked_at(session: RecordedSession) -> None:
    columns = 0
    async with PostgresEventLog.open(session.dsn) as log:
        for table in all_tables(session.dsn):
            with live_table(session.dsn, table) as live:
                for column, kind in live.columns().items():
                    with live.changed(column, OTHER[kind].format(column)) as key:
                        (difference,) = await differences(log, session.dsn)
                    changed = f"{column}.other" if kind == "jsonb" else column
                    assert (difference.table, difference.key) == (table, key)
                    assert difference.column == changed
                    columns += 1
        assert columns > 80
        assert await differences(log, session.dsn) == []


async def differences(log: EventLog, dsn: str) -> list[Difference]:
    async with live_tables(dsn) as live:
        report = await verify(log, live, lambda *_: None)
    assert not any(check.findings for check in report.checks)
    return [found for table in report.tables for found in table.listed]
