"""How a rebuild goes on: a bar on a terminal, plain lines elsewhere; on standard error both."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from domain.event import format_time
from infra.cli.output import errors
from replay.cut import AROUND, Cut
from replay.rebuild_listener import RebuildListener
from replay.schemas import Progress as Reached

LINE_EVERY = 5.0
"""Seconds between two plain lines."""

_MINUTE = 60


class Pace:
    """Events a second and the time left, as seen since it was made."""

    def __init__(self, cut: Cut, reached: Reached) -> None:
        self._cut = cut.position
        self._from = reached
        self._started = time.monotonic()
        self.rate = 0.0
        self.seconds_left: float | None = None

    def note(self, reached: Reached) -> None:
        """Positions, not events, tell how much is left: how many events there are is not known."""
        seconds = max(time.monotonic() - self._started, 1e-6)
        self.rate = (reached.events - self._from.events) / seconds
        done = reached.checkpoint - self._from.checkpoint
        if done:
            self.seconds_left = seconds * (self._cut - reached.checkpoint) / done

    def __str__(self) -> str:
        left = "?" if self.seconds_left is None else _duration(self.seconds_left)
        return f"{self.rate:,.0f} events/s, {left} left"


class Lines:
    """``RebuildListener`` for a file or a program."""

    def __init__(self) -> None:
        self._pace: Pace | None = None
        self._cut = 0
        self._next = 0.0

    def started(self, cut: Cut, progress: Reached) -> None:
        _announce(cut, progress)
        self._pace = Pace(cut, progress)
        self._cut = cut.position
        self._next = time.monotonic() + LINE_EVERY

    def moved(self, progress: Reached) -> None:
        assert self._pace is not None, "it was started"
        self._pace.note(progress)
        if time.monotonic() >= self._next or progress.checkpoint == self._cut:
            self._next = time.monotonic() + LINE_EVERY
            _say(f"position {progress.checkpoint} of {self._cut}, {self._pace}")

    def digesting(self) -> None:
        _say("reading the tables for their digests")


class Bar:
    """``RebuildListener`` for a person."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._pace: Pace | None = None
        self._task = bar.add_task("resolving", total=None, pace="")

    def started(self, cut: Cut, progress: Reached) -> None:
        _announce(cut, progress)
        self._pace = Pace(cut, progress)
        self._bar.update(
            self._task, description="folding", total=cut.position, completed=progress.checkpoint
        )

    def moved(self, progress: Reached) -> None:
        assert self._pace is not None, "it was started"
        self._pace.note(progress)
        self._bar.update(self._task, completed=progress.checkpoint, pace=str(self._pace))

    def digesting(self) -> None:
        self._bar.update(self._task, description="digesting", pace="")


class _Share(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if task.total is None else f"{task.percentage:>3.0f}%")


@contextmanager
def shown() -> Iterator[RebuildListener]:
    """What shows a rebuild while the block runs."""
    if not errors.is_terminal:
        yield Lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        _Share(),
        TextColumn("{task.fields[pace]}"),
    )
    with Progress(*columns, console=errors, transient=True) as bar:
        yield Bar(bar)


def _announce(cut: Cut, progress: Reached) -> None:
    _say(f"{cut.asked_for} is position {cut.position}, recorded at {format_time(cut.recorded_at)}")
    if cut.out_of_order:
        _say(
            f"recorded times go back around it ({AROUND} events on either side are looked at): "
            "the position says what is in, not the time"
        )
    if progress.checkpoint:
        _say(f"goes on from position {progress.checkpoint}")


def _say(line: str) -> None:
    errors.print(line, highlight=False, soft_wrap=True, markup=False)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
