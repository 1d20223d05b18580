"""Read models against folding every aggregate from its beginning."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.event import known_types
from domain.log import category_of
from domain.risk.limits import Limits
from domain.risk.risk_limits import RiskLimits
from tests.projections.desk import BY_NAME, Desk, open_desk
from tests.projections.expected import Expected, Rows
from tests.projections.history import History, append_all

ANYTHING_LAWFUL = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


async def project_in_pages(desk: Desk, page_size: int) -> None:
    for projection in BY_NAME.values():
        lease = await desk.lease(projection)
        await desk.worker(lease, projection, page_size=page_size).catch_up()
        await desk.builds.release(desk.connection, lease)


async def rows_of(desk: Desk, view: str, *key: str) -> Rows:
    rows = await desk.connection.fetch(f"select * from read.{view}")
    return {tuple(str(row[column]) for column in key): _plain(dict(row)) for row in rows}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    ids = ("order_id", "account_id", "linked_order_id")
    return {
        name: str(value) if name in ids and value is not None else value
        for name, value in row.items()
    }


def assert_equal(actual: Rows, expected: Rows) -> None:
    """Every expected column, exactly: a Decimal equals a Decimal to the last digit."""
    assert actual.keys() == expected.keys()
    for key, columns in expected.items():
        shown = {name: actual[key][name] for name in columns}
        assert shown == columns, key


@given(seed=st.integers(0, 2**32), steps=st.integers(1, 400), page_size=st.sampled_from((1, 7, 60)))
@ANYTHING_LAWFUL
async def test_read_models_equal_the_aggregates(
    postgres_dsn: str, seed: int, steps: int, page_size: int
) -> None:
    async with open_desk(postgres_dsn) as desk:
        await desk.append(History(seed), steps)
        await desk.connection.execute("drop schema if exists projections, read cascade")
        await desk.runner().install()
        await project_in_pages(desk, page_size)
        expected = Expected(desk.log.store.events)

        assert_equal(await rows_of(desk, "orders", "order_id"), expected.order_rows())
        executions = await rows_of(desk, "executions", "order_id", "execution_number")
        assert_equal(executions, expected.execution_rows())
        assert_equal(
            await rows_of(desk, "balances", "account_id", "asset"), expected.balance_rows()
        )
        assert_equal(
            await rows_of(desk, "positions", "account_id", "symbol"), expected.position_rows()
        )
        assert_equal(await rows_of(desk, "risk", "scope"), expected.risk_rows())
        assert_equal(await rows_of(desk, "accounts", "account_id"), expected.account_rows())
        assert_equal(await rows_of(desk, "problems", "position"), expected.problem_rows())
        assert_equal(await rows_of(desk, "leaders", "venue", "epoch"), expected.leader_rows())


async def test_rows_do_not_tell_how_the_log_was_cut_into_batches(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.append(History(7), 600)
    digests = []
    for page_size, keep in ((1, 5_000), (13, 4), (40, 0), (1_000, 5_000)):
        monkeypatch.setattr("projections.folding.KEEP", keep)
        await desk.connection.execute("drop schema if exists projections, read cascade")
        await desk.runner().install()
        await project_in_pages(desk, page_size)
        digests.append({name: await desk.digest(p) for name, p in BY_NAME.items()})
    assert digests[1:] == digests[:-1]


async def test_reservations_are_the_accounts_own(desk: Desk) -> None:
    await desk.append(History(11), 500)
    await desk.runner().install()
    await project_in_pages(desk, 40)
    rows = await desk.connection.fetch("select order_id, quantity, amount from read.reservations")
    held = {str(row["order_id"]): (row["quantity"], row["amount"]) for row in rows}
    assert held
    assert held == {
        order_id: (reservation.quantity, reservation.amount)
        for account in Expected(desk.log.store.events).accounts.values()
        for order_id, reservation in account.reservations.items()
    }


async def test_the_timeline_holds_every_event_of_an_order_as_it_was_stored(desk: Desk) -> None:
    await desk.append(History(3), 200)
    await desk.runner().install()
    await project_in_pages(desk, 40)
    stored = [e for e in desk.log.store.events if category_of(e.stream) == "order"]
    rows = await desk.connection.fetch("select * from read.order_timeline order by position")
    assert [(f"order-{r['order_id']}", r["version"], r["position"], r["type"]) for r in rows] == [
        (e.stream, e.version, e.position, e.type) for e in stored
    ]
    same_data = "select data = $2::text::jsonb from read.order_timeline where position = $1"
    for event in stored:
        assert await desk.connection.fetchval(same_data, event.position, event.data.decode())
    assert {(r["actor"], r["correlation_id"]) for r in rows} == {("human:alice", "corr-1")}
    assert [r["recorded_at"] for r in rows] == [e.recorded_at for e in stored]


async def test_a_confirmed_halt_stays_so_whoever_goes_on_with_the_fold(desk: Desk) -> None:
    await desk.runner().install()
    limits: RiskLimits = RiskLimits.empty("system")
    now = History(12).now
    limits.halt("h", "drill", now)
    limits.confirm_halt(now)
    limits.set_limits("l", Limits(max_open_orders=1), "fewer", now)
    limits.resume("r", "over", now)
    seen = []
    for event in limits.pending:
        await append_all(desk.log, [(limits.stream, event)])
        await project_in_pages(desk, 10)
        seen.append(await desk.connection.fetchval("select halt_confirmed from read.risk"))
    assert seen == [False, True, True, None]


def test_histories_hold_every_event_there_is() -> None:
    made = {type(event).__name__ for _, event in History(9).events(4_000)}
    assert made == {
        name for name in known_types() if not name.startswith(("Strategy", "Client", "Subject"))
    }


async def test_an_order_that_was_abandoned_is_in_no_list_but_in_the_timeline(desk: Desk) -> None:
    history = History(10)
    history.abandon()
    await append_all(desk.log, history.taken())
    await desk.runner().install()
    await project_in_pages(desk, 40)
    for view in ("orders", "reservations"):
        assert await desk.connection.fetchval(f"select count(*) from read.{view}") == 0
    types = await desk.connection.fetch("select type from read.order_timeline")
    assert [row["type"] for row in types] == ["OrderAbandoned"]


@pytest.mark.parametrize(
    ("event", "code", "reason"),
    [
        ("OrderRefused", "price_collar", "0.2 from the quote"),
        ("OrderRejected", "insufficient_margin", "Margin ist nicht ausreichend 🚫"),
        ("OrderWithheld", "trading_halted", "trading in system was halted"),
    ],
)
async def test_an_order_says_why_it_was_not_taken(
    desk: Desk, event: str, code: str, reason: str
) -> None:
    await desk.append(History(5), 1_500)
    await desk.runner().install()
    await project_in_pages(desk, 200)
    streams = {e.stream for e in desk.log.store.events if e.type == event}
    assert streams
    rows = await desk.connection.fetch(
        "select refusal_code, reason from read.orders where 'order-' || order_id = any ($1)",
        list(streams),
    )
    assert {(r["refusal_code"], r["reason"]) for r in rows} == {(code, reason)}
