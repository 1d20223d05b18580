"""patriot bench: what this machine does with it, against what it could do."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.output import fail

CHECKOUT = Path(__file__).parents[2]


def bench(
    only: Annotated[str | None, typer.Option("-k", help="Only those with this name.")] = None,
    scale: Annotated[float, typer.Option(min=0.001, help="Times the amount of work.")] = 1.0,
    output: Annotated[Path, typer.Option(help="Where the numbers go.")] = Path("bench.json"),
    names: Annotated[bool, typer.Option("--list", help="Only name the benchmarks.")] = False,
) -> None:
    """Run the benchmarks of the checkout and print a table."""
    if not (CHECKOUT / "tests" / "benchmarks" / "__main__.py").exists():
        fail("the benchmarks are not installed", "Run it from a checkout: make bench.")
        raise typer.Exit(1)
    arguments = ["--scale", str(scale), "--output", str(output.absolute())]
    arguments += ["-k", only] if only else []
    arguments += ["--list"] if names else []
    done = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-m", "tests.benchmarks", *arguments], cwd=CHECKOUT, check=False
    )
    raise typer.Exit(done.returncode)
