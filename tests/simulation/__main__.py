"""``python -m tests.simulation [--seeds N | --seed K] [--json]``: also ``make simulate``.

Runs the scenario with many seeds on all cores, or with one seed and shows its log and its trace.
Exit code 0: no violation; 1: a violation, or something declared that no seed reached; 2: wrong
usage, or interrupted.
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool

from rich.console import Console

from tests.simulation.engine.chunk import run_patiently
from tests.simulation.engine.explorer import explore
from tests.simulation.engine.progress import showing
from tests.simulation.engine.report import (
    outcome_json,
    print_outcome,
    print_summary,
    summary_json,
)
from tests.simulation.engine.summary import Summary
from tests.simulation.engine.target import (
    Universe,
    UnknownTarget,
    default_target,
    load_scenario,
    universe_of,
)

PASSED, FAILED, UNDONE = 0, 1, 2


def main(arguments: Sequence[str]) -> int:
    options = _parse(arguments)
    try:
        load_scenario(options.scenario)
        return _replay(options) if options.seed is not None else _explore(options)
    except UnknownTarget as error:
        sys.stderr.write(f"{error}\n")
    except BrokenProcessPool as error:
        sys.stderr.write(f"a worker process died: {error}\n")
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
    return UNDONE


def _replay(options: argparse.Namespace) -> int:
    outcome = run_patiently(options.seed, load_scenario(options.scenario), traced=True)
    if options.json:
        sys.stdout.buffer.write(outcome_json(outcome) + b"\n")
    else:
        console = Console(soft_wrap=True)
        print_outcome(console, outcome, options.scenario, every_step=options.steps)
    return PASSED if outcome.violation is None else FAILED


def _explore(options: argparse.Namespace) -> int:
    universe = universe_of(options.scenario)
    console = Console(stderr=options.json)
    seeds = range(options.first, options.first + options.seeds)
    console.print(f"{len(seeds):,} seeds of {options.scenario}", highlight=False)
    with showing(console, len(seeds)) as progress:
        summary = explore(options.scenario, seeds, jobs=options.jobs, progress=progress)
    if options.json:
        told = summary_json(summary, options.scenario, universe)
        sys.stdout.buffer.write(told + b"\n")
    else:
        print_summary(console, summary, options.scenario, universe)
    return _verdict(summary, universe)


def _verdict(summary: Summary, universe: Universe) -> int:
    if summary.violations or summary.unreached(universe) or summary.undeclared(universe):
        return FAILED
    return UNDONE if summary.interrupted else PASSED


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", metavar="N", type=_positive, default=300, help="how many")
    parser.add_argument("--first", metavar="K", type=int, default=1, help="the first of them")
    parser.add_argument("--seed", metavar="K", type=int, help="replay one, with all it did")
    parser.add_argument("--steps", action="store_true", help="with --seed: every step of it")
    parser.add_argument("--jobs", metavar="N", type=_positive, help="processes; one a core")
    parser.add_argument("--scenario", metavar="MODULE:NAME", default=default_target())
    parser.add_argument("--json", action="store_true", help="the result on stdout as JSON")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
