"""What people and programs are told of a run."""

import re
import shlex
from collections import Counter
from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.table import Table

from tests.simulation.engine.run import Outcome
from tests.simulation.engine.summary import Found, Summary
from tests.simulation.engine.target import Universe, default_target

SHOWN_KINDS = 8
SHOWN_SEEDS = 20
SHOWN_STEPS = 60
"""The steps of tasks that are shown before a violation; actions are all shown."""

_PARTICULARS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+([.,]\d+)*")
"""Ids, numbers, amounts."""


def replay_command(seed: int, target: str) -> str:
    """What shows a seed again, from the root of the project."""
    command = f"make simulate SEED={seed}"
    if target == default_target():
        return command
    return f"{command} ARGS={shlex.quote(f'--scenario {target}')}"


def print_summary(console: Console, summary: Summary, target: str, universe: Universe) -> None:
    console.print(_numbers(summary))
    console.print(_reached("faults", summary.faults, universe.faults))
    console.print(_reached("states", summary.states, universe.states))
    kinds = _by_kind(summary.violations)
    for kind in kinds[:SHOWN_KINDS]:
        _print_violation(console, kind[0], target)
        _print_seeds(console, kind[1:])
    if len(kinds) > SHOWN_KINDS:
        console.print(f"and {len(kinds) - SHOWN_KINDS} more kinds of violations")
    _print_verdict(console, summary, universe)


def print_outcome(console: Console, outcome: Outcome, target: str, *, every_step: bool) -> None:
    """A replayed seed: its log, its trace, and what came of it."""
    console.rule(f"event log of seed {outcome.seed}")
    console.out(outcome.events.decode(), highlight=False, end="")
    console.rule("trace: virtual seconds, step, process, action")
    last_routine = outcome.steps - SHOWN_STEPS
    for step in outcome.trace:
        if every_step or not step.routine or step.number > last_routine:
            console.out(str(step), highlight=False)
    console.rule()
    console.print(f"log sha256 {outcome.digest}", highlight=False)
    console.print(
        f"{outcome.steps:,} steps, {outcome.virtual_seconds:,.1f} virtual seconds", highlight=False
    )
    if outcome.violation is None:
        console.print("[green]no violation[/]")
    else:
        _print_violation(console, Found(outcome.seed, outcome.violation), target)


def summary_json(summary: Summary, target: str, universe: Universe) -> bytes:
    found = [
        {**msgspec.to_builtins(found), "replay": replay_command(found.seed, target)}
        for found in summary.violations
    ]
    told = {
        "scenario": target,
        "seeds": summary.seeds,
        "seconds": round(summary.seconds, 3),
        "seeds_per_second_per_core": round(summary.seeds_per_second_per_core, 2),
        "virtual_hours": round(summary.virtual_seconds / 3600, 3),
        "steps": summary.steps,
        "events": summary.events,
        "interrupted": summary.interrupted,
        "violations": found,
        "faults": dict(sorted(summary.faults.items())),
        "states": dict(sorted(summary.states.items())),
        "unreached": summary.unreached(universe),
        "undeclared": summary.undeclared(universe),
    }
    return msgspec.json.format(msgspec.json.encode(told))


def outcome_json(outcome: Outcome) -> bytes:
    told = {
        "seed": outcome.seed,
        "violation": outcome.violation,
        "sha256": outcome.digest,
        "steps": outcome.steps,
        "virtual_seconds": outcome.virtual_seconds,
        "faults": dict(sorted(outcome.faults.items())),
        "states": dict(sorted(outcome.states.items())),
        "events": [msgspec.Raw(line) for line in outcome.events.splitlines()],
        "trace": outcome.trace,
    }
    return msgspec.json.encode(told)


def _numbers(summary: Summary) -> Table:
    table = Table(show_header=False, title="simulation", title_justify="left")
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_row("seeds", f"{summary.seeds:,}")
    table.add_row("violations", f"{len(summary.violations):,}")
    table.add_row("seconds", f"{summary.seconds:,.1f}")
    table.add_row("seeds/s per core", f"{summary.seeds_per_second_per_core:,.1f}")
    table.add_row("virtual hours", f"{summary.virtual_seconds / 3600:,.2f}")
    table.add_row("steps", f"{summary.steps:,}")
    table.add_row("events", f"{summary.events:,}")
    return table


def _reached(title: str, counts: Counter[str], declared: frozenset[str]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("name")
    table.add_column("times", justify="right")
    for name in sorted(declared | set(counts)):
        times = counts[name]
        table.add_row(name, f"{times:,}" if times else "[red]never[/]")
    return table


def _print_violation(console: Console, found: Found, target: str) -> None:
    console.print(f"[bold red]violation[/] with seed {found.seed}", highlight=False)
    console.print(found.text, highlight=False, markup=False, soft_wrap=True)
    command = replay_command(found.seed, target)
    console.print(f"replay: {command}", highlight=False, markup=False, soft_wrap=True)


def _by_kind(violations: Sequence[Found]) -> list[list[Found]]:
    """Those that differ in names and numbers only go together; the most frequent kind first."""
    kinds: dict[str, list[Found]] = {}
    for found in violations:
        kinds.setdefault(_PARTICULARS.sub("#", found.text), []).append(found)
    return sorted(kinds.values(), key=len, reverse=True)


def _print_seeds(console: Console, others: Sequence[Found]) -> None:
    if not others:
        return
    seeds = ", ".join(str(found.seed) for found in others[:SHOWN_SEEDS])
    more = len(others) - SHOWN_SEEDS
    rest = f" and {more:,} more" if more > 0 else ""
    console.print(f"the same with seeds {seeds}{rest}", highlight=False, soft_wrap=True)


def _print_verdict(console: Console, summary: Summary, universe: Universe) -> None:
    unreached, undeclared = summary.unreached(universe), summary.undeclared(universe)
    if unreached:
        console.print(f"[red]no seed reached[/] {', '.join(unreached)}", highlight=False)
    if undeclared:
        console.print(f"[red]reached, not declared:[/] {', '.join(undeclared)}", highlight=False)
    if summary.interrupted:
        console.print("[yellow]interrupted:[/] this is what was done until then")
    elif not (summary.violations or unreached or undeclared):
        console.print("[green]no violation[/]")
