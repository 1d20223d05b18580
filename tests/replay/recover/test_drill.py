"""Killed under load, and then robbed of all that stands beside the log: nothing is lost or done
twice."""

import json
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import redis

from infra.composition.tokens import Role, new_token
from infra.embedded.postgres import EmbeddedPostgres
from infra.settings import Settings
from tests.end_to_end.load import SYMBOL, Command, Load, Trader
from tests.end_to_end.process import ANSWER_SECONDS, RunningCore, patriot, running, until
from tests.end_to_end.story import SUBJECT, Snapshot, Story, shortened, snapshot

TRADERS = 4
ANSWERS = 60
AGREED_SECONDS = 20.0
"""An order that was killed on its way is unknown until it can no longer arrive."""

MODELS = ["accounts", "orders", "order_timeline", "risk", "operations"]
BUILD = f"^({'|'.join(MODELS)})_v[0-9]+_[0-9]+$"


def destroy_read_models(data_dir: Path) -> None:
    """The views and the tables of builds are gone, and so is one build; another is damaged."""
    with postgres(data_dir) as connection:
        builds = [
            name
            for (name,) in connection.execute(
                "SELECT nspname FROM pg_namespace WHERE nspname ~ %s ORDER BY 1", [BUILD]
            )
        ]
        assert len(builds) == len(MODELS)
        connection.execute("DROP SCHEMA read CASCADE")
        connection.execute("DROP SCHEMA projections CASCADE")
        connection.execute(f"DROP SCHEMA {builds[0]} CASCADE")
        (orders,) = [name for name in builds if name.startswith("orders_")]
        connection.execute(f"ALTER TABLE {orders}.orders DROP COLUMN status")


def destroy_workers(data_dir: Path) -> None:
    with postgres(data_dir) as connection:
        connection.execute("DROP SCHEMA workers CASCADE")


def destroy_valkey(data_dir: Path) -> None:
    shutil.rmtree(data_dir / "valkey")


class PatientTrader(Trader):
    """Amends nothing: money for an amendment that lost its race is free again after half a minute
    only, which is longer than anything else here takes."""

    def _amend(self, price: Decimal) -> Command:
        return self._near(price)


class Drill:
    """Cores on one data directory, one after the other, under the load of the same traders."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._load = Load([PatientTrader(f"trader{n}", n) for n in range(TRADERS)])

    def round(
        self, destroy: Callable[[Path], None], *, empty_redis: bool = False
    ) -> dict[str, Any]:
        """Kill a core under load, destroy, and recover: what the recovery says."""
        with running(self._data_dir) as core:
            self._trade(core)
            if empty_redis:
                self._empty_redis()
            core.kill()
            self._load.join()
        destroy(self._data_dir)
        recovered = patriot("recover", "--json", data_dir=self._data_dir)
        assert recovered.returncode == 0, recovered.stderr
        report: dict[str, Any] = json.loads(recovered.stdout)
        return report

    def _empty_redis(self) -> None:
        """Beside the core, which goes on."""
        with redis.Redis.from_url(self._where("redis_url")) as client:
            client.flushall()
        beside = patriot("recover", "--json", data_dir=self._data_dir)
        assert beside.returncode == 0, beside.stderr
        assert json.loads(beside.stdout)["beside"] is True

    def last_round(self) -> None:
        """Every command gets its answer at last; then all must agree."""
        with running(self._data_dir) as core:
            self._trade(core)
            self._load.join()
            seen = self._agreed()
            _require_nothing_twice(seen)
            assert core.stop(signal.SIGINT) == 0

    def _trade(self, core: RunningCore) -> None:
        token = new_token(Settings(data_dir=self._data_dir), Role.OPERATOR, SUBJECT)
        self._load.start(core.url, token, _price(core))
        self._load.await_answers(ANSWERS)

    def _agreed(self) -> Snapshot:
        problems: list[str] = []

        def agreed() -> Snapshot | None:
            seen = snapshot(self._where("postgres_dsn"))
            problems[:] = Story(seen).problems(self._load.answered)
            return None if problems else seen

        return until(agreed, AGREED_SECONDS, lambda: shortened(problems))

    def _where(self, server: str) -> str:
        return str(json.loads((self._data_dir / "run.json").read_text())[server])


def test_what_stands_beside_the_log_is_destroyed_under_load(data_dir: Path) -> None:
    drill = Drill(data_dir)

    report = drill.round(destroy_read_models)
    steps = {step["step"]: step["result"] for step in report["steps"]}
    assert [name for name in steps if name in MODELS] == MODELS
    assert all(steps[name].endswith(f"up to position {report['head']}") for name in MODELS)
    assert steps["leftovers"].count("_v") == len(MODELS) - 1
    assert "checkpoints, the first" in steps["workers"]

    report = drill.round(destroy_workers)
    steps = {step["step"]: step["result"] for step in report["steps"]}
    assert "no checkpoints" in steps["workers"]
    assert steps["leadership"] == "the next leader's epoch is above 2"

    drill.round(destroy_valkey, empty_redis=True)
    drill.last_round()


@contextmanager
def postgres(data_dir: Path) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """The server of a core that does not run."""
    server = EmbeddedPostgres(data_dir / "postgres")
    server.start()
    try:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            yield connection
    finally:
        server.stop()


def _require_nothing_twice(seen: Snapshot) -> None:
    intended = Counter(each.stream for each in seen.recorded if each.type == "OrderSubmitting")
    sent = Counter(row["client_order_id"] for row in seen.sent)
    assert len(sent) > TRADERS
    assert set(intended.values()) == set(sent.values()) == {1}
    epochs = [each for each in seen.recorded if each.type == "LeaderEpochStarted"]
    assert len(epochs) == 4, "each core began an epoch of its own"


def _price(core: RunningCore) -> Decimal:
    candles = until(
        lambda: core.client.items("/v1/market/candles", symbol=SYMBOL, interval="1m") or None,
        ANSWER_SECONDS,
        lambda: "no candles",
    )
    return Decimal(candles[-1]["close"])
