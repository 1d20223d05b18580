"""patriot verify: do the read models say what the log says, and is the log itself whole?"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from infra.cli.local import attached
from infra.cli.options import AsJson, DataDir, settings_for
from infra.cli.output import Row, advise, console, errors, fail, print_json, print_rows
from infra.composition.replay_verify import NoReadModels, Report, Watch, verify_core

SHOWN = 50
"""Differences and findings that are printed for people."""

_CHECKS = ("check", "examined", "findings")
_TABLES = ("table", "position", "rows", "differences")
_DIFFERENCES = ("table", "key", "column", "expected", "found")
_FINDINGS = ("position", "check", "subject", "message")


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
    _print_some("Differences", _differences(report), _DIFFERENCES)
    _print_some("Findings", _findings(report), _FINDINGS)
    _conclude(report)
    for table in report.not_recomputed:
        advise(f"{table} was not compared: this version does not know it")


def _print_some(title: str, rows: list[Row], columns: tuple[str, ...]) -> None:
    if rows:
        console.print(f"\n[bold]{title}[/bold]")
        print_rows(rows[:SHOWN], columns, as_json=False, folded=columns[-1])
    if len(rows) > SHOWN:
        advise(f"{len(rows) - SHOWN} more: see --json")


def _conclude(report: Report) -> None:
    read = f"{report.events} events up to position {report.head}"
    rows = sum(table.rows for table in report.tables)
    console.print()
    if report.is_sound:
        console.print(f"{read} are whole, and {rows} rows say what they say", highlight=False)
        return
    differences = sum(table.differences for table in report.tables)
    findings = sum(check.findings for check in report.checks)
    fail(
        f"{differences} differences in the read models, {findings} findings in the log, of {read}",
        "See docs/runbooks/verify.md.",
    )


def _differences(report: Report) -> list[Row]:
    return [
        {
            "table": difference.table,
            "key": " ".join(difference.key.values()),
            "column": difference.column or "the row",
            "expected": difference.expected,
            "found": difference.found,
        }
        for table in report.tables
        for difference in table.listed
    ]


def _findings(report: Report) -> list[Row]:
    return [
        {"check": check.check, **msgspec.to_builtins(finding)}
        for check in report.checks
        for finding in check.listed
    ]
