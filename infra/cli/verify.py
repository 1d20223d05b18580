"""patriot verify: do the read models say what the log says, and is the log itself whole?"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from infra.cli.local import attached
from infra.cli.options import AsJson, DataDir, settings_for
from infra.cli.output import advise, console, errors, fail, print_json, print_rows
from infra.composition.replay_verify import Difference, NoReadModels, Report, Watch, verify_core

SHOWN = 50
"""Differences and findings that are printed for people."""

NOTHING = "nothing"

_CHECKS = ("check", "examined", "findings")
_TABLES = ("table", "position", "rows", "differences")


def verify(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Check the log, and compare the read models with it, row by row. Exit code 1 if anything
    is not as it should be.

    Nothing is changed, and trading goes on.
    """
    settings = attached(settings_for(data_dir))
    try:
        with _progress() as watch:
            report = asyncio.run(verify_core(settings, watch))
    except NoReadModels as error:
        fail(str(error), "The projector makes them when it starts.")
        raise typer.Exit(1) from error
    if as_json:
        print_json({"sound": report.is_sound, **msgspec.to_builtins(report)})
    else:
        _print(report)
    if not report.is_sound:
        raise typer.Exit(1)


@contextmanager
def _progress() -> Iterator[Watch]:
    """On a terminal only."""
    columns = (TextColumn("reading the log"), BarColumn(), TaskProgressColumn())
    with Progress(
        *columns,
        TimeRemainingColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    ) as bar:
        task = bar.add_task("", total=None)
        yield lambda reached, head: bar.update(task, completed=reached, total=head)


def _print(report: Report) -> None:
    checks = [msgspec.to_builtins(check) for check in report.checks]
    print_rows(checks, _CHECKS, as_json=False)
    console.print()
    tables = [msgspec.to_builtins(table) for table in report.tables]
    print_rows(tables, _TABLES, as_json=False, spare=("position",))
    _print_some("Differences", _differences(report))
    _print_some("Findings", _findings(report))
    _conclude(report)
    for table in report.not_recomputed:
        advise(f"{table} was not compared: this version does not know it")


def _print_some(title: str, entries: Sequence[tuple[str, str]]) -> None:
    """What each is about, and under it what there is to say."""
    if entries:
        console.print(f"\n[bold]{title}[/bold]")
    before = None
    for about, words in entries[:SHOWN]:
        if about != before:
            console.print(about, markup=False, highlight=False, soft_wrap=True)
        console.print(f"    {words}", markup=False, highlight=False, soft_wrap=True)
        before = about
    if len(entries) > SHOWN:
        advise(f"{len(entries) - SHOWN} more: see --json")


def _conclude(report: Report) -> None:
    read = f"{report.events} events up to position {report.head}"
    rows = sum(table.rows for table in report.tables)
    console.print()
    if report.is_sound:
        console.print(f"{read} are whole, and {rows} rows say what they say", highlight=False)
        return
    differences = sum(table.differences for table in report.tables)
    findings = sum(check.findings for check in report.checks)
    found = f"differences in the read models: {differences}, findings in the log: {findings}"
    fail(f"{found}, in {read}", "See docs/runbooks/verify.md.")


def _differences(report: Report) -> list[tuple[str, str]]:
    return [
        (f"{each.table} {' '.join(each.key.values())}", _describe(each))
        for table in report.tables
        for each in table.listed
    ]


def _describe(difference: Difference) -> str:
    expected, found = difference.expected, difference.found
    if difference.column is None:
        return f"missing: {expected}" if found is None else f"one too many: {found}"
    return f"{difference.column}: expected {expected or NOTHING}, found {found or NOTHING}"


def _findings(report: Report) -> list[tuple[str, str]]:
    return [
        (f"position {each.position}, {each.subject}", f"{check.check}: {each.message}")
        for check in report.checks
        for each in check.listed
    ]
