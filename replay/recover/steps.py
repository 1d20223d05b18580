"""The steps of a recovery: announced, timed, and told of."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from domain.clock import Clock
from domain.event import UndecodableEvent, UnknownEventType
from domain.log import LogError
from replay.recover.failures import PartFailed, RecoveryFailed
from replay.recover.report import Report, StepDone

Watch = Callable[[str], None]
"""Hears of every step when it begins."""

Answer = TypeVar("Answer")

_FAILURES = (PartFailed, LogError, UnknownEventType, UndecodableEvent)


class Steps:
    """Times are seconds of the monotonic clock."""

    def __init__(self, clock: Clock, watch: Watch) -> None:
        self._clock = clock
        self._watch = watch
        self._started = clock.monotonic()
        self._done: list[StepDone] = []

    async def take(
        self, step: str, work: Callable[[], Awaitable[Answer]], tell: Callable[[Answer], str]
    ) -> Answer:
        """Raises RecoveryFailed, naming the step."""
        self._watch(step)
        started = self._clock.monotonic()
        try:
            answer = await work()
        except _FAILURES as error:
            raise RecoveryFailed(step, str(error)) from error
        self._done.append(StepDone(step, self._since(started), tell(answer)))
        return answer

    def report(self, head: int | None) -> Report:
        return Report(head, self._since(self._started), tuple(self._done))

    def _since(self, started: float) -> float:
        return round(self._clock.monotonic() - started, 3)
