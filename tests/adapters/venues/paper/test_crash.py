"""kill -9 at any moment: what the venue has told is in its journal, and it goes on from there."""

import asyncio
import signal
import sys
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import asyncpg
import msgspec

from adapters.venues.paper.book import Book
from adapters.venues.paper.entry import Entry, Opened, as_report
from adapters.venues.paper.postgres_journal import PostgresJournal
from domain.venue import Accepted, FillReport, Report
from tests.adapters.venues.paper.crash_child import Told
from tests.doubles.manual_clock import ManualClock

REPOSITORY = Path(__file__).parents[4]


async def told_by_a_venue_killed_after(lines: int, dsn: str, life: str) -> list[Told]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.adapters.venues.paper.crash_child", dsn, life,
        cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    output = [await child.stdout.readline() for _ in range(lines)]
    child.send_signal(signal.SIGKILL)
    output += (await child.stdout.read()).splitlines(keepends=True)
    assert await child.wait() == -signal.SIGKILL
    return [msgspec.json.decode(line, type=Told) for line in output if line.endswith(b"\n")]


async def journal_entries(dsn: str) -> list[Entry]:
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
        journal = await PostgresJournal.open(pool, ManualClock())
        return [entry async for page in journal.load() for entry in page]


def assert_all_told_is_kept(told: list[Told], entries: list[Entry]) -> None:
    opened = {e.client_order_id: e.venue_order_id for e in entries if isinstance(e, Opened)}
    kept: set[Report] = {report for e in entries if (report := as_report(e)) is not None}
    for line in told:
        if isinstance(line.outcome, Accepted):
            assert opened[line.client_order_id] == line.outcome.venue_order_id
        if line.report is not None:
            assert line.report in kept


LINES = (1, 40, 300)
"""How much each life tells before it ends."""


async def test_nothing_told_is_lost_and_the_next_life_goes_on(postgres_dsn: str) -> None:
    told: list[Told] = []
    for life, count in enumerate(LINES):
        told += await told_by_a_venue_killed_after(count, postgres_dsn, str(life))
        entries = await journal_entries(postgres_dsn)
        assert_all_told_is_kept(told, entries)
        fills = [entry for entry in entries if isinstance(entry, FillReport)]
        ids = [int(fill.trade_id) for fill in fills]
        assert all(after == before + 1 for before, after in pairwise(ids))
        assert_the_book_adds_up(entries, fills)


def assert_the_book_adds_up(entries: list[Entry], fills: list[FillReport]) -> None:
    sides = {e.client_order_id: e.order.terms.side for e in entries if isinstance(e, Opened)}
    held = sum((sides[f.client_order_id].sign * f.quantity for f in fills), Decimal(0))
    assert Book.of(entries).position("a", "AAAUSDT") == held
