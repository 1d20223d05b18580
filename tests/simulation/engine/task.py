"""Tasks that are told apart by a number of their own, never by their address."""

import asyncio
from collections.abc import Coroutine, Generator
from contextvars import Context
from typing import Any, TypeVar

from tests.simulation.engine import incarnation
from tests.simulation.engine.incarnation import Incarnation

T = TypeVar("T")


class SimulatedTask(asyncio.Task[T]):
    """Hashes to its number: asyncio keeps tasks in sets, and walks them to cancel."""

    def __init__(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        loop: asyncio.AbstractEventLoop,
        number: int,
        name: str | None,
        context: Context | None,
    ) -> None:
        self.number = number
        self.incarnation = _owner(context)
        super().__init__(coro, loop=loop, name=name or f"task-{number}", context=context)

    def __hash__(self) -> int:
        return self.number

    def __eq__(self, other: object) -> bool:
        return self is other


def tasks_of(loop: asyncio.AbstractEventLoop) -> list[SimulatedTask[Any]]:
    """Those not done, in the order they were made."""
    tasks = [task for task in asyncio.all_tasks(loop) if isinstance(task, SimulatedTask)]
    return sorted(tasks, key=lambda task: task.number)


def task_of(handle: asyncio.Handle) -> "SimulatedTask[Any] | None":
    """The task that a callback is a step of."""
    callback: object = handle._callback  # type: ignore[attr-defined]  # where asyncio keeps it
    task = getattr(callback, "__self__", None)
    return task if isinstance(task, SimulatedTask) else None


def _owner(context: Context | None) -> Incarnation | None:
    """Whose context it is, or whose is the present one, which the task will inherit."""
    return incarnation.current() if context is None else incarnation.of(context)
