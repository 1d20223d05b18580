"""patriot replay: decisions."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec
import typer
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from domain.errors import InvalidInput, Refused
from domain.event import UndecodableEvent, UnknownEventType
from domain.risk.limits import Limits
from infra.cli.local import attached
from infra.cli.options import AsJson, DataDir, settings_for
from infra.cli.output import (
    Row,
    advise,
    console,
    errors,
    fail,
    print_json,
    print_record,
    print_rows,
)
from infra.composition.replay_decisions import (
    Asked,
    Difference,
    Finding,
    ReplayFailed,
    Report,
    decision_replays,
    parse_limits,
)
from infra.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The past once more.")

_INDENT = (0, 0, 0, 3)


@app.callback()
def replay() -> None:
    """The past once more."""


@app.command("decisions")
def decisions(
    order: Annotated[str | None, typer.Option(help="Only those on this order.")] = None,
    since: Annotated[
        str | None,
        typer.Option("--from", help="Recorded from here on: 2026-01-31T09:30:00Z, or a position."),
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="Recorded up to here.")] = None,
    with_limits: Annotated[
        Path | None,
        typer.Option(help="JSON or TOML of limits by scope: what would they have changed?"),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Take recorded decisions again on exactly what they were taken on, and compare.

    Exit 0: none differs; 1: some do, or cannot be taken again. Nothing is written.
    """
    if order is not None and (since is not None or until is not None):
        raise typer.BadParameter("give --order, or --from and --to")
    limits = None if with_limits is None else _read(with_limits)
    settings = attached(settings_for(data_dir))
    report = _replayed(settings, Asked(order, since, until), limits)
    if as_json:
        print_json(msgspec.to_builtins(report))
    else:
        _tell(report, what_if=limits is not None)
    if not report.is_clean:
        raise typer.Exit(1)


def _read(file: Path) -> dict[str, Limits]:
    try:
        return parse_limits(file.read_text("utf-8"), toml=file.suffix == ".toml")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file} cannot be read: {error}")
        raise typer.Exit(2) from error
    except InvalidInput as error:
        _refuse(error, f"{file}, {error.field}: {error}")


def _replayed(settings: Settings, asked: Asked, limits: Mapping[str, Limits] | None) -> Report:
    async def work() -> Report:
        async with decision_replays(settings) as replays:
            with _progress() as on_move:
                return await replays.run(asked, limits, on_move)

    try:
        return asyncio.run(work())
    except Refused as error:
        _refuse(error, str(error))
    except (ReplayFailed, UndecodableEvent, UnknownEventType) as error:
        fail(str(error), "Nothing after it was looked at.")
        raise typer.Exit(1) from error


def _refuse(error: Refused, message: str) -> NoReturn:
    fail(message, f"({error.code})")
    raise typer.Exit(2 if isinstance(error, InvalidInput) else 1) from error


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, where a person looks."""
    columns = (
        TextColumn("deciding again"),
        BarColumn(),
        TaskProgressColumn(show_speed=True),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("deciding", total=None)
        yield lambda position, last: bar.update(task, completed=position, total=last)


def _tell(report: Report, *, what_if: bool) -> None:
    print_record(_summary(report, what_if=what_if), as_json=False)
    for difference in report.differences:
        _tell_of(difference)
    if report.unreplayable:
        console.print("\n[bold]Not replayable[/bold]")
        reasons = Counter(each.reason for each in report.unreplayable)
        told = [{"decisions": n, "reason": reason} for reason, n in reasons.most_common()]
        print_rows(told, ("decisions", "reason"), as_json=False, folded="reason")
    for scope in report.unused_limits:
        advise(f"none of these decisions was bound by the limits of {scope}")
    if left_out := report.differing - len(report.differences):
        advise(f"and {left_out} more that differ: narrow it with --from and --to")


def _summary(report: Report, *, what_if: bool) -> Row:
    return {
        "decisions": report.decisions,
        "replayed": report.replayed,
        "would_turn" if what_if else "differing": report.differing,
        "not_replayable": report.not_replayable,
    }


def _tell_of(difference: Difference) -> None:
    decision = difference.decision
    console.print(
        f"\n[bold]{decision.order_id}[/bold]  {decision.type} at position {decision.position}: "
        f"{difference.then} then, {difference.now} now",
        highlight=False,
    )
    table = Table("control", "scope", "then", "now", "measured", "limit", box=None, pad_edge=False)
    for found in difference.controls:
        then, now = found.then, found.now
        changes = (_change(then, now, name) for name in ("measured", "limit"))
        table.add_row(found.control, found.scope, _verdict(then), _verdict(now), *changes)
    if difference.controls:
        console.print(Padding(table, _INDENT))


def _verdict(found: Finding | None) -> str:
    if found is None:
        return "–"
    return "passed" if found.passed else "failed"


def _change(then: Finding | None, now: Finding | None, name: str) -> str:
    before, after = (getattr(found, name, None) or "–" for found in (then, now))
    return before if before == after else f"{before} → {after}"
