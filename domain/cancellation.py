"""Cancellations that Python 3.11 loses on their way."""

import asyncio


def heed_cancellation() -> None:
    """Raise CancelledError if this task has been cancelled and whoever it waited in has lost that.

    ``asyncio.TaskGroup`` loses a cancellation that comes while it ends because of an error, and
    ``asyncio.wait_for`` one that comes at the moment its work is done. A loop that catches errors
    and tries again would never end: it must ask. So must work that starts tasks: a group that is
    ending takes no more.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
