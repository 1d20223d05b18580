"""Where tasks stand, for people."""

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from tests.simulation.engine.task import SimulatedTask

ROOT = Path(__file__).parents[3]


def where(task: "asyncio.Task[Any]") -> str:
    """The innermost line of the project that a task waits at: ``domain/log_worker.py:71 run``."""
    places = [place(code, line) for code, line in _frames(task.get_coro())]
    ours = [place for place in places if place is not None]
    return ours[-1] if ours else "not begun"


def dump(tasks: Iterable[SimulatedTask[Any]]) -> str:
    """One line a task: process, name, where it waits."""
    return "\n".join(
        f"  {task.incarnation or 'world'} · {task.get_name()} · {where(task)}" for task in tasks
    )


def place(code: CodeType, line: int) -> str | None:
    """``domain/order/order.py:12 fill``; None for what is not of the project."""
    path = Path(code.co_filename)
    if not path.is_relative_to(ROOT) or ".venv" in path.parts:
        return None
    return f"{path.relative_to(ROOT)}:{line} {code.co_name}"


def _frames(awaited: object) -> Iterator[tuple[CodeType, int]]:
    """The chain of awaits, outermost first, through coroutines and async generators."""
    while awaited is not None:
        for kind in ("cr", "ag", "gi"):
            frame: FrameType | None = getattr(awaited, f"{kind}_frame", None)
            if frame is not None:
                yield frame.f_code, frame.f_lineno
                break
        awaited = _next(awaited)


def _next(awaited: object) -> object | None:
    for name in ("cr_await", "ag_await", "gi_yieldfrom"):
        following: object | None = getattr(awaited, name, None)
        if following is not None:
            return following
    return None
