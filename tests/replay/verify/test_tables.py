"""The live read models against the log: nothing differs, and what was altered is named."""

from typing import Any

import pytest

from infra.composition.replay_verify import NoReadModels, live_tables
from replay.verify.finding import Difference
from replay.verify.report import Report
from replay.verify.verification import verify
from tests.projections.desk import BY_NAME, Desk
from tests.projections.history import History

EVENTS = 600
TABLES = {
    "accounts", "balances", "positions", "reservations", "orders", "executions", "order_timeline",
    "risk", "problems", "leaders",
}  # fmt: skip


def unwatched(_reached: int, _head: int) -> None:
    pass


async def report_on(desk: Desk) -> Report:
    async with live_tables(desk.dsn) as live:
        return await verify(desk.log, live, unwatched)


async def project(desk: Desk, *names: str) -> None:
    for name in names or tuple(BY_NAME):
        lease = await desk.lease(BY_NAME[name])
        await desk.worker(lease, BY_NAME[name], page_size=70).catch_up()
        await desk.builds.release(desk.connection, lease)


async def filled(desk: Desk, seed: int = 5) -> History:
    history = History(seed)
    await desk.append(history, EVENTS)
    await desk.runner().install()
    await project(desk)
    return history


def listed(report: Report) -> list[Difference]:
    return [difference for table in report.tables for difference in table.listed]


async def build_of(desk: Desk, name: str) -> str:
    active = await desk.builds.active(desk.connection, name)
    assert active is not None
    return active.build


async def altered(desk: Desk, name: str, sql: str) -> Any:
    """Run a statement on the tables of a projection's build; its first row."""
    return await desk.connection.fetchrow(sql.format(build=await build_of(desk, name)))


@pytest.mark.parametrize("seed", range(8))
async def test_nothing_differs(desk: Desk, seed: int) -> None:
    await filled(desk, seed)
    report = await report_on(desk)
    assert listed(report) == []
    assert {table.table for table in report.tables} == TABLES
    assert report.events == report.head == len(desk.log.store.events)
    assert not report.not_recomputed
    for table in report.tables:
        view = await desk.connection.fetchval(f"select count(*) from read.{table.table}")
        assert (table.rows, table.position) == (view, report.head), table.table
    folding = next(check for check in report.checks if check.check == "streams fold")
    assert folding.findings == 0


# What was altered is named, and nothing else


async def test_a_changed_row(desk: Desk) -> None:
    await filled(desk)
    altered_row = await altered(
        desk,
        "orders",
        "update {build}.orders set quantity = quantity + 1 where order_id ="
        " (select min(order_id::text)::uuid from {build}.orders) returning order_id, quantity",
    )
    report = await report_on(desk)
    (found,) = listed(report)
    assert not report.is_sound
    assert found == Difference(
        table="orders",
        key={"order_id": str(altered_row["order_id"])},
        column="quantity",
        expected=f"{altered_row['quantity'] - 1:f}",
        found=f"{altered_row['quantity']:f}",
    )


async def test_a_changed_limit(desk: Desk) -> None:
    await filled(desk)
    altered_row = await altered(
        desk,
        "risk",
        "update {build}.risk set limits = jsonb_set(limits, '{{max_order_value}}', '\"7\"')"
        " where scope = (select min(scope) from {build}.risk where limits ? 'max_order_value')"
        " returning scope",
    )
    (found,) = listed(await report_on(desk))
    assert (found.table, found.key) == ("risk", {"scope": altered_row["scope"]})
    assert (found.column, found.found) == ("limits.max_order_value", "7")
    assert found.expected not in (None, "7")


async def test_a_limit_that_was_lifted(desk: Desk) -> None:
    await filled(desk)
    await altered(
        desk,
        "risk",
        "update {build}.risk set limits = limits - 'price_collar' where scope ="
        " (select min(scope) from {build}.risk where limits ? 'price_collar')",
    )
    (found,) = listed(await report_on(desk))
    assert (found.column, found.expected, found.found) == ("limits.price_collar", "0.05", None)


KEYS = {
    ("accounts", "accounts"): "account_id",
    ("accounts", "balances"): "account_id, asset",
    ("accounts", "positions"): "account_id, symbol",
    ("accounts", "reservations"): "order_id",
    ("orders", "orders"): "order_id",
    ("orders", "executions"): "order_id, execution_number",
    ("order_timeline", "order_timeline"): "order_id, version",
    ("risk", "risk"): "scope",
    ("operations", "problems"): "position",
    ("operations", "leaders"): "venue, epoch",
}


@pytest.mark.parametrize(("projection", "table"), list(KEYS))
async def test_a_dropped_row(desk: Desk, projection: str, table: str) -> None:
    await filled(desk)
    key = KEYS[projection, table]
    dropped = await altered(
        desk,
        projection,
        f"delete from {{build}}.{table} where ({key}) ="
        f" (select {key} from {{build}}.{table} order by {key} limit 1) returning {key}",
    )
    (found,) = listed(await report_on(desk))
    assert (found.table, found.column, found.found) == (table, None, None)
    assert found.key == {column: str(value) for column, value in dropped.items()}
    assert found.expected


@pytest.mark.parametrize(("projection", "table"), list(KEYS))
async def test_an_extra_row(desk: Desk, projection: str, table: str) -> None:
    """One more than the log makes, like another one but for its key."""
    await filled(desk)
    build = await build_of(desk, projection)
    changes = {
        "order_id": "gen_random_uuid()", "account_id": "gen_random_uuid()", "scope": "'nobody'",
        "position": "position + 1000000", "epoch": "epoch + 1000",
    }  # fmt: skip
    changed = KEYS[projection, table].split(", ")[-1 if table == "leaders" else 0]
    columns = await columns_of(desk, build, table)
    values = [changes[c] if c == changed else c for c in columns]
    extra = await desk.connection.fetchrow(
        f"insert into {build}.{table} select {', '.join(values)} from {build}.{table} limit 1"
        f" returning {KEYS[projection, table]}"
    )
    assert extra is not None
    (found,) = listed(await report_on(desk))
    assert (found.table, found.column, found.expected) == (table, None, None)
    assert found.key == {column: str(value) for column, value in extra.items()}
    assert found.found


@pytest.mark.parametrize(("projection", "table"), list(KEYS))
async def test_every_column_counts(desk: Desk, projection: str, table: str) -> None:
    """Each column of some row is altered in its turn, and is the one that is named."""
    await filled(desk)
    build = await build_of(desk, projection)
    key = KEYS[projection, table]
    shown = await desk.connection.fetch(f"select * from read.{table} order by {key} limit 1")
    types = await columns_of(desk, build, table)
    columns = [c for c in shown[0].keys() if c not in key.split(", ")]  # noqa: SIM118  # a Record iterates values
    for column in columns:
        row = f"({key}) = (select {key} from {build}.{table} order by {key} limit 1)"
        await desk.connection.execute(f"create temp table kept as table {build}.{table}")
        await desk.connection.execute(
            f"update {build}.{table} set {column} = {another(column, types[column])} where {row}"
        )
        found = {(d.table, (d.column or "the row").split(".")[0]) for d in await differing(desk)}
        assert found == {(table, column)}
        await desk.connection.execute(f"truncate {build}.{table}")
        await desk.connection.execute(f"insert into {build}.{table} table kept")
        await desk.connection.execute("drop table kept")


async def differing(desk: Desk) -> list[Difference]:
    return listed(await report_on(desk))


async def columns_of(desk: Desk, build: str, table: str) -> dict[str, str]:
    """With their types."""
    rows = await desk.connection.fetch(
        "select column_name, data_type from information_schema.columns"
        " where table_schema = $1 and table_name = $2 order by ordinal_position",
        build,
        table,
    )
    return {row["column_name"]: row["data_type"] for row in rows}


def another(column: str, type_name: str) -> str:
    """A value of the type that the column does not have."""
    return {
        "uuid": "gen_random_uuid()",
        "text": f"coalesce({column}, '') || 'x'",
        "boolean": f"not coalesce({column}, false)",
        "numeric": f"coalesce({column}, 0) + 0.00000001",
        "integer": f"{column} + 1",
        "bigint": f"{column} + 1000000",
        "timestamp with time zone": f"coalesce({column}, now()) + interval '1 microsecond'",
        "jsonb": f"{column} || '{{\"more\": 1}}'",
    }[type_name]


# What else may be


async def test_read_models_that_are_behind_each_other(desk: Desk) -> None:
    history = await filled(desk)
    await desk.append(history, 100)
    await project(desk, "orders")
    report = await report_on(desk)
    assert listed(report) == []
    positions = {table.table: table.position for table in report.tables}
    assert positions["orders"] == report.head > positions["accounts"]


async def test_what_changes_meanwhile_is_not_seen(desk: Desk) -> None:
    await filled(desk)
    async with live_tables(desk.dsn) as live:
        await live.positions()
        await altered(desk, "accounts", "delete from {build}.balances")
        report = await verify(desk.log, live, unwatched)
    assert listed(report) == []
    assert len(await differing(desk)) > 1


async def test_a_new_build_takes_over_meanwhile(desk: Desk) -> None:
    await filled(desk)
    async with live_tables(desk.dsn) as live:
        old = await build_of(desk, "orders")
        await desk.rebuilder().rebuild(BY_NAME["orders"])
        assert await build_of(desk, "orders") != old
        report = await verify(desk.log, live, unwatched)
    assert listed(report) == []


async def test_a_view_that_does_not_show_all(desk: Desk) -> None:
    await filled(desk)
    build = await build_of(desk, "risk")
    columns = "scope, state, reason, halt_confirmed, limits, version, updated_at, position"
    await desk.connection.execute(
        f"create or replace view read.risk as select {columns} from {build}.risk"
        " where scope <> 'system'"
    )
    (found,) = await differing(desk)
    assert (found.key, found.column, found.found) == ({"scope": "system"}, None, None)


async def test_a_log_that_was_cut(desk: Desk) -> None:
    await filled(desk)
    del desk.log.store.events[-1:]
    report = await report_on(desk)
    check = next(c for c in report.checks if c.check == "read models end in the log")
    assert {finding.subject for finding in check.listed} == TABLES


async def test_a_stream_that_does_not_fold_is_told_once(desk: Desk) -> None:
    await filled(desk)
    stream = next(e.stream for e in desk.log.store.events if e.type == "OrderFilled")
    first, second, *_ = [e for e in desk.log.store.events if e.stream == stream]
    desk.log.store.events.remove(first)
    report = await report_on(desk)
    check = next(c for c in report.checks if c.check == "streams fold")
    (found,) = check.listed
    assert (found.subject, found.position) == (stream, second.position)


async def test_a_read_model_that_is_not_known(desk: Desk) -> None:
    await filled(desk)
    build = await build_of(desk, "risk")
    await desk.connection.execute(f"create view read.curves as select scope from {build}.risk")
    report = await report_on(desk)
    assert report.not_recomputed == ("curves",)
    assert "curves" not in {table.table for table in report.tables}
    assert listed(report) == []


async def test_no_read_models(desk: Desk) -> None:
    with pytest.raises(NoReadModels):
        await report_on(desk)


async def test_it_is_told_how_far_it_came(desk: Desk) -> None:
    await filled(desk)
    told: list[tuple[int, int]] = []
    async with live_tables(desk.dsn) as live:
        await verify(desk.log, live, lambda reached, head: told.append((reached, head)))
    head = len(desk.log.store.events)
    assert told[-1] == (head, head)
    assert told == sorted(told)
