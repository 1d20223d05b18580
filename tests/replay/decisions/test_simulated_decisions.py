"""Every decision of a few simulated histories, with crashes, races and lost answers, again."""

import asyncio
from collections.abc import Iterable

import msgspec
import pytest

from domain.log import RecordedEvent
from tests.doubles.memory_log import MemoryStore
from tests.replay.decisions.replaying import replay
from tests.simulation.engine.run import run_seed
from tests.simulation.market import TRADED, SimulatedInstruments
from tests.simulation.scenario import scenario


class _Line(msgspec.Struct):
    """A line of tests/simulation/engine/transcript.py."""

    position: int
    stream: str
    version: int
    type: str
    recorded_at: str
    id: str
    data: msgspec.Raw
    metadata: msgspec.Raw


def events_of(transcript: bytes) -> Iterable[RecordedEvent]:
    for line in transcript.splitlines():
        read = msgspec.json.decode(line, type=_Line)
        values = msgspec.structs.asdict(read)
        values |= {"data": bytes(read.data), "metadata": bytes(read.metadata)}
        yield msgspec.convert(values, RecordedEvent)


def stored(transcript: bytes) -> MemoryStore:
    store = MemoryStore()
    for event in events_of(transcript):
        store.events.append(event)
        store.streams.setdefault(event.stream, []).append(event)
    return store


@pytest.mark.parametrize("seed", range(1, 21))
def test_no_decision_of_a_simulated_history_differs(seed: int) -> None:
    outcome = run_seed(seed, scenario)
    report = asyncio.run(replay(stored(outcome.events), SimulatedInstruments(TRADED)))
    assert report.decisions
    assert report.is_clean, report
