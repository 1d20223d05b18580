"""``python -m tests.benchmarks [-k NAME] [--scale FACTOR] [--output FILE] [--list]``

Runs the benchmarks on durable servers of their own, prints a table and writes bench.json. A missed
goal is reported and is no failure; a benchmark that cannot run is one.
"""

import argparse
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import redis
import uvloop
from rich.console import Console

from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.valkey import EmbeddedValkey
from tests.benchmarks import machine, report
from tests.benchmarks.catalogue import Run, load, topics
from tests.benchmarks.harness import Bench, Result, Spread

SCRATCH = Path(__file__).parents[2] / ".data"
"""On the disk of the checkout: a system's /tmp may be memory, where durability costs nothing."""


class Session:
    """One run of the chosen benchmarks, one after the other."""

    def __init__(
        self, postgres: EmbeddedPostgres, valkey: EmbeddedValkey, directory: Path, scale: float
    ) -> None:
        self._postgres = postgres
        self._valkey = valkey
        self._directory = directory
        self._scale = scale
        self.results: list[Result] = []
        self.spreads: dict[str, Spread] = {}
        self.failed: list[str] = []

    def run(self, topic: str, work: Run) -> None:
        bench = self._fresh(topic)
        try:
            self.results += uvloop.run(_call(work, bench))
        except Exception:  # noqa: BLE001  # reported; the other benchmarks still have their say
            traceback.print_exc()
            self.failed.append(topic)
        self.spreads |= bench.spreads

    def _fresh(self, topic: str) -> Bench:
        name = f"bench_{topic}"
        with psycopg.connect(self._postgres.dsn, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        with redis.Redis.from_url(self._valkey.url) as client:
            client.flushall()
        directory = self._directory / name
        directory.mkdir()
        return Bench(
            postgres_dsn=self._postgres.dsn_of(name),
            redis_url=self._valkey.url,
            tmp_path=directory,
            scale=self._scale,
        )


async def _call(work: Run, bench: Bench) -> list[Result]:
    return await work(bench)


@contextmanager
def session(scale: float) -> Iterator[Session]:
    """Servers and a directory that are gone afterwards."""
    SCRATCH.mkdir(exist_ok=True)
    with ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="bench-", dir=SCRATCH))
        stack.callback(shutil.rmtree, directory)
        postgres = EmbeddedPostgres(directory / "postgres")
        valkey = EmbeddedValkey(directory / "valkey")
        for server in (postgres, valkey):
            server.start()
            stack.callback(server.stop)
        yield Session(postgres, valkey, directory, scale)


def main(arguments: Sequence[str]) -> int:
    """0 if all ran, whatever they measured; 1 if one failed to run; 2 if none is named so."""
    options = _parse(arguments)
    chosen = topics(options.k)
    if options.list or not chosen:
        sys.stdout.write("\n".join(chosen) + "\n" if chosen else f"no benchmark: {options.k}\n")
        return 0 if chosen else 2
    console = Console()
    for label, value in machine.describe():
        console.print(f"{label}: {value}", highlight=False)
    before = machine.noise()
    with session(options.scale) as running:
        for number, topic in enumerate(chosen, 1):
            console.print(f"[dim]{number}/{len(chosen)} {topic} …[/]")
            running.run(topic, load(topic))
    report.print_table(console, running.results, running.spreads)
    report.print_noise(console, before, machine.noise())
    report.print_verdict(console, running.results, running.failed)
    report.write_json(options.output, running.results)
    return 1 if running.failed else 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("-k", metavar="NAME", help="only benchmarks whose name contains NAME")
    parser.add_argument("--scale", type=_positive, default=1.0, help="times the amount of work")
    parser.add_argument("--output", type=Path, default=Path("bench.json"))
    parser.add_argument("--list", action="store_true", help="only name the benchmarks")
    return parser.parse_args(arguments)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be above zero")
    return value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
