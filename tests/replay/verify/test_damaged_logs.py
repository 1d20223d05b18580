"""Whatever is taken from a log or moved in it, the verification ends and says so."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, cast

import msgspec
import pytest

from domain.log import RecordedEvent, category_of
from replay.verify.fact import read_fact
from replay.verify.finding import Finding
from replay.verify.live_tables import Row
from replay.verify.report import Report
from replay.verify.tables.registry import folds, rows_per_event
from replay.verify.verification import verify
from tests.doubles.memory_log import MemoryEventLog
from tests.projections.history import History, append_all

FEW, MANY = 100, 1_000

Damage = Callable[[list[RecordedEvent], RecordedEvent], None]


class TablesInMemory:
    """Read models that were made of a log while it was whole."""

    def __init__(self, events: Sequence[RecordedEvent]) -> None:
        self._head = events[-1].position
        facts = [read_fact(recorded) for recorded in events]
        self._tables: dict[str, list[Row]] = {
            table.name: [row for row in map(table.row, facts) if row is not None]
            for table in rows_per_event()
        }
        for fold in folds():
            for fact in facts:
                if fact.event is not None and category_of(fact.recorded.stream) == fold.category:
                    fold.apply(fact.recorded, fact.event)
            for table in fold.tables:
                self._tables[table.name] = [table.row(key) for key in table.keys()]  # noqa: SIM118  # no dict

    async def positions(self) -> Mapping[str, int]:
        return dict.fromkeys(self._tables, self._head)

    async def rows(self, table: str, *, by_position: bool = False) -> AsyncGenerator[Sequence[Row]]:
        rows = self._tables[table]
        if by_position:
            rows = sorted(rows, key=lambda row: cast("int", row["position"]))
        yield rows


async def a_log(events: int) -> MemoryEventLog:
    log = MemoryEventLog()
    await append_all(log, list(History(5).events(events)))
    return log


def taken_away(events: list[RecordedEvent], one: RecordedEvent) -> None:
    events.remove(one)


def taken_away_and_renumbered(events: list[RecordedEvent], one: RecordedEvent) -> None:
    """So that no version is missing: what follows is another story."""
    events.remove(one)
    for at, each in enumerate(events):
        if each.stream == one.stream and each.version > one.version:
            events[at] = msgspec.structs.replace(
                each, version=each.version - 1, data=with_version(each, each.version - 1)
            )


def moved_to_a_stream_of_its_own(events: list[RecordedEvent], one: RecordedEvent) -> None:
    """As its first event."""
    stream = f"{category_of(one.stream)}-elsewhere"
    data: dict[str, Any] = msgspec.json.decode(with_version(one, 1))
    altered = msgspec.json.encode({**data, "aggregate_id": "elsewhere"})
    events[events.index(one)] = msgspec.structs.replace(one, stream=stream, version=1, data=altered)


def moved_to_another_category(events: list[RecordedEvent], one: RecordedEvent) -> None:
    """As the first event there."""
    others = {"account": "order", "order": "risk", "risk": "account"}
    other = others.get(category_of(one.stream), "order")
    stream = f"{other}-{one.stream.partition('-')[2]}"
    events[events.index(one)] = msgspec.structs.replace(
        one, stream=stream, version=1, data=with_version(one, 1)
    )


def with_version(recorded: RecordedEvent, version: int) -> bytes:
    data: dict[str, Any] = msgspec.json.decode(recorded.data)
    return msgspec.json.encode({**data, "version": version})


async def report_on(log: MemoryEventLog, live: TablesInMemory) -> Report:
    return await verify(log, live, lambda *_: None)


async def test_a_whole_log() -> None:
    log = await a_log(MANY)
    report = await report_on(log, TablesInMemory(log.store.events))
    assert not any(table.differences for table in report.tables)
    assert not found_by(report, "streams fold")
    assert all(table.rows for table in report.tables)


@pytest.mark.parametrize(
    "damage",
    [
        taken_away,
        taken_away_and_renumbered,
        moved_to_a_stream_of_its_own,
        moved_to_another_category,
    ],
)
async def test_one_event(damage: Damage) -> None:
    """Each in its turn."""
    log = await a_log(FEW)
    whole, live = list(log.store.events), TablesInMemory(log.store.events)
    for one in whole:
        log.store.events[:] = whole
        damage(log.store.events, one)
        report = await report_on(log, live)
        assert any(table.differences for table in report.tables), one


@pytest.mark.parametrize(
    ("category", "name"), [("account", "accounts"), ("order", "orders"), ("risk", "risk")]
)
async def test_the_beginning_of_a_stream(category: str, name: str) -> None:
    """What follows makes no row."""
    log = await a_log(MANY)
    events = log.store.events
    live = TablesInMemory(events)
    second = next(e for e in events if e.version == 2 and category_of(e.stream) == category)
    events.remove(next(e for e in events if e.version == 1 and e.stream == second.stream))
    report = await report_on(log, live)
    for check in ("streams fold", "versions are contiguous"):
        found = found_by(report, check)
        assert [(each.subject, each.position) for each in found] == [
            (second.stream, second.position)
        ]
    (table,) = [each for each in report.tables if each.table == name]
    (extra,) = table.listed
    assert tuple(extra.key.values()) == (second.stream.partition("-")[2],)
    assert extra.expected is None


def found_by(report: Report, name: str) -> Sequence[Finding]:
    return next(check.listed for check in report.checks if check.check == name)
