"""Many seeds on all cores."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice
from multiprocessing.synchronize import Event

from tests.simulation.engine.chunk import prepare, run_chunk
from tests.simulation.engine.run import Outcome, Scenario, run_seed
from tests.simulation.engine.summary import Found, Summary

CHUNK = 8
DIGEST_EVERY = 50
"""Each so many seeds, one is run again, in a fresh process, and must leave the same log."""

Progress = Callable[[Summary], None]


def hunt(scenario: Scenario, seeds: Sequence[int]) -> Outcome | None:
    """The first seed with a violation, searched for in this process."""
    outcomes = (run_seed(seed, scenario) for seed in seeds)
    return next((outcome for outcome in outcomes if outcome.violation is not None), None)


def explore(
    target: str,
    seeds: Sequence[int],
    *,
    jobs: int | None = None,
    stop_after: int | None = None,
    progress: Progress = lambda _summary: None,
) -> Summary:
    """Run every seed; ends early at ``stop_after`` violations and at Ctrl-C (``interrupted``).

    Raises BrokenProcessPool if a worker dies.
    """
    jobs = jobs or os.cpu_count() or 1
    summary = Summary()
    began = time.monotonic()
    try:
        with _pool(target, jobs) as (pool, stop):
            for part in _parts(pool, target, _chunks(seeds, jobs), jobs):
                summary.merge(part)
                summary.seconds = time.monotonic() - began
                progress(summary)
                if stop_after is not None and len(summary.violations) >= stop_after:
                    stop.set()
                    break
        if stop_after is None:
            summary.violations += _second_runs(target, summary.digests)
    except KeyboardInterrupt:
        summary.interrupted = True
    summary.seconds = time.monotonic() - began
    return summary


def _second_runs(target: str, digests: dict[int, str]) -> list[Found]:
    """Seeds whose log is another one in a process with other hashes and addresses."""
    if not digests:
        return []
    with _pool(target, 1) as (pool, _stop):
        again = pool.submit(run_chunk, target, list(digests), 1).result().digests
    return [
        Found(seed, "not deterministic: a second run left another log")
        for seed, digest in sorted(digests.items())
        if again[seed] != digest
    ]


def _chunks(seeds: Sequence[int], jobs: int) -> Iterator[Sequence[int]]:
    """Small enough that all cores have work until the end."""
    size = max(1, min(CHUNK, len(seeds) // (jobs * 4)))
    return (seeds[start : start + size] for start in range(0, len(seeds), size))


def _parts(
    pool: ProcessPoolExecutor, target: str, chunks: Iterator[Sequence[int]], jobs: int
) -> Iterator[Summary]:
    """The chunks' summaries as they come; no more are submitted than keep the workers busy."""
    running: set[Future[Summary]] = set()
    while True:
        for chunk in islice(chunks, 2 * jobs - len(running)):
            running.add(pool.submit(run_chunk, target, chunk, DIGEST_EVERY))
        if not running:
            return
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()


@contextmanager
def _pool(target: str, jobs: int) -> Iterator[tuple[ProcessPoolExecutor, Event]]:
    spawn = multiprocessing.get_context("spawn")
    stop = spawn.Event()
    pool = ProcessPoolExecutor(jobs, mp_context=spawn, initializer=prepare, initargs=(stop, target))
    try:
        _start(pool, jobs)
        yield pool, stop
    except BaseException:
        stop.set()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _start(pool: ProcessPoolExecutor, jobs: int) -> None:
    """The workers, one a submission: deaf to Ctrl-C from their birth on."""
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for _ in range(jobs):
            pool.submit(int)
    finally:
        signal.signal(signal.SIGINT, handler)
