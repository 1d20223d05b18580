"""An event loop on virtual time that draws by seeded dice which ready callback runs next."""

import asyncio
import heapq
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from contextvars import Context, copy_context
from itertools import count
from random import Random
from typing import Any, TypeVar, TypeVarTuple

from tests.simulation.engine import incarnation
from tests.simulation.engine.failure import tell
from tests.simulation.engine.incarnation import Condition, Incarnation
from tests.simulation.engine.task import SimulatedTask, tasks_of
from tests.simulation.engine.violation import Violation
from tests.simulation.engine.waiting import dump

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

STEP_SECONDS = 1e-6
"""What a step takes: without it, a task that never waits would stop the time."""

CANCELS_OF_THE_DYING = 20
"""How often a task of a killed process is cancelled before it is dropped where it stands."""

Watcher = Callable[[asyncio.Handle, Incarnation | None], None]


class SimulatedLoop(asyncio.BaseEventLoop):
    """Nothing sleeps: when no callback is ready, time jumps to the next timer.

    Has no threads and no sockets: asking for one is an error.
    """

    def __init__(self, dice: Random, *, max_steps: int, max_seconds: float) -> None:
        super().__init__()
        self.steps = 0
        self.violation: Violation | None = None
        self.watcher: Watcher | None = None
        self._roll = dice.random
        self._max_steps = max_steps
        self._max_seconds = max_seconds
        self._seconds = 0.0
        self._ready_handles: list[asyncio.Handle] = []
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._timer_numbers = count()
        self._task_numbers = count(1)
        self._dying: list[Incarnation] = []
        self._over = False

    # -- what asyncio asks of a loop

    def time(self) -> float:
        return self._seconds

    def is_running(self) -> bool:
        return asyncio._get_running_loop() is self

    def call_soon(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready_handles.append(handle)
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self._seconds + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._timer_numbers), timer))
        return timer

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: object = None,
        context: Context | None = None,
    ) -> SimulatedTask[T]:
        return SimulatedTask(
            coro,
            loop=self,
            number=next(self._task_numbers),
            name=None if name is None else str(name),
            context=context,
        )

    def call_soon_threadsafe(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        raise RuntimeError("there are no threads in a simulation")

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> "asyncio.Future[T]":
        raise RuntimeError("there are no threads in a simulation")

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """An exception nobody takes: of the dead it is no news, of the living a violation."""
        task = context.get("task") or context.get("future")
        owner = task.incarnation if isinstance(task, SimulatedTask) else incarnation.current()
        if self.is_closed() or (owner is not None and owner.dead):
            return
        error = context.get("exception")
        if isinstance(error, Violation):
            self.witness(error)
        else:
            told = f"{owner or 'network'}: {context['message']}"
            self.witness(Violation(f"{told}\n{tell(error)}" if error else told))

    # -- running

    def witness(self, violation: Violation) -> None:
        """The run ends with the first violation."""
        if self.violation is None and not self._over:
            self.violation = violation

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        """Until main is done or there is a violation: the one raised by main included."""
        with self._installed():
            task = copy_context().run(self._world, main)
            while self.violation is None and not task.done():
                self._step()
            self._hear(task)
            self._end()

    def _world(self, main: Coroutine[Any, Any, None]) -> SimulatedTask[None]:
        incarnation.enter(Incarnation("world", 1))
        return self.create_task(main, name="scenario")

    def kill(self, victim: Incarnation) -> None:
        """Its tasks are cancelled, and done, before any other callback runs."""
        victim.condition = Condition.DEAD
        self._dying.append(victim)

    def resume(self, sleeper: Incarnation) -> None:
        self._ready_handles += sleeper.parked
        sleeper.parked.clear()

    def dump(self) -> str:
        return dump(tasks_of(self))

    def _step(self) -> None:
        if self._dying:
            self._bury_the_dying()
        if not self._ready_handles:
            self._jump()
        ready = self._ready_handles
        if not ready:
            return
        handle = self._draw(ready)
        owner = incarnation.of_handle(handle)
        if owner is not None and not owner.runs:
            owner.parked.append(handle)
            return
        self._advance()
        if handle._cancelled:
            return
        if self.watcher is not None:
            self.watcher(handle, owner)
        handle._run()
        if owner is not None and owner.fuse:
            owner.burn()

    def _draw(self, ready: list[asyncio.Handle]) -> asyncio.Handle:
        """Any of them, with the same chance; the last takes its place."""
        size = len(ready)
        if size == 1:
            return ready.pop()
        index = int(self._roll() * size)
        last = ready.pop()
        if index == size - 1:
            return last
        drawn = ready[index]
        ready[index] = last
        return drawn

    def _advance(self) -> None:
        self.steps += 1
        self._seconds += STEP_SECONDS
        if self._timers and self._timers[0][0] <= self._seconds:
            self._ring()
        if self.steps > self._max_steps or self._seconds > self._max_seconds:
            bound = f"no end after {self.steps:,} steps, {self._seconds:,.0f} seconds"
            self.witness(Violation(f"{bound}; tasks wait here:\n{self.dump()}"))

    def _ring(self) -> None:
        timers = self._timers
        while timers and timers[0][0] <= self._seconds:
            timer = heapq.heappop(timers)[2]
            if not timer._cancelled:
                self._ready_handles.append(timer)

    def _jump(self) -> None:
        """To the time of the next timer. Without one, nothing will ever happen again."""
        while self._timers and self._timers[0][2]._cancelled:
            heapq.heappop(self._timers)
        if not self._timers:
            self.witness(Violation(f"deadlock: nothing can ever run again\n{self.dump()}"))
            return
        self._seconds = max(self._seconds, self._timers[0][0])
        self._ring()

    # -- ends

    def _bury_the_dying(self) -> None:
        while self._dying:
            self._bury(self._dying.pop(0))

    def _bury(self, dead: Incarnation) -> None:
        """Cancel what is left of it until nothing is. Only its own callbacks run meanwhile."""
        for _ in range(CANCELS_OF_THE_DYING):
            tasks = [task for task in tasks_of(self) if task.incarnation is dead]
            if not tasks:
                break
            for task in tasks:
                task.cancel()
            self._run_the_last_of(dead)
        for task in tasks_of(self):
            if task.incarnation is dead:
                task._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio's own
        self._timers = [
            timer for timer in self._timers if incarnation.of_handle(timer[2]) is not dead
        ]
        heapq.heapify(self._timers)
        dead.parked.clear()

    def _run_the_last_of(self, dead: Incarnation) -> None:
        while mine := self._take(dead):
            for handle in mine:
                if not handle._cancelled:
                    handle._run()

    def _take(self, dead: Incarnation) -> list[asyncio.Handle]:
        mine = [handle for handle in self._ready_handles if incarnation.of_handle(handle) is dead]
        mine += dead.parked
        dead.parked.clear()
        self._ready_handles = [
            handle for handle in self._ready_handles if incarnation.of_handle(handle) is not dead
        ]
        return mine

    def _hear(self, main: SimulatedTask[None]) -> None:
        if not main.done() or self.violation is not None:
            return
        if main.cancelled():
            self.witness(Violation("the scenario was cancelled"))
        elif error := main.exception():
            self.witness(_as_violation(error))

    def _end(self) -> None:
        """Everything dies at once: what it still says is no news."""
        self._over = True
        owners = dict.fromkeys(task.incarnation for task in tasks_of(self))
        last = [owner for owner in owners if owner is not None]
        for owner in last:
            owner.condition = Condition.DEAD
        for owner in last:
            self._bury(owner)

    @contextmanager
    def _installed(self) -> Iterator[None]:
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(firstiter=None, finalizer=self._finalize)
        asyncio._set_running_loop(self)
        try:
            yield
        finally:
            asyncio._set_running_loop(None)
            sys.set_asyncgen_hooks(*hooks)

    def _finalize(self, generator: AsyncGenerator[object, None]) -> None:
        """A generator left unclosed by a living process is closed; a crash closes nothing."""
        owner = incarnation.current()
        if not self.is_closed() and (owner is None or not owner.dead):
            self.create_task(generator.aclose())


def _as_violation(error: BaseException) -> Violation:
    if isinstance(error, Violation):
        return error
    return Violation(f"the scenario broke\n{tell(error)}")
