"""The table for people and bench.json for machines."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from tests.benchmarks.harness import Result, Spread
from tests.benchmarks.machine import Noise


def write_json(path: Path, results: Sequence[Result]) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n")


def print_table(console: Console, results: Sequence[Result], spreads: Mapping[str, Spread]) -> None:
    table = Table(title="Benchmarks", title_justify="left")
    for heading in ("what", "value", "reference", "ratio", "goal", ""):
        table.add_column(heading, justify="left" if heading in ("what", "reference") else "right")
    for result in results:
        table.add_row(*_cells(result, spreads.get(result.name)))
    console.print(table)


def print_noise(console: Console, before: Noise, after: Noise) -> None:
    drift = after.median_ms / before.median_ms
    console.print(
        f"noise: the same CPU work took {before.median_ms:.2f} ms before and {after.median_ms:.2f} "
        f"ms after ({drift:.2f} times), spread {before.spread:.0%} and {after.spread:.0%}"
    )


def print_verdict(console: Console, results: Sequence[Result], failed: Sequence[str]) -> None:
    missed = [result.name for result in results if not result.met]
    console.print(f"{len(results) - len(missed)} of {len(results)} goals met")
    for name in missed:
        console.print(f"[yellow]missed:[/] {name}")
    for name in failed:
        console.print(f"[red]failed to run:[/] {name}")


def _cells(result: Result, spread: Spread | None) -> tuple[str, ...]:
    is_limit = result.reference == "limit"
    ours = f" ±{spread.ours / 2:.0%}" if spread else ""
    theirs = f" ±{spread.reference / 2:.0%}" if spread else ""
    return (
        result.name,
        f"{_number(result.value)} {result.unit}{ours}",
        f"{result.reference}: {_number(result.reference_value)}{theirs}",
        f"{result.ratio:.2f}",
        f"{'≤' if is_limit else '≥'} {result.goal:g}",
        "[green]met[/]" if result.met else "[yellow]missed[/]",
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"
