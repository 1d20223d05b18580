"""Rebuilt read models against folding every aggregate from its beginning."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.event import decode, format_time
from domain.log import category_of
from infra.composition.replay_rebuild import ProjectedModels, projections_named
from projections.folding import EVENTS_AT_A_TIME
from replay.rebuild_models import Happened
from tests.projections.desk import open_desk
from tests.projections.expected import Expected
from tests.projections.history import History
from tests.replay.rebuilding import TABLES, Archive, Heard, open_archive

CUTS = 25
LIVE_CUTS = 6


@pytest.fixture
async def archive(postgres_dsn: str) -> AsyncIterator[Archive]:
    async with open_archive(postgres_dsn) as opened:
        yield opened


@given(seed=st.integers(0, 2**32), steps=st.integers(1, 300), page_size=st.sampled_from((1, 7, 60)))
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_any_history_at_any_cut(
    postgres_dsn: str, seed: int, steps: int, page_size: int
) -> None:
    async with open_archive(postgres_dsn) as archive:
        await archive.append(History(seed), steps)
        events = archive.log.store.events
        cut = random.Random(seed).randint(1, len(events))
        await archive.connection.execute("drop schema if exists past, replay cascade")
        manifest = await archive.rebuild(cut, "past", page_size=page_size)
        await archive.assert_shows("past", Expected(events[:cut]))
        assert manifest.events == cut


async def test_many_cuts_of_one_history(archive: Archive) -> None:
    """Each in its own schema, one beside the other, while the log goes on."""
    history = History(21)
    positions: list[int] = []
    for number in range(CUTS):
        await archive.append(history, 40)
        positions.append(random.Random(number).randint(1, await archive.log.head()))
        await archive.rebuild(positions[-1], f"cut_{number}")
    for number, position in enumerate(positions):
        await archive.assert_shows(f"cut_{number}", Expected(archive.log.store.events[:position]))


async def test_an_instant_is_what_was_recorded_by_then(archive: Archive) -> None:
    await archive.append(History(22), 200)
    event = archive.log.store.events[120]
    heard = Heard()
    text = format_time(event.recorded_at)
    manifest = await archive.rebuilder().rebuild(text, "past", (), heard)
    assert (manifest.cut.position, manifest.cut.asked_for) == (event.position, text)
    assert manifest.cut.recorded_at == event.recorded_at
    assert [cut.position for cut in heard.cuts] == [event.position]
    assert (heard.checkpoints[-1], heard.digested) == (event.position, 1)
    await archive.assert_shows("past", Expected(archive.log.store.events[: event.position]))


async def test_reservations_and_the_timeline(archive: Archive) -> None:
    await archive.append(History(11), 500)
    cut = 300
    await archive.rebuild(cut, "past")
    events = archive.log.store.events[:cut]
    held = await archive.rows("past", "reservations", "order_id")
    assert {key[0]: (row["quantity"], row["amount"]) for key, row in held.items()} == {
        order_id: (reservation.quantity, reservation.amount)
        for account in Expected(events).accounts.values()
        for order_id, reservation in account.reservations.items()
    }
    timeline = await archive.rows("past", "order_timeline", "position")
    stored = [event for event in events if category_of(event.stream) == "order"]
    assert {(int(key[0]), row["type"]) for key, row in timeline.items()} == {
        (event.position, event.type) for event in stored
    }


async def test_each_cut_is_what_the_running_system_showed_there(postgres_dsn: str) -> None:
    """Row by row in the columns that ``read`` has; and the running system is not touched."""
    async with open_desk(postgres_dsn) as desk, open_archive(postgres_dsn) as archive:
        history = History(23)
        archive.log = desk.log
        async with desk.running():
            for number in range(LIVE_CUTS):
                await desk.append(history, 80)
                await desk.caught_up()
                builds = await desk.schemas()
                await archive.rebuild(await desk.log.head(), f"past_{number}")
                assert await desk.schemas() == builds
                for table in TABLES:
                    assert await rows_apart(archive, table, f"past_{number}") == 0, table
        counts = [
            await archive.connection.fetchval(f"select count(*) from past_{number}.order_timeline")
            for number in range(LIVE_CUTS)
        ]
    assert 0 < counts[0] < counts[-1]


async def rows_apart(archive: Archive, table: str, schema: str) -> int:
    """How many rows of a view in ``read`` and of the rebuilt table have no equal in the other."""
    columns = await archive.connection.fetchval(
        "select string_agg(attname, ', ' order by attnum) from pg_attribute"
        " where attrelid = $1::regclass and attnum > 0",
        f"read.{table}",
    )
    apart: int = await archive.connection.fetchval(
        f"select count(*) from (select ({columns})::text from read.{table}) a (row)"
        f" full join (select ({columns})::text from {schema}.{table}) b (row)"
        f" on a.row = b.row where a.row is null or b.row is null"
    )
    return apart


async def test_only_some_of_the_read_models(archive: Archive) -> None:
    await archive.append(History(24), 100)
    manifest = await archive.rebuild(90, "past", ["risk", "orders"])
    assert manifest.models.keys() == {"orders", "risk"}
    assert [table.table for table in manifest.tables] == ["orders", "executions", "risk"]
    assert manifest.events == 90
    records = await archive.connection.fetch(
        "select tablename from pg_tables where schemaname = 'past'"
    )
    assert {record["tablename"] for record in records} == {"orders", "executions", "risk"}


async def test_a_page_is_written_while_the_next_is_folded(archive: Archive) -> None:
    """The loop gets its turn after every few events, whatever a page holds."""
    await archive.append(History(25), EVENTS_AT_A_TIME * 12)
    page = [each async for some in archive.log.read_all(page_size=10_000) for each in some]
    models = ProjectedModels(archive.pool, "past", projections_named(["order_timeline"]))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    await models.fold([Happened(recorded, decode(recorded)) for recorded in page])
    task.cancel()
    of_orders = sum(category_of(recorded.stream) == "order" for recorded in page)
    assert turns >= of_orders // EVENTS_AT_A_TIME > 3
