"""Runs a timed policy: follows the log, keeps its agenda, and looks when the time has come."""

import asyncio
from contextlib import aclosing
from datetime import datetime
from typing import Protocol

import msgspec

from domain.checkpoint import Checkpoints
from domain.clock import Clock
from domain.command import Metadata
from domain.event import Event, decode
from domain.log import CaughtUp, EventFilter, EventLog, RecordedEvent
from domain.patience import insist
from domain.policies.agenda import Agenda, Appointment, Cause

LOOKS_AT_ONCE = 16

LONGEST_SLEEP = 30
"""Seconds: wall time may be set while somebody sleeps, and a due time is wall time."""

SAVE_EVERY = 1
"""Seconds between saved positions: re-reading a second of the log costs less than saving it."""

_decode_metadata = msgspec.json.Decoder(Metadata).decode


class TimedPolicy(Protocol):
    """``note`` keeps the agenda from events alone; ``look`` acts on the state as it is then.

    Both are idempotent: events are noted again after a restart, and an appointment is looked at
    again where its effect was in the log but its conclusion got lost.
    """

    name: str
    types: frozenset[str]

    def note(self, event: Event, cause: Cause, agenda: Agenda) -> None: ...

    async def look(self, appointment: Appointment) -> datetime | None:
        """Act, and say when to look again; None if nothing is left to do."""
        ...


class TimedWorker:
    """The position that it saves is the agenda's mark: a restart makes it again, and misses none.

    Looks that the log does not answer are made again until it does.
    """

    def __init__(
        self, policy: TimedPolicy, log: EventLog, checkpoints: Checkpoints, clock: Clock
    ) -> None:
        self.agenda = Agenda()
        self.caught_up = asyncio.Event()
        self.policy = policy
        self._log = log
        self._checkpoints = checkpoints
        self._clock = clock
        self._woken = asyncio.Event()
        self._asleep_until: datetime | None = None
        self.position = 0
        self._saved = 0
        self._saved_at: float = -SAVE_EVERY

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow())
            group.create_task(self._keep())

    async def _follow(self) -> None:
        self.position = self._saved = await self._checkpoints.load(self.policy.name)
        only = EventFilter(types=self.policy.types)
        async with aclosing(self._log.subscribe(after=self._saved, only=only)) as pages:
            async for page in pages:
                if isinstance(page, CaughtUp):
                    self.caught_up.set()
                    continue
                for recorded in page:
                    self._note(recorded)
                await self._save()

    def _note(self, recorded: RecordedEvent) -> None:
        correlation_id = _decode_metadata(recorded.metadata).correlation_id
        cause = Cause(self.position, str(recorded.id), correlation_id)
        self.policy.note(decode(recorded), cause, self.agenda)
        self.position = recorded.position
        due = self.agenda.next_due()
        if due is not None and (self._asleep_until is None or due < self._asleep_until):
            self._woken.set()

    async def _save(self) -> None:
        mark = self.agenda.mark(self.position)
        now = self._clock.monotonic()
        if mark > self._saved and now - self._saved_at >= SAVE_EVERY:
            await self._checkpoints.save(self.policy.name, mark)
            self._saved, self._saved_at = mark, now

    async def _keep(self) -> None:
        # What is due in the past may have been done then: only the whole log tells.
        await self.caught_up.wait()
        while True:
            due = self.agenda.take_due(self._clock.now(), LOOKS_AT_ONCE)
            if due:
                async with asyncio.TaskGroup() as group:
                    for appointment in due:
                        group.create_task(self._look(appointment))
            else:
                await self._sleep()

    async def _look(self, appointment: Appointment) -> None:
        again = await insist(self._clock, lambda: self.policy.look(appointment))
        if again is None:
            self.agenda.conclude(appointment)
        else:
            self.agenda.postpone(appointment, again)

    async def _sleep(self) -> None:
        """Until the next appointment is due, or an earlier one is made."""
        self._woken.clear()
        self._asleep_until = self.agenda.next_due()
        async with asyncio.TaskGroup() as group:
            alarm = group.create_task(self._ring(self._asleep_until))
            await self._woken.wait()
            alarm.cancel()

    async def _ring(self, due: datetime | None) -> None:
        if due is not None:
            seconds = (due - self._clock.now()).total_seconds()
            await self._clock.sleep(min(max(seconds, 0), LONGEST_SLEEP))
            self._woken.set()
