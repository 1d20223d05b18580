"""The harness compares fairly and reports in the agreed form."""

from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from tests.benchmarks import machine, report
from tests.benchmarks.catalogue import topics
from tests.benchmarks.harness import Bench, Result, alternate, percentile, spread


async def test_both_are_measured_in_turns() -> None:
    calls: list[str] = []

    async def ours() -> float:
        calls.append("o")
        return float(len(calls))

    async def theirs() -> float:
        calls.append("t")
        return float(len(calls))

    seen = await alternate(ours, theirs, 4)
    assert "".join(calls) == "ot" + "ottootto"
    assert seen == ([3, 6, 7, 10], [4, 5, 8, 9])


async def test_medians_are_compared(tmp_path: Path) -> None:
    bench = Bench(postgres_dsn="", redis_url="", tmp_path=tmp_path, scale=0.5)
    ours, theirs = iter([0, 30, 10, 20]), iter([0, 10, 10, 10])

    async def our_rate() -> float:
        return next(ours)

    async def their_rate() -> float:
        return next(theirs)

    result = await bench.compare(
        "n", "x/s", our_rate, reference="theirs", theirs=their_rate, goal=3, rounds=3
    )
    assert result == Result("n", 20, "x/s", "theirs", 10, 2.0, 3, met=False)
    assert bench.spreads["n"].ours == 1.0
    assert bench.spreads["n"].reference == 0.0
    assert (bench.scaled(100), bench.scaled(1)) == (50, 1)


def test_a_goal_is_met_at_its_bound() -> None:
    assert Result.at_least("n", 7, "x/s", reference="r", reference_value=10, goal=0.7).met
    assert not Result.at_least("n", 6.9, "x/s", reference="r", reference_value=10, goal=0.7).met
    assert Result.at_most("n", 5, "ms", 5).met
    assert not Result.at_most("n", 5.1, "ms", 5).met


@pytest.mark.parametrize(
    ("share", "value"), [(0.0, 1), (0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100)]
)
def test_percentile(share: float, value: float) -> None:
    assert percentile(list(range(100, 0, -1)), share) == value


def test_spread() -> None:
    assert spread([10]) == 0
    assert spread([8, 10, 12]) == pytest.approx(0.4)


def test_the_report_has_exactly_the_agreed_fields(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    report.write_json(
        path, [Result.at_least("n", 7, "x/s", reference="r", reference_value=10, goal=0.7)]
    )
    assert msgspec.json.decode(path.read_bytes()) == [
        {
            "name": "n",
            "value": 7.0,
            "unit": "x/s",
            "reference": "r",
            "reference_value": 10.0,
            "ratio": 0.7,
            "goal": 0.7,
            "met": True,
        }
    ]


def test_a_missed_goal_is_named() -> None:
    console = Console(record=True, width=200)
    results = [Result.at_most("slow thing", 9, "ms", 5), Result.at_most("fast thing", 1, "ms", 5)]
    report.print_table(console, results, {})
    report.print_verdict(console, results, ["broken"])
    text = console.export_text()
    assert "1 of 2 goals met" in text
    assert "missed: slow thing" in text
    assert "failed to run: broken" in text


def test_noise_is_a_share_of_the_median() -> None:
    noise = machine.noise()
    assert noise.median_ms > 0
    assert noise.spread >= 0


def test_topics_are_the_files(tmp_path: Path) -> None:
    for name in ("bench_b.py", "bench_ab.py", "harness.py"):
        (tmp_path / name).touch()
    assert topics(directory=tmp_path) == ["ab", "b"]
    assert topics("a", tmp_path) == ["ab"]
    assert topics("zzz", tmp_path) == []
