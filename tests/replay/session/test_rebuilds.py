"""A whole session, and every rebuild of it as of a position: row by row what was shown there."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
import msgspec
import psycopg
import pytest

from infra.composition.replay_rebuild import rebuilder
from infra.settings import Settings
from replay.manifest import Manifest, TableDigest, root_digest
from tests.end_to_end.process import patriot
from tests.replay.rebuilding import Heard
from tests.replay.session.recorded import RecordedSession, Taken
from tests.replay.session.state import (
    State,
    differences,
    layout,
    read_state,
    shortened,
    shown_columns,
)

if TYPE_CHECKING:
    from asyncpg import Connection, Record

HAPPENED = frozenset(
    {
        *("AccountOpened", "FundsDeposited", "FundsWithdrawn", "FundsReserved"),
        *("ReservationChanged", "ReservationReleased", "FillSettled", "FillReversed"),
        *("ExternalOrderFound", "PositionAdjusted", "BalanceAdjusted"),
        *("ExternalActivityAcknowledged", "LeaderEpochStarted", "RiskLimitsSet"),
        *("TradingHaltRequested", "TradingHalted", "TradingReduced", "TradingResumed"),
        *("OrderPlaced", "OrderRefused", "OrderSubmitting", "OrderAccepted"),
        *("OrderTriggered", "TrailingStopMoved", "OrderFilled", "FillBusted"),
        *("OrderCancelRequested", "OrderCancelled", "OrderAmendRequested", "OrderAmended"),
        "OrderExpired",
    }
)

REFUSED = frozenset(
    {
        *("max_open_orders_exceeded", "max_order_value_exceeded", "price_collar_exceeded"),
        *("insufficient_funds", "instrument_not_allowed", "duplicate_order"),
        *("message_rate_exceeded", "trading_halted", "trading_reducing"),
    }
)

KINDS = frozenset(
    {
        *("market", "limit", "stop_loss", "take_profit", "trailing_stop", "linked"),
        *("ioc", "fok", "gtd", "post_only", "reduce_only"),
    }
)

LANES = 2

_KINDS = """
with placed as (
    select convert_from(data, 'UTF8')::jsonb as data from log.events where type = 'OrderPlaced'
)
select data -> 'terms' ->> 'type' from placed
union select data -> 'terms' ->> 'time_in_force' from placed
union select 'post_only' from placed where (data -> 'terms' ->> 'post_only')::boolean
union select 'reduce_only' from placed where (data -> 'terms' ->> 'reduce_only')::boolean
union select 'linked' from placed where data ->> 'linked_order_id' is not null
"""


def test_everything_has_happened_in_it(session: RecordedSession) -> None:
    with psycopg.connect(session.dsn) as connection:
        types = {row[0] for row in connection.execute("select distinct type from log.events")}
        kinds = {row[0] for row in connection.execute(_KINDS)}
    assert types >= HAPPENED
    assert kinds >= KINDS
    assert session.refusals.keys() >= REFUSED


def test_the_states_were_taken_while_it_went_on(session: RecordedSession) -> None:
    assert all(taken.head > taken.position for taken in session.taken[:-1])
    states = {tuple(map(tuple, taken.state.lines.values())) for taken in session.taken}
    assert len(states) == len(session.taken)
    rows = session.taken[-1].state.lines
    assert all(rows.values()), [name for name in rows if not rows[name]]


class Looking:
    """What stands in rebuilt schemas."""

    def __init__(self, connection: "Connection[Record]") -> None:
        self._connection = connection

    async def state(self, schema: str) -> State:
        return await read_state(self._connection, await layout(self._connection, [schema]))

    async def digests(self, state: State) -> dict[str, TableDigest]:
        """By table, of the columns that are shown."""
        return {
            table: TableDigest(
                table,
                len(state.lines[table]),
                state.digest(table, await shown_columns(self._connection, table)),
            )
            for table in state.tables
        }


@asynccontextmanager
async def looking(session: RecordedSession) -> AsyncIterator[Looking]:
    connection = await asyncpg.connect(session.dsn)
    try:
        await connection.execute("set timezone = 'UTC'; set datestyle = 'ISO, YMD'")
        yield Looking(connection)
    finally:
        await connection.close()


async def test_every_rebuild_is_what_was_shown(session: RecordedSession) -> None:
    """Two at a time, each in a schema of its own."""
    async with asyncio.TaskGroup() as group:
        lanes = [
            group.create_task(problems_of(session, session.taken[lane::LANES]))
            for lane in range(LANES)
        ]
    problems = [problem for lane in lanes for problem in lane.result()]
    assert not problems, shortened(problems)


async def problems_of(session: RecordedSession, some: Sequence[Taken]) -> Sequence[str]:
    """Of the first rebuild that has any."""
    settings = Settings(
        data_dir=session.data_dir, postgres_dsn=session.dsn, redis_url=session.redis_url
    )
    async with rebuilder(settings) as rebuilding, looking(session) as look:
        for taken in some:
            schema = f"as_of_{taken.position}"
            manifest = await rebuilding.rebuild(str(taken.position), schema, (), Heard())
            problems = await problems_with(taken, schema, manifest, look)
            if problems:
                return [f"as of position {taken.position}:", *problems]
            await rebuilding.drop(schema)
    return []


async def problems_with(
    taken: Taken, schema: str, manifest: Manifest, look: Looking
) -> Sequence[str]:
    """Rows that are not those that were taken, and digests that are not of those."""
    found = differences(taken.state, await look.state(schema))
    cut = (manifest.cut.position, manifest.events)
    if cut != (taken.position, taken.position):
        found.append(f"the manifest is of position {cut[0]}, of {cut[1]} events")
    expected = await look.digests(taken.state)
    found += [f"the digest is {t}" for t in manifest.tables if t != expected.pop(t.table, None)]
    found += [f"there is no digest of {name}" for name in expected]
    if manifest.root != root_digest(taken.position, manifest.tables):
        found.append(f"the root is {manifest.root}")
    return found


@pytest.mark.parametrize("number", [30, -1])
async def test_the_command_makes_the_same(session: RecordedSession, number: int) -> None:
    taken = session.taken[number]
    schema = f"by_command_{taken.position}"
    ended = patriot(
        *("rebuild", "--as-of", str(taken.position), "--into", schema, "--json"),
        data_dir=session.data_dir,
        env={"PATRIOT_POSTGRES_DSN": session.dsn, "PATRIOT_REDIS_URL": session.redis_url},
    )
    assert ended.returncode == 0, ended.stderr
    manifest = msgspec.convert(json.loads(ended.stdout), Manifest)
    async with looking(session) as look:
        problems = await problems_with(taken, schema, manifest, look)
    assert not problems, shortened(problems)
