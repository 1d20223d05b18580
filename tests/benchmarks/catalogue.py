"""The benchmarks there are: every bench_TOPIC.py beside this file."""

import importlib
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.benchmarks.harness import Bench, Result

Run = Callable[[Bench], Awaitable[list[Result]]]

PREFIX = "bench_"


def topics(selection: str | None = None, directory: Path = Path(__file__).parent) -> list[str]:
    """All topics, or those whose name contains ``selection``."""
    names = sorted(path.stem.removeprefix(PREFIX) for path in directory.glob(f"{PREFIX}*.py"))
    return [name for name in names if selection is None or selection in name]


def load(topic: str) -> Run:
    module = importlib.import_module(f"tests.benchmarks.{PREFIX}{topic}")
    run: Run = module.run
    return run
