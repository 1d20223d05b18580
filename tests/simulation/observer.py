"""Watches every append of log and venue: tells the story on, and checks what must hold."""

from collections.abc import Callable, Iterator, Sequence

from adapters.venues.paper.entry import Entry
from domain.event import decode
from domain.log import RecordedEvent
from projections.projection import Fact
from tests.simulation.engine.violation import Violation
from tests.simulation.invariants import (
    attributed_adjustments,
    booked_fills,
    conserved_money,
    dense_versions,
    filled_quantity,
    halted_trading,
    one_leader,
    reserved_money,
    single_execution,
)
from tests.simulation.lease import LeaseStore
from tests.simulation.states import states_of_entry, states_of_event
from tests.simulation.story import Story

ON_EVENT: tuple[Callable[[Story, Fact], Iterator[str]], ...] = (
    attributed_adjustments.on_event,
    booked_fills.on_event,
    conserved_money.on_event,
    filled_quantity.on_event,
    halted_trading.on_event,
    one_leader.on_event,
    reserved_money.on_event,
)
ON_ENTRY: tuple[Callable[[Story, Entry], Iterator[str]], ...] = (
    single_execution.on_entry,
    filled_quantity.on_entry,
    reserved_money.on_entry,
)


class Observer:
    """Raises Violation at the step that breaks an invariant."""

    def __init__(self, story: Story, lease: LeaseStore, reached: Callable[[str], None]) -> None:
        self._story = story
        self._lease = lease
        self._reached = reached
        self._listeners: list[Callable[[Fact], None]] = []

    def listen(self, listener: Callable[[Fact], None]) -> None:
        """Tell it every event, in log order."""
        self._listeners.append(listener)

    def on_append(self, records: Sequence[RecordedEvent]) -> None:
        for record in records:
            fact = Fact(record, decode(record))
            _raise_first(dense_versions.on_event(fact))
            for state in states_of_event(self._story, fact.event):
                self._reached(state)
            self._story.tell(fact)
            for check in ON_EVENT:
                _raise_first(check(self._story, fact))
            for listener in self._listeners:
                listener(fact)

    def on_entry(self, entry: Entry) -> None:
        for state in states_of_entry(self._story, entry):
            self._reached(state)
        self._story.tell_venue(entry)
        for check in ON_ENTRY:
            _raise_first(check(self._story, entry))

    def on_request(self, epoch: int, request: str, client_order_id: str) -> None:
        _raise_first(
            one_leader.on_request(self._lease, epoch, f"the {request} of {client_order_id}")
        )
        _raise_first(halted_trading.on_request(self._story, request, client_order_id))


def _raise_first(broken: Iterator[str]) -> None:
    for text in broken:
        raise Violation(text)
