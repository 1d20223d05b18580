"""Lag is what the log says, whatever the worker says."""

from datetime import UTC, datetime, timedelta

import pytest

from projections.lag import LagMonitor, measure
from tests.projections.desk import BY_NAME, Desk
from tests.projections.history import History

LATER = datetime(2026, 1, 1, 1, tzinfo=UTC)


async def test_it_counts_events_and_the_age_of_the_oldest(desk: Desk) -> None:
    await desk.append(History(71), 300)
    events = desk.log.store.events
    lag = await measure(desk.log, 120, LATER)
    assert (lag.head, lag.events, lag.is_exact) == (len(events), len(events) - 120, True)
    assert lag.seconds == (LATER - events[120].recorded_at).total_seconds()


async def test_the_count_is_bounded(desk: Desk) -> None:
    await desk.append(History(72), 300)
    lag = await measure(desk.log, 0, LATER, bound=50)
    assert (lag.events, lag.is_exact) == (50, False)
    assert lag.seconds == (LATER - desk.log.store.events[0].recorded_at).total_seconds()


@pytest.mark.parametrize("ahead", [0, 1])
async def test_there_is_none_at_the_head(desk: Desk, ahead: int) -> None:
    await desk.append(History(73), 50)
    head = await desk.log.head()
    assert tuple(await measure(desk.log, head + ahead, LATER)) == (head, 0, True, 0.0)


async def test_a_clock_behind_the_logs_makes_no_negative_lag(desk: Desk) -> None:
    await desk.append(History(74), 50)
    lag = await measure(desk.log, 10, desk.log.store.events[0].recorded_at - timedelta(hours=1))
    assert lag.seconds == 0.0
    assert lag.events > 0


async def test_the_monitor_shows_each_projection_though_no_worker_lives(desk: Desk) -> None:
    await desk.append(History(75), 200)
    runner = desk.runner()
    await runner.install()
    await desk.worker(await desk.lease()).catch_up()
    monitor = LagMonitor(desk.pool, desk.log, desk.clock, desk.metrics)
    for _ in range(2):
        lags = await monitor.measure_all()
    head = await desk.log.head()
    assert lags.keys() == BY_NAME.keys()
    assert lags["orders"].events == 0
    assert lags["risk"].events == head
    shown = {status.name: status for status in await runner.status()}
    assert shown["orders"].lag_events == 0
    assert (shown["risk"].lag_events, shown["risk"].head) == (head, head)
    assert shown["risk"].lag_measured_at == desk.clock.now()
    exported = desk.metrics.registry.get_sample_value(
        "patriot_projection_lag_events", {"projection": "risk"}
    )
    assert exported == head
