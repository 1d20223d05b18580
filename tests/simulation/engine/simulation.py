"""What a scenario gets: processes, a clock, a log, dice, and a book of what was reached."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from enum import Enum
from random import Random
from typing import NoReturn

from domain.log import RecordedEvent
from tests.simulation.engine import incarnation, waiting
from tests.simulation.engine.clock import ClockView, VirtualClock
from tests.simulation.engine.faults import FaultCounter
from tests.simulation.engine.faulty_log import FaultyLog
from tests.simulation.engine.ids import SeededIds
from tests.simulation.engine.incarnation import Incarnation
from tests.simulation.engine.log_server import LogServer
from tests.simulation.engine.loop import SimulatedLoop
from tests.simulation.engine.process import Process, Start
from tests.simulation.engine.rates import FaultRates, draw_rate, draw_weather
from tests.simulation.engine.store import SimulatedStore
from tests.simulation.engine.task import task_of
from tests.simulation.engine.trace import Step, Trace
from tests.simulation.engine.violation import Violation

POLL_SECONDS = 0.05


class Phase(Enum):
    SAFETY = "safety"
    """Anything may fail; nothing may ever be wrong."""
    LIVENESS = "liveness"
    """Nothing fails any more; all that was begun must come to its end."""


class Simulation:
    """One seed's world. Everything random in it comes from the seed.

    ``dice`` are the scenario's own: what the engine draws does not move them. ``rates`` are those
    of the log and the clocks; a scenario draws its own with ``rate`` and asks with ``strikes``.
    """

    def __init__(
        self,
        seed: int,
        loop: SimulatedLoop,
        *,
        trace: Trace | None = None,
        rates: FaultRates | None = None,
    ) -> None:
        self.seed = seed
        self.dice = self.dice_for("scenario")
        self.phase = Phase.SAFETY
        self.faults = FaultCounter()
        self.states: Counter[str] = Counter()
        self.weather = draw_weather(self.dice_for("weather"))
        self.rates = rates or FaultRates.draw(self.dice_for("rates"), self.weather)
        self.clock = VirtualClock(loop.time, self._new_view)
        self.ids = SeededIds(self.dice_for("ids"))
        self.log_store = SimulatedStore(self.clock.now)
        self.processes: dict[str, Process] = {}
        self._loop = loop
        self._trace = trace
        self._chance = self.dice_for("chance").random
        self._rate_dice = self.dice_for("scenario rates")
        self._log_server = LogServer(
            self.log_store, world=self, rates=self.rates, dice=self.dice_for("log"), loop=loop
        )
        self._on_heal: list[Callable[[], None]] = []
        if trace is not None:
            loop.watcher = self._watch
            self.log_store.observe(self._trace_events)

    # -- chance

    def dice_for(self, purpose: str) -> Random:
        """Dice of their own for a purpose: drawing more of them changes nothing elsewhere."""
        return Random(f"{self.seed}/{purpose}")

    def rate(self, worst: float) -> float:
        """A rate up to ``worst`` that suits the seed's weather. For the scenario's own faults."""
        return draw_rate(self._rate_dice, self.weather, worst)

    def strikes(self, fault: str, rate: float) -> bool:
        """Whether a fault happens now; it is counted if so. Never once all is healed."""
        if self.phase is Phase.LIVENESS or rate <= 0 or self._chance() >= rate:
            return False
        self.hit(fault)
        return True

    # -- what is reached

    def hit(self, fault: str) -> None:
        """A fault happened."""
        self.faults.hit(fault)

    def reached(self, state: str) -> None:
        """The system got into a state that seeds must get it into."""
        self.states[state] += 1

    def violation(self, text: str) -> NoReturn:
        """Ends the run: the same as ``raise Violation(text)``."""
        raise Violation(text)

    def note(self, action: str, process: str | None = None) -> None:
        """A line for the trace of a replayed seed."""
        if self._trace is not None:
            who = process or str(incarnation.current() or "network")
            self._trace.add(Step(self._loop.steps, self._loop.time(), who, action, False))

    @property
    def steps(self) -> int:
        """How many callbacks have run so far."""
        return self._loop.steps

    # -- processes

    def spawn(self, name: str, start: Start) -> Process:
        """A new process whose main function is ``start``; names are unique."""
        if name in self.processes:
            raise ValueError(f"there is a process {name} already: restart it")
        process = Process(name, start, self._loop, self)
        self.processes[name] = process
        process.start()
        return process

    def log(self, process: str) -> FaultyLog:
        """A process's own connection to the log. A call belongs to the process that makes it."""
        return FaultyLog(self._log_server)

    async def alive_or_hang(self) -> None:
        """For every door to the outside: what a killed process still calls never returns."""
        life = incarnation.current()
        if life is not None and life.dead:
            await self._loop.create_future()

    # -- time and phases

    def on_heal(self, action: Callable[[], None]) -> None:
        """Called when all heals, before the processes go on."""
        self._on_heal.append(action)

    def heal(self) -> None:
        """The end of all faults: the log and the clocks are right, what is paused goes on, what is
        dead starts again. Messages under way still arrive."""
        self.phase = Phase.LIVENESS
        self.note("all heals")
        healthy = FaultRates(latency_seconds=self.rates.latency_seconds)
        self.rates = healthy
        self._log_server.heal(healthy)
        self.clock.heal()
        for action in self._on_heal:
            action()
        for process in self.processes.values():
            if process.alive:
                process.resume()
            else:
                process.start()

    async def until(self, reached: Callable[[], bool], *, within: float, what: str) -> None:
        """Waits for a condition; a Violation if it takes longer than so many virtual seconds."""
        deadline = self._loop.time() + within
        while not reached():
            if self._loop.time() > deadline:
                raise Violation(f"not within {within:g} s: {what}\n{self._loop.dump()}")
            await asyncio.sleep(POLL_SECONDS)

    # -- inside

    def _new_view(self, name: str) -> ClockView:
        dice = self.dice_for(f"clock/{name}")
        return ClockView(self._loop.time, dice, self.rates, self.hit)

    def _watch(self, handle: asyncio.Handle, owner: Incarnation | None) -> None:
        task = task_of(handle)
        if task is not None and not task.done():
            self._step(f"{task.get_name()} {waiting.where(task)}", owner)

    def _step(self, action: str, owner: Incarnation | None) -> None:
        if self._trace is not None:
            who = str(owner or "network")
            self._trace.add(Step(self._loop.steps, self._loop.time(), who, action, True))

    def _trace_events(self, events: Sequence[RecordedEvent]) -> None:
        for event in events:
            self.note(f"log: {event.position} {event.type} {event.stream}@{event.version}")
