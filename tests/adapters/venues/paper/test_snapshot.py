"""A start from a snapshot is the start from the whole journal, or it does not use it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.venues.paper.book import Book
from adapters.venues.paper.engine import MatchingEngine
from adapters.venues.paper.entry import Entry, decode, encode
from adapters.venues.paper.recovery import Recovered, recover
from adapters.venues.paper.snapshot import Snapshot, seal, unseal
from adapters.venues.paper.venue import PaperVenue
from domain.venue import EndReport, VenueUnavailable
from tests.adapters.venues.paper.inputs import (
    Operation,
    operation_sequences,
    play_operation,
    time_of,
)
from tests.adapters.venues.paper.scenario import FEES, INSTRUMENTS, Scenario
from tests.adapters.venues.paper.test_venue import limit_order, settle
from tests.doubles.manual_clock import ManualClock
from tests.doubles.memory_paper_journal import MemoryPaperJournal

EXAMPLES = settings(max_examples=100, deadline=None, derandomize=True)


def play_all(operations: list[Operation]) -> list[Entry]:
    engine, journal = MatchingEngine(Book(), INSTRUMENTS, FEES), list[Entry]()
    for index, each in enumerate(operations):
        journal.extend(play_operation(engine, each, time_of(index), journal).entries)
    return journal


@EXAMPLES
@given(operation_sequences, operation_sequences, st.data())
def test_snapshot_and_tail_are_the_whole_journal(
    before: list[Operation], after: list[Operation], data: st.DataObject
) -> None:
    journal = play_all(before)
    if not journal:
        return
    taken_at = data.draw(st.integers(1, len(journal)))
    snapshot = seal(taken_at, journal[taken_at - 1], Book.of(journal[:taken_at]).state())
    book, whole = unseal(snapshot), Book.of(journal)
    for entry in journal[taken_at:]:
        book.apply(entry)
    assert book.state() == whole.state()
    engines = [MatchingEngine(each, INSTRUMENTS, FEES) for each in (book, whole)]
    for index, each in enumerate(after, len(before)):
        steps = [play_operation(engine, each, time_of(index), journal) for engine in engines]
        assert steps[0] == steps[1]
        journal.extend(steps[0].entries)


async def written_journal() -> MemoryPaperJournal:
    s = Scenario()
    s.quote("10.0", "10.1", asks="3")
    s.order("m", "buy", "market", "5")
    s.order("l", "buy", "limit", "2", limit_price="9")
    s.trade("9.0", "1")
    journal = MemoryPaperJournal()
    await journal.append(0, s.journal)
    return journal


async def recovered_from(journal: MemoryPaperJournal) -> Recovered:
    """Never other than what the whole journal says."""
    recovered = await recover(journal)
    entries = journal.entries()
    assert recovered.book.state() == Book.of(entries).state()
    assert recovered.position == len(entries)
    assert recovered.last_entry == entries[-1]
    return recovered


def snapshot_of(journal: MemoryPaperJournal, sequence: int) -> Snapshot:
    entries = journal.entries()[:sequence]
    return seal(sequence, entries[-1], Book.of(entries).state())


async def test_the_newest_sound_snapshot_is_used() -> None:
    journal = await written_journal()
    for sequence in (1, 3):
        await journal.save_snapshot(snapshot_of(journal, sequence))
    assert (await recovered_from(journal)).snapshot_at == 3
    assert journal.put_aside == {}


OLD_ENDS = [
    '{"type":"CancelReport","client_order_id":"l","venue_order_id":"1","account_id":"a",'
    '"reason":"user","at":"2026-01-01T00:00:00Z"}',
    '{"type":"ExpireReport","client_order_id":"l","venue_order_id":"1","account_id":"a",'
    '"at":"2026-01-01T00:00:00Z"}',
]


@pytest.mark.parametrize("text", OLD_ENDS)
async def test_an_end_from_before_its_quantity_was_kept_is_still_read(text: str) -> None:
    """Also where a snapshot was taken right after it: the entry is what it was then."""
    s = Scenario()
    s.order("l", "buy", "limit", "2", limit_price="9")
    end = decode(text)
    assert isinstance(end, EndReport)
    assert end.cum_quantity is None
    assert encode(end) == text
    journal = MemoryPaperJournal()
    await journal.append(0, [*s.journal, end])
    await journal.save_snapshot(snapshot_of(journal, 2))
    assert (await recovered_from(journal)).snapshot_at == 2


def truncated(snapshot: Snapshot) -> Snapshot:
    half = snapshot.state[: len(snapshot.state) // 2]
    return msgspec.structs.replace(snapshot, state=half)


def bit_flipped(snapshot: Snapshot) -> Snapshot:
    flipped = snapshot.state.replace('"cum_quantity":"3"', '"cum_quantity":"2"')
    assert flipped != snapshot.state
    return msgspec.structs.replace(snapshot, state=flipped)


def newer_than_the_journal(snapshot: Snapshot) -> Snapshot:
    return seal(1_000, another_entry(), unseal(snapshot).state())


def of_another_journal(snapshot: Snapshot) -> Snapshot:
    return seal(snapshot.sequence, another_entry(), unseal(snapshot).state())


def another_entry() -> Entry:
    return Scenario().order("l", "buy", "limit", "2", limit_price="9").entries[0]


def of_another_version(snapshot: Snapshot) -> Snapshot:
    return msgspec.structs.replace(snapshot, version=snapshot.version + 1)


@pytest.mark.parametrize(
    "damage",
    [
        truncated,
        bit_flipped,
        newer_than_the_journal,
        of_another_journal,
        of_another_version,
    ],
)
@pytest.mark.parametrize("older", [None, 1])
async def test_an_unsound_snapshot_is_put_aside(
    damage: Callable[[Snapshot], Snapshot], older: int | None
) -> None:
    journal = await written_journal()
    if older is not None:
        await journal.save_snapshot(snapshot_of(journal, older))
    damaged = damage(snapshot_of(journal, 3))
    await journal.save_snapshot(damaged)
    assert (await recovered_from(journal)).snapshot_at == (older or 0)
    assert list(journal.put_aside) == [damaged.sequence]
    assert (await recovered_from(journal)).snapshot_at == (older or 0)


@asynccontextmanager
async def venue_with_snapshots(journal: MemoryPaperJournal) -> AsyncIterator[PaperVenue]:
    """One after every third entry."""
    venue = await PaperVenue.open(journal, INSTRUMENTS, FEES, ManualClock(), snapshot_every=3)
    run = asyncio.create_task(venue.run())
    try:
        await settle()
        yield venue
    finally:
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)


async def test_a_running_venue_takes_one_every_so_often() -> None:
    journal = MemoryPaperJournal()
    async with venue_with_snapshots(journal) as venue:
        for number in range(10):
            await venue.submit(limit_order(f"x{number}"))
            await settle()
    assert list(journal.snapshot_texts) == [3, 6, 9]
    assert (await recovered_from(journal)).snapshot_at == 9


async def test_a_snapshot_waits_until_the_journal_has_its_entries() -> None:
    journal = MemoryPaperJournal()
    async with venue_with_snapshots(journal) as venue:
        journal.may_write.clear()
        submits = [asyncio.create_task(venue.submit(limit_order(f"x{n}"))) for n in range(4)]
        await settle()
        assert journal.snapshot_texts == {}
        journal.may_write.set()
        await asyncio.gather(*submits)
        await settle()
    assert list(journal.snapshot_texts) == [3]
    assert (await recovered_from(journal)).snapshot_at == 3


async def test_a_long_journal_without_one_gets_it_at_the_start() -> None:
    journal = await written_journal()
    async with venue_with_snapshots(journal):
        assert list(journal.snapshot_texts) == [len(journal.texts)]


async def test_a_snapshot_that_cannot_be_kept_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = MemoryPaperJournal()

    async def fail(snapshot: Snapshot) -> None:
        raise VenueUnavailable(str(snapshot.sequence))

    async with venue_with_snapshots(journal) as venue:
        with monkeypatch.context() as patched:
            patched.setattr(journal, "save_snapshot", fail)
            for number in range(4):
                await venue.submit(limit_order(f"x{number}"))
                await settle()
        for number in range(4, 8):
            await venue.submit(limit_order(f"x{number}"))
            await settle()
    assert list(journal.snapshot_texts) == [6]
