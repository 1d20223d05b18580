"""Replaying the decisions of a test's log."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal

from domain.instrument import Instruments
from domain.log import EventLog
from domain.order.terms import OrderType, Side
from domain.risk.limits import Limits
from replay.decisions.account_histories import AccountHistories
from replay.decisions.decision_replay import DecisionReplay
from replay.decisions.report import Report
from replay.decisions.window import Window
from tests.domain.world import World, terms_of
from tests.doubles.memory_log import MemoryEventLog, MemoryStore

OCO = terms_of(OrderType.OCO, Side.SELL, limit_price="110", stop_price="90")


async def replay(
    store: MemoryStore,
    instruments: Instruments,
    limits: Mapping[str, Limits] | None = None,
    *,
    since: int | datetime | None = None,
    histories: Callable[[EventLog], AccountHistories] = AccountHistories,
) -> Report:
    """All decisions of a log, without one being written to it."""
    before = len(store.events)
    again = DecisionReplay(MemoryEventLog(store), instruments, limits, histories)
    report = await again.run(Window(since, before))
    assert len(store.events) == before
    assert report.decisions == report.replayed + report.not_replayable
    return report


def differing(report: Report) -> dict[str, set[str]]:
    """The controls that differ, by order."""
    return {
        each.decision.order_id: {control.control for control in each.controls}
        for each in report.differences
    }


async def a_world(limits: Limits | None = None, deposit: str = "10000") -> tuple[World, str]:
    """A world with limits and an account."""
    world = World()
    await world.set_limits(limits or Limits(price_collar=Decimal("0.05")))
    return world, await world.account(deposit=deposit)
