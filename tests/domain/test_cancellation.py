"""A task that tries again for ever ends when it is told to, whatever it waits in."""

import asyncio

import pytest

from domain.cancellation import heed_cancellation


async def _fail(failed: asyncio.Event) -> None:
    failed.set()
    raise OSError("gone")


async def _stay(release: asyncio.Event) -> None:
    """Takes its time to end, as a statement on a broken connection does."""
    try:
        await asyncio.Event().wait()
    finally:
        await release.wait()


async def _retry(failed: asyncio.Event, release: asyncio.Event) -> None:
    while True:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_stay(release))
                group.create_task(_fail(failed))
        except* OSError:
            heed_cancellation()


async def test_a_cancellation_during_the_end_of_a_group_is_heeded() -> None:
    failed, release = asyncio.Event(), asyncio.Event()
    retrying = asyncio.create_task(_retry(failed, release))
    await failed.wait()
    await asyncio.sleep(0)
    retrying.cancel()
    await asyncio.sleep(0)
    release.set()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await retrying


async def test_nothing_happens_to_a_task_that_goes_on() -> None:
    heed_cancellation()
