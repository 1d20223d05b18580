"""What happened in a seed, step by step, for people."""

from collections import deque

import msgspec

KEPT_STEPS = 100_000


class Step(msgspec.Struct, frozen=True, gc=False):
    """``routine`` is a step of a task; the others are actions worth reading first."""

    number: int
    seconds: float
    process: str
    action: str
    routine: bool

    def __str__(self) -> str:
        mark = " " if self.routine else "•"
        return f"{self.seconds:14.6f} {self.number:8} {mark} {self.process:<16} {self.action}"


class Trace:
    """The last steps of a run."""

    def __init__(self) -> None:
        self.steps: deque[Step] = deque(maxlen=KEPT_STEPS)

    def add(self, step: Step) -> None:
        self.steps.append(step)
