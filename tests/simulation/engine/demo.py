"""A small scenario for the engine's own tests: two clerks book numbered requests, each once.

``sound`` fences every append with the version it decided on. ``racing`` asks for the version after
it has looked, so that what came in between is booked twice.
"""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from datetime import datetime
from functools import partial
from itertools import count

from domain.clock import Clock
from domain.log import (
    CaughtUp,
    EventLog,
    LogUnavailable,
    NewEvent,
    RecordedEvent,
    WrongExpectedVersion,
)
from tests.simulation.engine.faults import ENGINE_FAULTS
from tests.simulation.engine.simulation import Simulation
from tests.simulation.engine.violation import Violation

FAULTS = ENGINE_FAULTS
STATES = frozenset({"demo/fenced", "demo/asked_again", "demo/booked"})

STREAM = "book-1"
REQUESTS = 12
CLERKS = ("clerk-1", "clerk-2")
AUDITOR = "auditor"


class Clerk:
    """Books what is not booked, until everything is."""

    def __init__(self, name: str, simulation: Simulation) -> None:
        self._simulation = simulation
        self._clock: Clock = simulation.clock.view(name)
        self._log: EventLog = simulation.log(name)

    async def work(self) -> None:
        while (booked := await self._booked()) is None or len(booked) < REQUESTS:
            if booked is not None:
                request = min(set(range(REQUESTS)) - set(booked))
                await self._book(request, await self._version(booked))
            await self._clock.sleep(0.1)

    async def _version(self, booked: list[int]) -> int:
        return len(booked)

    async def _book(self, request: int, version: int) -> None:
        """Asks again with the same event until it knows."""
        data = b'{"request":%d}' % request
        event = NewEvent(self._simulation.ids.new(), "RequestBooked", data, b"{}")
        for _ in count():
            try:
                await self._log.append(STREAM, [event], expected_version=version)
            except LogUnavailable:
                self._simulation.reached("demo/asked_again")
                await self._clock.sleep(0.2)
            except WrongExpectedVersion:
                self._simulation.reached("demo/fenced")
                return
            else:
                return

    async def _booked(self) -> list[int] | None:
        """The requests in the book; None if the log does not answer."""
        booked: list[int] = []
        try:
            async with aclosing(self._log.read_stream(STREAM)) as pages:
                async for page in pages:
                    booked += [request_of(event) for event in page]
        except LogUnavailable:
            return None
        return booked


class Auditor:
    """Follows the book from its start, and notes by its own clock when it has seen what."""

    def __init__(self, name: str, simulation: Simulation) -> None:
        self._clock: Clock = simulation.clock.view(name)
        self._log: EventLog = simulation.log(name)

    async def work(self) -> None:
        seen: list[tuple[int, datetime]] = []
        async with aclosing(self._log.subscribe()) as news:
            async for page in news:
                if isinstance(page, CaughtUp):
                    continue
                for event in page:
                    seen.append((event.version, self._clock.now()))
                    if event.version != len(seen):
                        raise Violation(f"the auditor saw {seen}")


class RacingClerk(Clerk):
    async def _version(self, booked: list[int]) -> int:
        newer = await self._booked()
        return len(newer or booked)


async def sound(simulation: Simulation) -> None:
    await _play(simulation, Clerk)


async def racing(simulation: Simulation) -> None:
    await _play(simulation, RacingClerk)


def request_of(event: RecordedEvent) -> int:
    return int(event.data.removeprefix(b'{"request":').removesuffix(b"}"))


async def _play(simulation: Simulation, clerk: type[Clerk]) -> None:
    booked: set[int] = set()

    def once(events: Sequence[RecordedEvent]) -> None:
        for request in map(request_of, events):
            if request in booked:
                raise Violation(f"request {request} was booked twice")
            booked.add(request)
            simulation.reached("demo/booked")

    simulation.log_store.observe(once)
    simulation.spawn(AUDITOR, partial(_live, Auditor, AUDITOR, simulation))
    for name in CLERKS:
        simulation.spawn(name, partial(_live, clerk, name, simulation))
    await _trouble(simulation)
    simulation.heal()
    await simulation.until(lambda: len(booked) == REQUESTS, within=60, what="all is booked")


async def _live(kind: type[Clerk | Auditor], name: str, simulation: Simulation) -> None:
    """A life of a process: everything in its memory is new."""
    await kind(name, simulation).work()


async def _trouble(simulation: Simulation) -> None:
    dice = simulation.dice
    for _ in range(dice.randrange(8)):
        await asyncio.sleep(dice.random() * 0.5)
        process = simulation.processes[dice.choice((*CLERKS, AUDITOR))]
        trouble = dice.choice((process.kill, process.restart, process.pause, process.resume))
        trouble()
