"""The live read models against the log: nothing differs, and what was altered is named."""

from typing import Any

import pytest

from infra.composition.replay_verify import live_tables
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
