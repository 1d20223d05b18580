"""Replaying the decisions of a test's log."""

from collections.abc import Mapping
from decimal import Decimal

from domain.instrument import Instruments
from domain.order.terms import OrderType, Side
from domain.risk.limits import Limits
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
    window: Window | None = None,
) -> Report:
    """All decisions of a log, without one being written to it."""
    before = len(store.events)
    log = MemoryEventLog(store)
    report = await DecisionReplay(log, instruments, limits).run(window or Window(None, before))
    assert len(store.events) == before
    assert report.decisions == report.replayed + report.not_replayable
    return report


async def a_world(limits: Limits | None = None, deposit: str = "10000") -> tuple[World, str]:
    """A world with limits and an account."""
    world = World()
    await world.set_limits(limits or Limits(price_collar=Decimal("0.05")))
    return world, await world.account(deposit=deposit)
