"""Aggregates at cuts, against folding every event up to there by itself."""

import json
import random
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InvalidInput, NotFound
from domain.event import UnknownEventType, decode, format_time
from domain.log import RecordedEvent
from domain.strategy.strategy import Strategy
from replay.state.state import FoldFailed, State, state_of
from tests.doubles.memory_log import MemoryEventLog
from tests.projections.expected import Expected
from tests.projections.history import History, append_all, new_event

NOW = datetime(2030, 1, 1, tzinfo=UTC)


async def a_log(seed: int, events: int) -> MemoryEventLog:
    log = MemoryEventLog()
    await append_all(log, list(History(seed).events(events)))
    return log


async def at(log: MemoryEventLog, stream: str, as_of: int | str) -> State:
    return await state_of(log, stream, str(as_of), NOW)


@given(seed=st.integers(0, 2**32), events=st.integers(1, 250))
@settings(max_examples=15, deadline=None, derandomize=True)
async def test_any_history_at_any_cut(seed: int, events: int) -> None:
    log = await a_log(seed, events)
    cut = random.Random(seed).randint(1, await log.head())
    before = log.store.events[:cut]
    expected = Expected(before)
    last = {event.stream: event for event in before}
    for stream, event in last.items():
        found = await at(log, stream, cut)
        assert (found.version, found.position) == (event.version, event.position)
        assert found.recorded_at == event.recorded_at
        assert found.cut.position == cut
        assert json.loads(json.dumps(found.state), parse_float=_refused) == found.state
    await _compare(log, cut, expected)


async def _compare(log: MemoryEventLog, cut: int, expected: Expected) -> None:
    for (order_id,), row in expected.order_rows().items():
        state = (await at(log, f"order-{order_id}", cut)).state
        for name in ("status", "cum_quantity", "leaves_quantity", "average_price"):
            assert state[name] == _text(row[name]), name
    for (account_id, asset), row in expected.balance_rows().items():
        state = (await at(log, f"account-{account_id}", cut)).state
        assert state["funds"][asset] == {name: _text(value) for name, value in row.items()}  # type: ignore[call-overload,index]  # an object of objects
    for (scope,), row in expected.risk_rows().items():
        state = (await at(log, f"risk-{scope}", cut)).state
        assert (state["state"], state["limits"]) == (row["state"], row["limits"])


def _text(value: Any) -> Any:
    return f"{value:f}" if isinstance(value, Decimal) else value


def _refused(text: str) -> float:
    raise AssertionError(f"{text} is a binary float")


async def test_an_instant_is_what_was_recorded_by_then() -> None:
    log = await a_log(3, 150)
    event = log.store.events[100]
    by_instant = await at(log, event.stream, format_time(event.recorded_at))
    by_position = await at(log, event.stream, event.position)
    assert by_instant.state == by_position.state
    assert by_instant.cut.position == event.position


async def test_before_a_correction_and_after_it() -> None:
    """The fill stands at the position before its bust, and is gone at the bust."""
    log = await a_log(7, 1_500)
    busts = [event for event in log.store.events if event.type == "FillBusted"]
    assert len(busts) > 3
    for bust in busts:
        trade = msgspec.json.decode(bust.data)["fill"]["trade_id"]
        before = (await at(log, bust.stream, bust.position - 1)).state
        after = (await at(log, bust.stream, bust.position)).state
        assert trade in before["fills"]  # type: ignore[operator]  # a mapping
        assert trade not in after["fills"]  # type: ignore[operator]  # a mapping
        assert Decimal(str(before["cum_quantity"])) > Decimal(str(after["cum_quantity"]))


async def test_a_strategy() -> None:
    log, strategy = MemoryEventLog(), Strategy.empty("grid")
    strategy.define("Grid", "grid", {"step": "0.5"}, "ann", NOW)
    strategy.assign("b", NOW)
    strategy.assign("a", NOW)
    events = [(strategy.stream, event) for event in strategy.collect_events()]
    await append_all(log, events)  # type: ignore[arg-type]  # trigger_event only makes Events
    assert (await at(log, "strategy-grid", 1)).state["accounts"] == []
    assert (await at(log, "strategy-grid", 3)).state == {
        "name": "Grid",
        "kind": "grid",
        "parameters": {"step": "0.5"},
        "author": "ann",
        "accounts": ["a", "b"],
        "active": False,
    }


async def test_an_order_that_was_given_up_has_no_terms() -> None:
    log = await a_log(11, 800)
    gone = next(event for event in log.store.events if event.type == "OrderAbandoned")
    state = (await at(log, gone.stream, gone.position)).state
    assert (state["status"], state["leaves_quantity"]) == ("refused", "0")
    assert "terms" not in state


async def test_no_more_is_read_than_what_lies_before_the_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = await a_log(5, 400)
    stream, _ = Counter(event.stream for event in log.store.events).most_common(1)[0]
    first = next(event for event in log.store.events if event.stream == stream)
    read: list[RecordedEvent] = []

    def noting(recorded: RecordedEvent) -> Any:
        read.append(recorded)
        return decode(recorded)

    monkeypatch.setattr("replay.state.state.decode", noting)
    await at(log, stream, first.position)
    assert read == [first]


@pytest.mark.parametrize("stream", ["", "-", "order", "order-", "thing-1", "-order", "Order-1"])
async def test_what_is_no_stream(stream: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await at(MemoryEventLog(), stream, 1)
    assert (caught.value.code, caught.value.field) == ("invalid_stream", "stream")


async def test_a_stream_that_is_not_there() -> None:
    log = await a_log(5, 40)
    with pytest.raises(NotFound) as caught:
        await at(log, "order-none", 30)
    assert caught.value.code == "stream_not_found"
    late = log.store.events[-1]
    stream = next(e.stream for e in reversed(log.store.events) if e.version == 1)
    start = next(e.position for e in log.store.events if e.stream == stream)
    with pytest.raises(NotFound) as caught:
        await at(log, stream, start - 1)
    assert caught.value.code == "before_its_first_event"
    assert f"begins at position {start}, after {start - 1}" in str(caught.value)
    assert (await at(log, late.stream, late.position)).version == late.version


async def test_events_that_cannot_be_read_are_named() -> None:
    log = await a_log(5, 40)
    account = History(5).accounts[0]
    opened, deposit = History(5).taken()[:2]
    assert opened[0] == account.stream
    strange = msgspec.structs.replace(new_event(deposit[1], UUID(int=1).int), type="Imagined")
    position = (await log.append("account-x", [strange], expected_version=0)).position
    with pytest.raises(UnknownEventType, match=f"'Imagined' at position {position}"):
        await at(log, "account-x", position)
    headless = new_event(deposit[1], UUID(int=2).int)
    position = (await log.append("account-y", [headless], expected_version=0)).position
    with pytest.raises(FoldFailed, match=f"FundsDeposited at position {position}"):
        await at(log, "account-y", position)
