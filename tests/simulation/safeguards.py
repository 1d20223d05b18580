"""The safeguards, each switched off: what the core would be if somebody had left it out.

Every variant patches one place of the real classes for as long as its block runs. The simulation
must catch it; one that it does not catch is a hole in the simulation.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from unittest import mock

import msgspec

from domain.command import CommandContext
from domain.event import Event
from domain.execution import submission
from domain.execution.booking import Booking
from domain.execution.outcome import record_submit
from domain.execution.submission import Submission
from domain.log import Appended, NewEvent, RecordedEvent
from domain.order.events import OrderUnknown
from domain.order.order import Order
from domain.policies import policy_worker
from domain.policies.commands import AccountCommand, ReleaseReservation
from domain.policies.registry import commands_for
from domain.repository import Repository
from domain.use_cases.result import Done
from domain.venue import Absent, Ambiguous, FillReport, Outcome, VenueOrder
from tests.simulation.engine.store import SimulatedStore
from tests.simulation.lease import HeldLease
from tests.simulation.projector_process import ProjectionRun

Variant = Callable[[], AbstractContextManager[None]]


@contextmanager
def intent_after_send() -> Iterator[None]:
    """The venue is asked first, and the log told afterwards."""
    save = Repository.save
    held: dict[str, Callable[[], Awaitable[Appended | None]]] = {}

    async def save_later(
        self: Repository, order: Order, context: CommandContext, *inputs: object
    ) -> Appended | None:
        if any(type(event).__name__ == "OrderSubmitting" for event in order.pending):
            held[order.id] = lambda: save(self, order, context)
            return None
        return await save(self, order, context, *inputs)  # type: ignore[arg-type]  # as it came

    async def send_first(
        self: Submission, order_id: str, request: VenueOrder, context: CommandContext
    ) -> None:
        outcome = await self._venue.submit(request)
        await held.pop(order_id)()
        await self._record(order_id, outcome, record_submit, context)

    with (
        mock.patch.object(Repository, "save", save_later),
        mock.patch.object(Submission, "send", send_first),
    ):
        yield


@contextmanager
def no_fill_deduplication() -> Iterator[None]:
    """A fill is booked whenever the venue tells of it."""
    fill = Order.fill

    def fill_again(self: Order, report: FillReport, now: datetime) -> None:
        self.fills.pop(report.trade_id, None)
        fill(self, report, now)

    with mock.patch.object(Order, "fill", fill_again):
        yield


@contextmanager
def any_version() -> Iterator[None]:
    """The log takes what comes, whatever its writer had read."""
    append = SimulatedStore.append

    def append_anyway(
        self: SimulatedStore, stream: str, events: Sequence[NewEvent], expected_version: int
    ) -> Appended:
        recorded: Sequence[RecordedEvent] = self.streams.get(stream, [])
        if events[0].id in {event.id for event in recorded}:
            return append(self, stream, events, expected_version)
        return append(self, stream, events, len(recorded))

    with mock.patch.object(SimulatedStore, "append", append_anyway):
        yield


@contextmanager
def blind_resend() -> Iterator[None]:
    """No answer, so once more, under the same client order id."""
    send = Submission.send

    async def send_until_answered(
        self: Submission, order_id: str, request: VenueOrder, context: CommandContext
    ) -> None:
        await send(self, order_id, request, context)
        order = await self._look(order_id)
        if order.unknown:
            window = self._window(self._clock.now())
            again = msgspec.structs.replace(request, window=window)
            await send(self, order_id, again, context.caused("again"))

    with mock.patch.object(Submission, "send", send_until_answered):
        yield


@contextmanager
def rejected_at_once() -> Iterator[None]:
    """No answer is taken for a no."""

    def record(order: Order, outcome: Outcome, now: datetime) -> None:
        if isinstance(outcome, Ambiguous):
            order.reject("timeout", outcome.reason, now)
        else:
            record_submit(order, outcome, now)

    with mock.patch.object(submission, "record_submit", record):
        yield


@contextmanager
def rejected_after_one_absence() -> Iterator[None]:
    """An order that the venue does not have now is taken for one that it will never have."""
    book_absence = Booking.book_absence

    async def book_final(
        self: Booking, client_order_id: str, absent: Absent, *, is_final: bool
    ) -> Done:
        return await book_absence(self, client_order_id, absent, is_final=True)

    with mock.patch.object(Booking, "book_absence", book_final):
        yield


@contextmanager
def lease_without_fencing() -> Iterator[None]:
    """Who once had the lease believes to have it until told otherwise."""
    with mock.patch.object(HeldLease, "holds", return_value=True):
        yield


@contextmanager
def released_on_unknown() -> Iterator[None]:
    """Money is freed for an order that may be working."""

    def commands(event: Event) -> tuple[AccountCommand, ...]:
        if isinstance(event, OrderUnknown):
            return (ReleaseReservation(event.account_id, event.originator_id, "unknown"),)
        return commands_for(event)

    with mock.patch.object(policy_worker, "commands_for", commands):
        yield


@contextmanager
def checkpoint_apart() -> Iterator[None]:
    """Rows are written in one transaction, the checkpoint in the next."""

    async def commit(self: ProjectionRun, position: int, changes: Sequence[object]) -> None:
        self._store.write(changes)  # type: ignore[arg-type]  # as it came
        await self._reach()
        self._store.commit(self._projection.name, self.checkpoint, position, ())

    with mock.patch.object(ProjectionRun, "_commit", commit):
        yield


SAFEGUARDS: dict[str, Variant] = {
    "the intent is in the log before the send": intent_after_send,
    "a fill is booked once per trade id": no_fill_deduplication,
    "an append needs the version that was read": any_version,
    "an order is never sent again blindly": blind_resend,
    "no answer is not a rejection": rejected_at_once,
    "absent now is not absent for ever": rejected_after_one_absence,
    "a leader without its lease sends nothing": lease_without_fencing,
    "an unknown order keeps its reservation": released_on_unknown,
    "rows and checkpoint are one transaction": checkpoint_apart,
}
"""What each variant leaves out."""
