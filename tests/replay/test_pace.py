import asyncio

from replay.pace import RESTS, Pace
from tests.contract.events import new_events
from tests.doubles.manual_clock import ManualClock
from tests.doubles.memory_log import MemoryEventLog

WORKED = 4.0


class Walk:
    """A rebuild that works on each page for as long, and others who may append meanwhile."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self._log = MemoryEventLog()
        self._pace = Pace(self._log, self.clock)

    async def page(self) -> float:
        """How long it rested after the page."""
        await self.clock.advance(WORKED)
        began = self.clock.monotonic()
        resting = asyncio.create_task(self._pace.rest())
        await asyncio.sleep(0)
        while not resting.done():
            await self.clock.advance(0.5)
        return self.clock.monotonic() - began

    async def append(self) -> None:
        await self._log.append("orders-1", new_events(1), expected_version=await self._log.head())


async def test_nobody_appends_and_it_does_not_rest() -> None:
    walk = Walk()
    await walk.append()
    assert [await walk.page() for _ in range(3)] == [0, 0, 0]


async def test_while_somebody_appends_it_rests_for_longer_than_it_works() -> None:
    walk = Walk()
    rests = [await walk.page()]
    for _ in range(3):
        await walk.append()
        rests.append(await walk.page())
    assert rests == [0, *3 * [RESTS * WORKED]]
    assert RESTS > 1
    assert await walk.page() == 0
