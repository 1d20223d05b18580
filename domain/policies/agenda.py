"""The agenda of a timed policy: what to look at, and when."""

import heapq
from datetime import datetime

import msgspec

COMPACT_ABOVE = 64
"""Fewer struck entries than this are not worth the clearing."""


class Cause(msgspec.Struct, frozen=True, gc=False):
    """The event an appointment follows from, and what it belongs to.

    Following the log ``after`` that position, which is START or an event's own, brings it again:
    a log need not take a position where no event stands.
    """

    after: int
    event_id: str
    correlation_id: str


class Appointment(msgspec.Struct, frozen=True, gc=False):
    """Look at ``subject`` when ``due`` has come, UTC. ``tries`` counts the looks it has had."""

    key: str
    subject: str
    due: datetime
    cause: Cause
    tries: int = 0


class Agenda:
    """One appointment a key; it holds no more than is open.

    ``mark`` is the log position from which following the log again makes every open appointment
    again, so that nothing but a position has to outlive a restart.
    """

    def __init__(self) -> None:
        self._open: dict[str, Appointment] = {}
        self._due: list[tuple[datetime, str]] = []

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, key: str) -> bool:
        return key in self._open

    def enter(self, key: str, subject: str, due: datetime, cause: Cause) -> None:
        """Make an appointment, in place of the key's present one; the earlier time holds."""
        # Taken out first, so that the oldest cause stands first: what ``mark`` counts from.
        present = self._open.pop(key, None)
        if present is not None:
            due = min(due, present.due)
        self._put(Appointment(key, subject, due, cause))

    def hasten(self, key: str, due: datetime) -> None:
        """Bring an appointment forward; nothing where there is none."""
        present = self._open.get(key)
        if present is not None and due < present.due:
            self._put(msgspec.structs.replace(present, due=due))

    def postpone(self, looked_at: Appointment, due: datetime) -> None:
        """Look again later, unless the appointment was struck or made anew meanwhile."""
        if self._open.get(looked_at.key) == looked_at:
            self._put(msgspec.structs.replace(looked_at, due=due, tries=looked_at.tries + 1))

    def strike(self, key: str) -> None:
        self._open.pop(key, None)

    def conclude(self, looked_at: Appointment) -> None:
        """Done with; an appointment made anew meanwhile stays."""
        if self._open.get(looked_at.key) == looked_at:
            del self._open[looked_at.key]

    def next_due(self) -> datetime | None:
        while self._due and not self._stands(*self._due[0]):
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def take_due(self, now: datetime, most: int) -> list[Appointment]:
        """Appointments whose time has come; each stays open until it is concluded."""
        taken: list[Appointment] = []
        while len(taken) < most and (due := self.next_due()) is not None and due <= now:
            _, key = heapq.heappop(self._due)
            taken.append(self._open[key])
        return taken

    def mark(self, position: int) -> int:
        """Where to follow the log from after a restart that has come to ``position``."""
        oldest = next(iter(self._open.values()), None)
        return position if oldest is None else min(position, oldest.cause.after)

    def _put(self, appointment: Appointment) -> None:
        self._open[appointment.key] = appointment
        heapq.heappush(self._due, (appointment.due, appointment.key))
        if len(self._due) > 2 * len(self._open) + COMPACT_ABOVE:
            self._due = [(each.due, each.key) for each in self._open.values()]
            heapq.heapify(self._due)

    def _stands(self, due: datetime, key: str) -> bool:
        appointment = self._open.get(key)
        return appointment is not None and appointment.due == due
