"""How far a run is: a bar on a terminal, a line now and then elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from tests.simulation.engine import explorer
from tests.simulation.engine.summary import Summary

FIRST_LINE_SECONDS = 1.0
LINE_SECONDS = 10.0
"""At most so far apart; the first lines come sooner."""


@contextmanager
def showing(console: Console, seeds: int) -> Iterator[explorer.Progress]:
    if console.is_terminal:
        with _bar(console, seeds) as show:
            yield show
    else:
        yield _Lines(console, seeds)


@contextmanager
def _bar(console: Console, seeds: int) -> Iterator[explorer.Progress]:
    columns = (
        TextColumn("seeds"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.1f}/s"),
        TimeRemainingColumn(),
        TextColumn("[red]{task.fields[violations]}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=seeds, rate=0.0, violations="")

        def show(summary: Summary) -> None:
            found = len(summary.violations)
            told = f"{found} violations" if found else ""
            bar.update(task, completed=summary.seeds, rate=_rate(summary), violations=told)

        yield show


class _Lines:
    def __init__(self, console: Console, seeds: int) -> None:
        self._console = console
        self._seeds = seeds
        self._next = FIRST_LINE_SECONDS

    def __call__(self, summary: Summary) -> None:
        if summary.seconds < self._next:
            return
        self._next = summary.seconds + min(summary.seconds, LINE_SECONDS)
        rate = _rate(summary)
        left = (self._seeds - summary.seeds) / rate if rate else 0.0
        self._console.print(
            f"{summary.seeds:,} of {self._seeds:,} seeds, {rate:.1f}/s, {left:,.0f} s left, "
            f"{len(summary.violations)} violations",
            highlight=False,
        )


def _rate(summary: Summary) -> float:
    return summary.seeds / summary.seconds if summary.seconds else 0.0
