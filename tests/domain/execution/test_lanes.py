import asyncio
from collections.abc import Awaitable, Callable

import pytest

from domain.execution.lanes import Lanes


def noting(notes: list[str], name: str, gate: asyncio.Event) -> Callable[[], Awaitable[None]]:
    async def work() -> None:
        notes.append(f"{name} begins")
        await gate.wait()
        notes.append(f"{name} ends")

    return work


async def test_one_lane_in_turn_and_lanes_side_by_side() -> None:
    notes: list[str] = []
    gate = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        lanes = Lanes(group, 10)
        lanes.put("a", noting(notes, "a1", gate))
        lanes.put("a", noting(notes, "a2", gate))
        lanes.put("b", noting(notes, "b1", gate))
        await asyncio.sleep(0)
        assert notes == ["a1 begins", "b1 begins"]
        gate.set()
    assert notes.index("a1 ends") < notes.index("a2 begins")
    assert len(notes) == 6


async def test_room_waits_while_too_much_is_held() -> None:
    gate = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        lanes = Lanes(group, 2)
        lanes.put("a", noting([], "a", gate))
        lanes.put("a", noting([], "a", gate))
        waiting = asyncio.create_task(lanes.room())
        for _ in range(5):
            await asyncio.sleep(0)
        assert not waiting.done()
        gate.set()
        await waiting


async def test_what_work_raises_ends_the_group() -> None:
    async def fail() -> None:
        raise RuntimeError("broken")

    with pytest.raises(ExceptionGroup) as failure:
        async with asyncio.TaskGroup() as group:
            Lanes(group, 2).put("a", fail)
    assert failure.group_contains(RuntimeError, match="broken")


async def test_putting_into_a_group_that_ends_is_being_cancelled() -> None:
    async def fail() -> None:
        raise ValueError("broken")

    ended: list[type[BaseException]] = []

    async def put_late(lanes: Lanes) -> None:
        await asyncio.sleep(0)
        try:
            lanes.put("late", fail)
        except asyncio.CancelledError as cancelled:
            ended.append(type(cancelled))

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.Event().wait())
            lanes = Lanes(group, 2)
            lanes.put("a", fail)
            putting.append(asyncio.create_task(put_late(lanes)))

    putting: list[asyncio.Task[None]] = []
    with pytest.raises(ExceptionGroup) as failure:
        await run()
    await putting[0]
    assert ended == [asyncio.CancelledError]
    assert [type(each) for each in failure.value.exceptions] == [ValueError]
