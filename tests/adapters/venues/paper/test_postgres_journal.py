"""The journal in a real Postgres: appended once, by one venue, and never changed."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, get_args

import asyncpg
import pytest

from adapters.venues.paper import postgres_journal
from adapters.venues.paper.book import Book
from adapters.venues.paper.entry import Entry, Transferred
from adapters.venues.paper.journal import JournalFailed
from adapters.venues.paper.postgres_journal import PostgresJournal, journal_pool
from adapters.venues.paper.recovery import recover
from adapters.venues.paper.snapshot import seal
from domain.order.terms import Side
from domain.venue import Accepted, VenueUnavailable
from tests.adapters.venues.paper.running import running_venue
from tests.adapters.venues.paper.scenario import START, Scenario, fill_reports
from tests.adapters.venues.paper.test_venue import limit_order
from tests.doubles.manual_clock import ManualClock

if TYPE_CHECKING:
    Pool = asyncpg.Pool[asyncpg.Record]


@pytest.fixture
async def pool(postgres_dsn: str) -> AsyncGenerator["Pool"]:
    async with journal_pool(postgres_dsn) as pool:
        yield pool


@pytest.fixture
async def journal(pool: "Pool") -> PostgresJournal:
    return await PostgresJournal.open(pool, ManualClock())


def some_entries() -> list[Entry]:
    """One of every kind."""
    s = Scenario()
    s.quote("10.0", "10.1", asks="3")
    s.order("m", "buy", "market", "5")
    s.order("g", "buy", "limit", "1", limit_price="9",
            time_in_force="gtd", expire_at=START + timedelta(seconds=10))  # fmt: skip
    s.amend("m", quantity="4")
    s.order("t", "sell", "trailing_stop", "2", trailing_offset="1")
    s.trade("10.5")
    s.trade("9.5")
    s.cancel("m")
    s.advance(60)
    s.keep(s.engine.transfer("a", "t", "USDT", Decimal("0.10"), s.tick()))
    s.keep(s.engine.bust(fill_reports(s.journal)[0], Side.BUY, "erroneous", s.tick()))
    assert len({type(entry) for entry in s.journal}) == len(get_args(Entry))
    return s.journal


async def all_of(journal: PostgresJournal, after: int = 0) -> list[Entry]:
    return [entry async for page in journal.load(after) for entry in page]


async def test_what_was_appended_is_loaded_in_order_over_pages(
    journal: PostgresJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = some_entries()
    await journal.append(0, entries[:3])
    await journal.append(3, entries[3:])
    for page in (1, 2, 5_000):
        monkeypatch.setattr(postgres_journal, "PAGE", page)
        assert await all_of(journal) == entries
        assert await all_of(journal, after=4) == entries[4:]
        assert await all_of(journal, after=1_000) == []


async def test_opening_again_keeps_what_is_there(pool: "Pool", journal: PostgresJournal) -> None:
    await journal.append(0, some_entries())
    again = await PostgresJournal.open(pool, ManualClock())
    assert await all_of(again) == some_entries()


async def test_the_same_append_again_is_the_same_append(journal: PostgresJournal) -> None:
    await journal.append(0, some_entries())
    await journal.append(0, some_entries())
    assert await all_of(journal) == some_entries()


async def test_the_place_of_another_entry_cannot_be_taken(journal: PostgresJournal) -> None:
    first, second, *_ = some_entries()
    await journal.append(0, [first])
    with pytest.raises(JournalFailed, match="another venue"):
        await journal.append(0, [second])
    with pytest.raises(JournalFailed, match="another venue"):
        await journal.append(0, [first, second])
    assert await all_of(journal) == [first]


async def test_fills_are_found_by_account_and_time_without_busted_ones(
    journal: PostgresJournal,
) -> None:
    entries = some_entries()
    await journal.append(0, entries[:-1])
    fills = fill_reports(entries)
    assert await journal.fills_since("a", START) == fills
    assert await journal.fills_since("a", fills[-1].at) == fills[-1:]
    assert await journal.fills_since("a", fills[-1].at + timedelta(seconds=1)) == []
    assert await journal.fills_since("b", START) == []
    await journal.append(len(entries) - 1, entries[-1:])
    assert await journal.fills_since("a", START) == fills[1:]


async def test_one_execution_is_found_by_its_trade_id(journal: PostgresJournal) -> None:
    entries = some_entries()
    await journal.append(0, entries)
    for fill in fill_reports(entries):
        assert await journal.find_fill("a", fill.symbol, fill.trade_id) == fill
        assert await journal.find_fill("b", fill.symbol, fill.trade_id) is None
        assert await journal.find_fill("a", "BNBUSDT", fill.trade_id) is None


async def test_an_order_is_found_by_the_venues_id(journal: PostgresJournal) -> None:
    entries = some_entries()
    await journal.append(0, entries)
    of_orders = [entry for entry in entries if not isinstance(entry, Transferred)]
    for venue_order_id in {entry.venue_order_id for entry in of_orders}:
        expected = [entry for entry in of_orders if entry.venue_order_id == venue_order_id]
        assert await journal.entries_of_venue_order("a", venue_order_id) == expected
        assert await journal.entries_of_venue_order("b", venue_order_id) == []


async def test_a_client_id_used_again_tells_its_orders_apart(journal: PostgresJournal) -> None:
    s = Scenario()
    for _ in range(2):
        s.order("x", "buy", "limit", "1", limit_price="9")
        s.cancel("x")
    await journal.append(0, s.journal)
    assert await journal.entries_of("a", "x") == s.journal
    assert await journal.entries_of_venue_order("a", "1") == s.journal
    assert await journal.entries_of_venue_order("a", "2") == s.journal[2:]


async def test_a_few_snapshots_are_kept_newest_first(journal: PostgresJournal) -> None:
    entries = some_entries()
    snapshots = [
        seal(number, entries[number - 1], Book.of(entries[:number]).state())
        for number in range(1, 8)
    ]
    for snapshot in snapshots:
        await journal.save_snapshot(snapshot)
    assert await journal.snapshots() == snapshots[:-4:-1]
    await journal.put_snapshot_aside(7, "odd")
    assert await journal.snapshots() == snapshots[-2:-4:-1]
    await journal.save_snapshot(snapshots[-1])
    assert await journal.snapshots() == snapshots[:-4:-1]


async def test_a_snapshot_that_was_altered_in_the_database_is_not_used(
    pool: "Pool", journal: PostgresJournal
) -> None:
    entries = some_entries()
    await journal.append(0, entries)
    await journal.save_snapshot(seal(5, entries[4], Book.of(entries[:5]).state()))
    recovered = await recover(journal)
    assert (recovered.snapshot_at, recovered.position) == (5, len(entries))
    await pool.execute("UPDATE paper_venue.snapshots SET state = replace(state, '9', '8')")
    again = await recover(journal)
    assert (again.snapshot_at, again.position) == (0, len(entries))
    assert again.book.state() == recovered.book.state() == Book.of(entries).state()


async def test_executions_can_be_read_as_a_table(pool: "Pool", journal: PostgresJournal) -> None:
    entries = some_entries()
    await journal.append(0, entries)
    rows = await pool.fetch("SELECT * FROM paper_venue.executions ORDER BY sequence")
    told = [(row["trade_id"], row["quantity"], row["price"], row["fee"]) for row in rows]
    assert told == [(f.trade_id, f.quantity, f.price, f.fee) for f in fill_reports(entries)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE paper_venue.journal SET account_id = 'b'",
        "DELETE FROM paper_venue.journal",
        "TRUNCATE paper_venue.journal",
    ],
)
async def test_the_database_refuses_to_change_it(
    pool: "Pool", journal: PostgresJournal, statement: str
) -> None:
    await journal.append(0, some_entries())
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await pool.execute(statement)


async def test_a_gap_or_an_unknown_entry_stops_the_start(
    pool: "Pool", journal: PostgresJournal
) -> None:
    insert = (
        "INSERT INTO paper_venue.journal VALUES ($1, 'Odd', 'a', 'x', now(), '{\"type\": \"Odd\"}')"
    )
    await pool.execute(insert, 1)
    with pytest.raises(JournalFailed, match="does not know"):
        await all_of(journal)
    await pool.execute(insert, 3)
    with pytest.raises(JournalFailed, match="gap"):
        await all_of(journal)


async def test_what_the_database_refuses_fails_for_good(
    pool: "Pool", journal: PostgresJournal
) -> None:
    await pool.execute("DROP TABLE paper_venue.journal CASCADE")
    with pytest.raises(JournalFailed, match="refused"):
        await journal.append(0, some_entries())
    with pytest.raises(VenueUnavailable):
        await journal.fills_since("a", START)


class LosesAnswers:
    """A pool whose first append is committed and then loses its answer."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._has_lost = False

    async def execute(self, query: str, *args: object) -> str:
        answer = await self._pool.execute(query, *args)
        if not self._has_lost:
            self._has_lost = True
            raise ConnectionResetError
        return answer

    async def fetchval(self, query: str, *args: object) -> object:
        return await self._pool.fetchval(query, *args)


class StaysAway:
    """A pool that cannot connect."""

    async def execute(self, query: str, *args: object) -> str:
        raise ConnectionRefusedError


async def advance_until_done(clock: ManualClock, task: "asyncio.Task[None]") -> None:
    while not task.done():
        await clock.advance(1)
        await asyncio.wait([task], timeout=0.005)


async def test_an_append_that_lost_its_answer_is_found_in_its_place(
    pool: "Pool", journal: PostgresJournal
) -> None:
    clock = ManualClock()
    losing = PostgresJournal(LosesAnswers(pool), clock)  # type: ignore[arg-type]  # a double
    append = asyncio.create_task(losing.append(0, some_entries()))
    await advance_until_done(clock, append)
    await append
    assert await all_of(journal) == some_entries()


async def test_a_database_that_stays_away_fails_in_the_end() -> None:
    clock = ManualClock()
    journal = PostgresJournal(StaysAway(), clock)  # type: ignore[arg-type]  # a double
    append = asyncio.create_task(journal.append(0, some_entries()))
    while not append.done():
        await clock.advance(1)
        await asyncio.sleep(0)
    with pytest.raises(JournalFailed, match="does not answer"):
        await append


async def end_connections(dsn: str) -> None:
    admin = await asyncpg.connect(dsn)
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await admin.close()


async def test_the_venue_outlives_its_connections(
    pool: "Pool", journal: PostgresJournal, postgres_dsn: str
) -> None:
    clock = ManualClock()
    surviving = PostgresJournal(pool, clock)
    async with running_venue(surviving, clock) as venue:
        for number in range(5):
            await end_connections(postgres_dsn)
            answer = asyncio.create_task(venue.submit(limit_order(f"x{number}")))
            while not answer.done():
                await clock.advance(0.1)
                await asyncio.wait([answer], timeout=0.005)
            assert isinstance(await answer, Accepted)
        assert len(await venue.open_orders("a")) == 5


async def test_of_two_venues_on_one_journal_the_second_to_write_stops(
    pool: "Pool", journal: PostgresJournal
) -> None:
    clock = ManualClock()
    async with running_venue(journal, clock) as stale, running_venue(journal, clock) as venue:
        assert isinstance(await venue.submit(limit_order("x")), Accepted)
        assert not isinstance(await stale.submit(limit_order("y")), Accepted)
        assert [order.client_order_id for order in await venue.open_orders("a")] == ["x"]
        with contextlib.suppress(VenueUnavailable):
            orders: Sequence[object] = await stale.open_orders("a")
            raise AssertionError(orders)
