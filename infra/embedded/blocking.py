"""Blocking work from async code that must not be left half done."""

import asyncio
from collections.abc import Callable


async def run_to_end(work: Callable[[], None], undo: Callable[[], None] | None = None) -> None:
    """Run ``work`` in a thread and wait for its end even when cancelled; then ``undo`` it."""
    task = asyncio.create_task(asyncio.to_thread(work))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if undo is not None and task.exception() is None:
            await asyncio.to_thread(undo)
        raise
