"""patriot recover: from the log alone to a core that can serve."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import msgspec
import typer

from infra.cli.local import attached, running_core
from infra.cli.options import AsJson, DataDir, settings_for
from infra.cli.output import advise, console, errors, fail, print_json, print_rows
from infra.composition.replay_recover import (
    Damaged,
    LogIsEmpty,
    NothingThere,
    RecoveryFailed,
    Report,
    StillRunning,
    Watch,
    recover_beside,
    recover_core,
)

_COLUMNS = ("step", "seconds", "result")

_BEGIN_ANEW = "See docs/runbooks/recover.md; the same command begins anew."
_HINTS: dict[type[Exception], str] = {
    NothingThere: "Name the directory of the core with --data-dir.",
    StillRunning: "Stop every role of the core, then recover.",
    LogIsEmpty: "Nothing was changed. Restore the log from a backup first.",
    RecoveryFailed: _BEGIN_ANEW,
    Damaged: (
        "Stop the core, then `patriot recover`. Of one read model alone, beside the core: "
        "`patriot projections rebuild NAME`."
    ),
}


def recover(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Make what stands beside the log anew from it, and say how long each step took.

    Read models, workers' places, leadership: all of it where no core runs. Beside one that runs
    only Redis can be recovered; anything else is refused. Nothing is sent to any venue.
    """
    settings = settings_for(data_dir)
    running = running_core(settings.data_dir)
    with _watching() as watch:
        if running is None:
            report = _answer(lambda: recover_core(settings, watch))
        else:
            report = _answer(lambda: recover_beside(attached(settings), watch))
    if as_json:
        print_json({"beside": running is not None, **msgspec.to_builtins(report)})
    else:
        _print(report)


@contextmanager
def _watching() -> Iterator[Watch]:
    """On a terminal, the step that is under way."""
    with errors.status("starting") as status:
        yield status.update


def _print(report: Report) -> None:
    steps = [msgspec.to_builtins(step) for step in report.steps]
    print_rows(steps, _COLUMNS, as_json=False, folded="result")
    console.print()
    if report.head is None:
        console.print("the core serves: of Redis alone nothing has to be recovered")
        return
    console.print(
        f"recovered up to position {report.head} in {report.seconds:.1f} s", highlight=False
    )
    advise("Start the core; then `patriot verify` compares every row with the log.")


def _answer(work: Callable[[], Coroutine[Any, Any, Report]]) -> Report:
    try:
        return asyncio.run(work())
    except tuple(_HINTS) as error:
        _exit(error, str(error), _HINTS[type(error)])
    except KeyboardInterrupt as error:
        _exit(error, "stopped", _BEGIN_ANEW)


def _exit(error: BaseException, message: str, hint: str) -> NoReturn:
    fail(message, hint)
    raise typer.Exit(1) from error
