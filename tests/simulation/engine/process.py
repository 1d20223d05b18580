"""A process of the simulated system: it is killed, restarted, stopped and continued."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from typing import Protocol

from tests.simulation.engine import incarnation
from tests.simulation.engine.failure import tell
from tests.simulation.engine.incarnation import Condition, Incarnation
from tests.simulation.engine.loop import SimulatedLoop
from tests.simulation.engine.violation import Violation

Start = Callable[[], Awaitable[None]]


class Diary(Protocol):
    """Who is told what happens to a process."""

    def hit(self, fault: str) -> None: ...

    def note(self, action: str, process: str | None = None) -> None: ...


class Process:
    """``start`` is its main function. If it raises, in a process that lives, that is a violation.

    All its tasks, also those its tasks make, die with it: whatever they still do in a ``finally``
    is done before anything else runs, and reaches nothing that asks ``Simulation.alive_or_hang``.
    """

    def __init__(self, name: str, start: Start, loop: SimulatedLoop, diary: Diary) -> None:
        self.name = name
        self._start = start
        self._loop = loop
        self._diary = diary
        self._incarnation = Incarnation(name, 0)
        self._incarnation.condition = Condition.DEAD
        self._ended = asyncio.Event()

    @property
    def alive(self) -> bool:
        """Started and not killed; paused or not, done or not."""
        return not self._incarnation.dead

    @property
    def paused(self) -> bool:
        return self._incarnation.condition is Condition.PAUSED

    @property
    def done(self) -> bool:
        """Its main function has returned, or it was killed."""
        return self._ended.is_set()

    @property
    def incarnation(self) -> int:
        """How often it was started."""
        return self._incarnation.number

    async def ended(self) -> None:
        """Returns when its main function has returned, or it was killed."""
        await self._ended.wait()

    def start(self) -> None:
        """A new life, with nothing in memory."""
        life = Incarnation(self.name, self._incarnation.number + 1)
        self._incarnation = life
        self._ended.clear()
        context = copy_context()
        context.run(incarnation.enter, life)
        self._diary.note("starts", str(life))
        self._loop.create_task(self._live(life), name="main", context=context)

    def kill(self) -> None:
        """A crash: no task of it does anything more, and everything in memory is gone."""
        if not self.alive:
            return
        self._diary.hit("process/killed")
        self._diary.note("is killed", str(self._incarnation))
        self._loop.kill(self._incarnation)
        self._ended.set()

    def kill_after(self, steps: int) -> None:
        """Kill it when its tasks have taken so many steps more: at exactly that await."""
        self._incarnation.on_burnt = self.kill
        self._incarnation.fuse = steps

    def restart(self) -> None:
        """Kill it, if it lives, and start it again."""
        self.kill()
        self._diary.hit("process/restarted")
        self.start()

    def pause(self) -> None:
        """As SIGSTOP: none of its tasks runs, while time and what it has sent go on."""
        if self._incarnation.runs:
            self._diary.hit("process/paused")
            self._diary.note("is paused", str(self._incarnation))
            self._incarnation.condition = Condition.PAUSED

    def resume(self) -> None:
        """As SIGCONT."""
        if self.paused:
            self._diary.note("goes on", str(self._incarnation))
            self._incarnation.condition = Condition.RUNNING
            self._loop.resume(self._incarnation)

    async def _live(self, life: Incarnation) -> None:
        try:
            await self._start()
        except Exception as error:  # told below: a process must not end so
            if not life.dead:
                raise Violation(f"{life} ended by an error\n{tell(error)}") from error
        finally:
            if not life.dead:
                self._diary.note("ends", str(life))
                self._ended.set()


def outside() -> Context:
    """A context that belongs to no process: what runs in it outlives whoever asked for it."""
    return Context()
