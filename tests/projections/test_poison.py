"""A poison event stops its projection right before it, says so, and stops no other."""

from typing import Any
from uuid import UUID

import pytest

from domain.log import NewEvent
from projections.failures import Poisoned
from projections.projection import Fact, Fold, Projection
from projections.risk import RISK_PROJECTION, RiskFold
from tests.projections.desk import BY_NAME, FIRST_BUILD, ORDERS, Desk
from tests.projections.history import History, append_all

ORDER = "order-00000000-0000-4000-8000-000000000001"


async def append_raw(desk: Desk, stream: str, kind: str, data: bytes) -> int:
    metadata = b'{"$correlationId":"c"}'
    event = NewEvent(UUID(int=desk.log.store.events[-1].position), kind, data, metadata)
    return (await desk.log.append(stream, [event], expected_version=0)).position


async def until_failed(desk: Desk, name: str) -> dict[str, Any]:
    sql = "select * from read.projections where name = $1 and state = 'failed'"
    while (row := await desk.connection.fetchrow(sql, name)) is None:
        await desk.clock.sleep(0.01)
    return dict(row)


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        ("OrderTeleported", b"{}", "UnknownEventType"),
        ("OrderCancelled", b'{"no": "order"}', "UndecodableEvent"),
        ("OrderCancelled", b"not even JSON", "UndecodableEvent"),
        (
            "OrderCancelled",
            b'{"aggregate_id":"00000000-0000-4000-8000-000000000001","version":7,'
            b'"occurred_at":"2026-01-01T00:00:00.000001Z","account_id":"a","reason":"x",'
            b'"cum_quantity":"0"}',
            "OriginatorVersionError",
        ),
    ],
)
async def test_the_projection_stops_before_it_and_the_others_go_on(
    desk: Desk, kind: str, data: bytes, reason: str
) -> None:
    history = History(61)
    await desk.append(history, 200)
    async with desk.running():
        await desk.caught_up()
        poison = await append_raw(desk, ORDER, kind, data)
        await desk.append(history, 200)
        failed = await until_failed(desk, "orders")
        await desk.caught_up("accounts", "risk")
    assert failed["checkpoint"] == poison - 1
    assert (failed["failed_position"], failed["failed_type"]) == (poison, kind)
    assert reason in failed["failure"]
    newest = await desk.connection.fetchval("select max(position) from read.orders")
    assert newest < poison
    failed_gauge = desk.metrics.registry.get_sample_value(
        "patriot_projection_failed", {"projection": "orders"}
    )
    assert failed_gauge == 1


@pytest.mark.parametrize("neighbours", [0, 1, 6, 40])
async def test_what_came_before_it_in_the_same_page_is_kept(desk: Desk, neighbours: int) -> None:
    history = History(62)
    await desk.append(history, neighbours + 2)
    poison = await append_raw(desk, ORDER, "OrderTeleported", b"{}")
    await desk.append(history, 30)
    await desk.runner().install()
    worker = desk.worker(await desk.lease(), page_size=1_000)
    with pytest.raises(Poisoned) as error:
        await worker.catch_up()
    assert error.value.event.position == poison
    before = [e for e in desk.log.store.events[: poison - 1] if ORDERS.concerns(e)]
    assert worker.checkpoint == (before[-1].position if before else 0)
    assert worker.checkpoint == await desk.checkpoint("orders")
    assert await desk.events_projected() == len(before)


async def test_rows_that_cannot_be_stored_are_poison_too(desk: Desk) -> None:
    """PostgreSQL has no bigint as large as that."""
    history = History(63)
    await desk.append(history, 100)
    poison = await append_raw(
        desk,
        "session-odd",
        "LeaderEpochStarted",
        b'{"aggregate_id":"odd","version":1,"occurred_at":"2026-01-01T00:00:00.000001Z",'
        b'"epoch":9223372036854775808}',
    )
    await desk.append(history, 20)
    await desk.runner().install()
    operations = BY_NAME["operations"]
    with pytest.raises(Poisoned) as error:
        await desk.worker(await desk.lease(operations), operations).catch_up()
    assert error.value.event.position == poison
    assert "NumericValueOutOfRange" in error.value.reason


async def test_a_nul_in_what_a_venue_says_stops_nothing(desk: Desk) -> None:
    """PostgreSQL has no text with a NUL in it; what only looks like one stays as it is."""
    history = History(63)
    history.place()
    order = history.orders[0]
    order.reject("odd", "a \x00, a \\\x00 and no \\u0000", history.now)
    history.release(order)
    await append_all(desk.log, history.taken())
    await desk.runner().install()
    for name in ("orders", "order_timeline"):
        await desk.worker(await desk.lease(BY_NAME[name]), BY_NAME[name]).catch_up()
    shown = "a ␀, a \\␀ and no \\u0000"
    assert await desk.connection.fetchval("select reason from read.orders") == shown
    sql = "select data->>'reason' from read.order_timeline where type = 'OrderRejected'"
    assert await desk.connection.fetchval(sql) == shown


class Allergy:
    """What a fold cannot take for the time being."""

    def __init__(self) -> None:
        self.active = True
        outer = self

        class AllergicFold(RiskFold):
            def apply(self, fact: Fact) -> None:
                if outer.active and fact.recorded.type == "TradingHalted":
                    raise ArithmeticError("this fold has a fault")
                super().apply(fact)

        self.fold: type[RiskFold] = AllergicFold

    def projection(self) -> Projection:
        def fold() -> Fold:
            return self.fold()

        return Projection(
            name="risk",
            version=RISK_PROJECTION.version,
            categories=frozenset({"risk"}),
            tables=RISK_PROJECTION.tables,
            fold=fold,
            file="risk.sql",
        )


async def halted(desk: Desk) -> None:
    """A history with a halt in it."""
    history = History(64)
    await desk.append(history, 400)
    assert "TradingHalted" in {event.type for event in desk.log.store.events}


async def test_a_restart_tries_again_and_the_same_process_does_not(desk: Desk) -> None:
    allergy = Allergy()
    await halted(desk)
    async with desk.running([allergy.projection()]):
        await until_failed(desk, "risk")
        allergy.active = False
        for _ in range(5):
            await desk.clock.sleep(0.5)
        assert (await until_failed(desk, "risk"))["failed_type"] == "TradingHalted"
    async with desk.running([allergy.projection()]) as runner:
        await desk.caught_up("risk")
        (status,) = await runner.status()
    assert (status.state, status.failure, status.failed_position) == ("active", None, None)


async def test_a_rebuild_that_succeeds_lets_the_running_process_go_on(desk: Desk) -> None:
    allergy = Allergy()
    await halted(desk)
    async with desk.running([allergy.projection()]):
        await until_failed(desk, "risk")
        allergy.active = False
        await desk.runner([allergy.projection()]).rebuild("risk")
        await append_all(desk.log, list(History(65).events(50)))
        await desk.caught_up("risk")


async def test_a_rebuild_that_meets_poison_leaves_the_old_build(desk: Desk) -> None:
    allergy = Allergy()
    allergy.active = False
    await halted(desk)
    runner = desk.runner([allergy.projection()])
    await runner.install()
    lease = await desk.lease(allergy.projection())
    await desk.worker(lease, allergy.projection()).catch_up()
    before = await desk.digest(allergy.projection())
    allergy.active = True
    with pytest.raises(Poisoned):
        await runner.rebuild("risk")
    assert await desk.digest(allergy.projection()) == before
    assert len(await desk.schemas()) == 1


async def test_a_new_version_that_meets_poison_says_so_at_the_old_build(desk: Desk) -> None:
    allergy = Allergy()
    await halted(desk)
    await desk.runner([RISK_PROJECTION]).install()
    newer = allergy.projection()
    newer.version += 1
    async with desk.running([newer]):
        failed = await until_failed(desk, "risk")
    assert failed["version"] == RISK_PROJECTION.version
    assert failed["failed_type"] == "TradingHalted"
    assert len(await desk.schemas()) == 1


async def test_a_table_that_vanishes_stops_its_projection_alone(desk: Desk) -> None:
    history = History(66)
    await desk.append(history, 100)
    async with desk.running() as runner:
        await desk.caught_up()
        await desk.connection.execute(f"drop table {FIRST_BUILD}.executions cascade")
        await desk.append(history, 100)
        failed = await until_failed(desk, "orders")
        await desk.caught_up("accounts", "order_timeline", "risk")
        assert "UndefinedTable" in failed["failure"]
        assert failed["failed_position"] is None
        await runner.rebuild("orders")
        await desk.caught_up("orders")
