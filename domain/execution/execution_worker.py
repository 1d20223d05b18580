"""The execution worker: submits what the log intends, books what the venue says."""

import asyncio
from functools import partial

import msgspec

from domain.checkpoint import Checkpoints
from domain.clock import Clock
from domain.command import Actor, ActorType, CommandContext, Metadata, command_id_for
from domain.event import decode
from domain.execution.account_records import AccountRecords
from domain.execution.booking import Booking
from domain.execution.halts import Halts
from domain.execution.holdings_check import HoldingsCheck
from domain.execution.inquiry import Inquiry
from domain.execution.lanes import Lanes, Work
from domain.execution.lease import Lease
from domain.execution.reconciliation import Reconciliation
from domain.execution.reporting import Reporting
from domain.execution.submission import Submission
from domain.execution.trading_gate import TradingGate
from domain.execution.venue_accounts import VenueAccounts
from domain.execution.venue_problems import VenueProblems
from domain.instrument import Instruments
from domain.log import EventFilter, EventLog, RecordedEvent
from domain.log_worker import LogWorker, Surroundings, no_surroundings
from domain.order.events import (
    OrderAmendRequested,
    OrderCancelRequested,
    OrderPlaced,
    TrailingStopMoved,
)
from domain.patience import insist
from domain.repository import Repository
from domain.risk.risk_book import RiskBook
from domain.session.session import Session
from domain.use_cases.change import change
from domain.venue import Venue

REQUESTS = EventFilter(
    types=frozenset(
        {"OrderPlaced", "OrderCancelRequested", "OrderAmendRequested", "TrailingStopMoved"}
    )
)

AT_THE_VENUE = 256
"""How many requests may wait for the venue's answer at once."""

_ACTOR = Actor(ActorType.SYSTEM, "execution", "execution")
_decode_metadata = msgspec.json.Decoder(Metadata).decode


class ExecutionWorker:
    """Starts its epoch, reconciles, then sends and books side by side until cancelled.

    ``repository`` appends through a LeasedLog. Reports are listened to before the venue is asked
    for its records, so that nothing falls in between; nothing is sent before they are compared.
    Raises LeaseLost, and what the log raises beyond LogUnavailable.
    """

    def __init__(
        self,
        *,
        log: EventLog,
        repository: Repository,
        risk_book: RiskBook,
        venue: Venue,
        instruments: Instruments,
        checkpoints: Checkpoints,
        clock: Clock,
        lease: Lease,
        recovered: asyncio.Event,
        within: Surroundings = no_surroundings,
    ) -> None:
        self._repository = repository
        self._venue = venue
        self._clock = clock
        self._lease = lease
        self._recovered = recovered
        gate = TradingGate(risk_book, clock)
        problems = VenueProblems(repository, venue.name, clock)
        booking = Booking(repository, venue.name, clock)
        self._inquiry = Inquiry(repository, venue, booking, problems, clock)
        self._submission = Submission(
            repository=repository,
            venue=venue,
            gate=gate,
            problems=problems,
            clock=clock,
            lease=lease,
            in_doubt=self._inquiry.watch,
        )
        records = AccountRecords(repository, gate, clock)
        self._reconciliation = Reconciliation(
            records=records,
            venue=venue,
            accounts=VenueAccounts(log, venue.name),
            booking=booking,
            inquiry=self._inquiry,
            gate=gate,
            problems=problems,
            holdings=HoldingsCheck(
                records=records,
                venue=venue,
                inquiry=self._inquiry,
                problems=problems,
                instruments=instruments,
                clock=clock,
            ),
            clock=clock,
        )
        self._reporting = Reporting(
            venue=venue,
            booking=booking,
            inquiry=self._inquiry,
            reconciliation=self._reconciliation,
            problems=problems,
            clock=clock,
        )
        self.worker = LogWorker(
            name="execution",
            log=log,
            checkpoints=checkpoints,
            only=REQUESTS,
            handler=self._handle,
            within=within,
        )
        self._halts = Halts(
            log=log,
            repository=repository,
            risk_book=risk_book,
            gate=gate,
            checkpoints=checkpoints,
            clock=clock,
            backlog_done=self.worker.caught_up,
        )

    async def run(self) -> None:
        await insist(self._clock, self._start_epoch)
        async with asyncio.TaskGroup() as group:
            self._requests = Lanes(group, AT_THE_VENUE)
            group.create_task(self._reporting.run())
            await self._reporting.listening.wait()
            await self._reconciliation.start()
            self._recovered.set()
            group.create_task(self._inquiry.run())
            group.create_task(self._resend_cancels())
            group.create_task(self._reconciliation.run())
            group.create_task(self.worker.run())
            group.create_task(self._halts.run())

    async def _start_epoch(self) -> None:
        """Raises Conflict ``stale_epoch``."""
        epoch = self._lease.epoch
        command_id = command_id_for("epoch", self._venue.name, str(epoch))
        context = CommandContext(command_id, str(command_id), _ACTOR)

        def decide(session: Session) -> None:
            session.start_epoch(epoch, self._clock.now())

        await change(self._repository, Session, self._venue.name, decide, context)

    async def _handle(self, recorded: RecordedEvent) -> None:
        """Intend at once, in the order of the log; what waits for the venue goes to its lane."""
        context = CommandContext(
            command_id=command_id_for("execution", str(recorded.id)),
            correlation_id=_decode_metadata(recorded.metadata).correlation_id,
            causation_id=str(recorded.id),
            actor=_ACTOR,
        )
        event = decode(recorded)
        order_id = event.originator_id
        await self._requests.room()
        match event:
            case OrderPlaced() | TrailingStopMoved():
                await self._submit(order_id, context)
            case OrderCancelRequested():
                cancel = partial(self._submission.cancel, order_id, event.request_id, context)
                await self._ask(order_id, cancel, context)
            case OrderAmendRequested():
                handed_over = not self.worker.caught_up.is_set()
                amend = partial(self._submission.amend, event, context, handed_over=handed_over)
                await self._ask(order_id, amend, context)
            case _:
                pass

    async def _submit(self, order_id: str, context: CommandContext) -> None:
        request = await insist(self._clock, lambda: self._submission.intend(order_id, context))
        if request is not None:
            self._requests.put(order_id, partial(self._submission.send, order_id, request, context))

    async def _ask(self, order_id: str, request: Work, context: CommandContext) -> None:
        unsent = await insist(
            self._clock, lambda: self._submission.answer_unsent(order_id, context)
        )
        if not unsent:
            self._requests.put(order_id, request)

    async def _resend_cancels(self) -> None:
        """A venue that works an order whose cancel is pending has not had the cancel."""
        while True:
            order = await self._inquiry.cancels.get()
            if order.pending_cancel is None:
                self._requests.put(order.id, partial(self._submission.cancel_stray, order))
                continue
            context = CommandContext(
                command_id=command_id_for("execution", order.id, "cancel", order.pending_cancel),
                correlation_id=order.correlation_id,
                actor=_ACTOR,
            )
            cancel = partial(self._submission.cancel, order.id, order.pending_cancel, context)
            self._requests.put(order.id, cancel)
