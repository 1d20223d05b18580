"""The log's server stopped, or killed and started again, while orders are placed.

Nobody is told of an order that is not in the log, nothing is sent that is not in it, and every role
goes on by itself when the log is back.
"""

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]  # published without type information
import pytest

from infra.composition.roles import Role as CoreRole
from infra.embedded.postgres import EmbeddedPostgres
from infra.workers.lease_table import LEASE_SECONDS
from tests.end_to_end.conftest import wait_for_servers_of
from tests.end_to_end.load import SYMBOL, Load, Trader
from tests.end_to_end.process import ANSWER_SECONDS, until
from tests.end_to_end.roles import Roles, shared_servers
from tests.end_to_end.story import Snapshot, Story, shortened, snapshot

TRADERS = 3
ORDERS = 3
GONE_SECONDS = float(os.environ.get("PATRIOT_TEST_LOG_GONE_SECONDS", LEASE_SECONDS + 4))
"""Longer than the lease: the lead has to be taken anew."""


class OwnServer:
    """A durable PostgreSQL of this test alone, that can be stopped, killed and started."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._server = EmbeddedPostgres(directory)
        self._server.start()
        self.dsn = self._server.dsn

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Connections stand, and nobody answers."""
        processes = self._processes()
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                process.send_signal(signal.SIGCONT)

    @contextmanager
    def killed(self) -> Iterator[None]:
        """All its processes at once, as when the power fails."""
        for process in self._processes():
            process.kill()
        try:
            yield
        finally:
            self._server.stop()
            self._server.start()
            assert self._server.dsn == self.dsn

    def end(self) -> None:
        self._server.stop()

    def _processes(self) -> list[psutil.Process]:
        (postmaster,) = [
            process
            for process in psutil.Process().children()
            if str(self._directory / "cluster") in process.cmdline()
        ]
        return [postmaster, *postmaster.children(recursive=True)]


@pytest.fixture
def server() -> Iterator[OwnServer]:
    directory = Path(tempfile.mkdtemp(prefix="patriot-gone-"))
    server = OwnServer(directory / "postgres")
    yield server
    server.end()
    wait_for_servers_of(directory)


class Drill:
    """All roles under load, on a server that goes away."""

    def __init__(self, server: OwnServer, redis_url: str, data_dir: Path, stack: ExitStack) -> None:
        self._server = server
        data_dir.mkdir()
        self.roles = Roles(data_dir, shared_servers(server.dsn, redis_url), stack)
        for role in (CoreRole.MARKET, CoreRole.PROJECTOR, CoreRole.EXECUTION, CoreRole.API):
            self.roles.start(role)
        self.client = self.roles.client()
        self.load = Load([Trader(f"trader{n}", 70 + n) for n in range(TRADERS)])
        candles = until(self._candles, ANSWER_SECONDS, self.roles.outputs)
        self.price = Decimal(candles[-1]["close"])
        account = self.client.post("/v1/accounts", "open", {"client_id": "watcher"})
        self._account_id = account["account_id"]

    def trade(self) -> None:
        self.load.start(self.roles.url, self.roles.token, self.price)
        self.load.await_answers(TRADERS * 15)

    def place(self, number: int) -> httpx.Response:
        order = {"account_id": self._account_id, "symbol": SYMBOL, "side": "buy"}
        return self.client.send(
            "POST",
            "/v1/orders",
            json={**order, "type": "market", "quantity": "0.01"},
            headers={"Idempotency-Key": f"refused-{number}"},
        )

    def require_refusals(self) -> None:
        """Every order gets the same clear answer, and whoever watches is told which part it is."""
        with ThreadPoolExecutor(ORDERS) as threads:
            answers = list(threads.map(self.place, range(ORDERS)))
        for answer in answers:
            assert answer.status_code == 503, answer.text
            assert answer.json()["code"] == "log_unavailable"
            assert int(answer.headers["Retry-After"]) > 0
        until(self._is_without_limits, ANSWER_SECONDS, self.roles.outputs)
        assert self.client.send("GET", "/health/live").status_code == 200
        self.roles.require_running()

    def require_that_all_goes_on(self) -> None:
        until(self._is_ready, ANSWER_SECONDS, self.roles.outputs)
        self.load.await_answers(self.load.count + TRADERS * 15)
        self.roles.require_running()
        self.load.join()
        self._require_one_story()
        newest = self._candles()
        until(lambda: self._candles() != newest or None, ANSWER_SECONDS, self.roles.outputs)

    def _require_one_story(self) -> None:
        problems: list[str] = []

        def agreed() -> Snapshot | None:
            seen = snapshot(self._server.dsn)
            problems[:] = Story(seen).problems(self.load.answered)
            return None if problems else seen

        until(agreed, 2 * ANSWER_SECONDS, lambda: shortened(problems))

    def _is_without_limits(self) -> bool | None:
        """What was halted meanwhile, nobody here would know."""
        health = self.client.send("GET", "/health/ready")
        assert health.status_code == 503
        assert health.json()["code"] == "not_ready"
        assert "log" in health.json()["detail"]
        return "limits" in health.json()["detail"] or None

    def _is_ready(self) -> bool | None:
        return self.client.send("GET", "/health/ready").status_code == 200 or None

    def _candles(self) -> list[dict[str, str]] | None:
        query = {"symbol": SYMBOL, "interval": "1m"}
        answer = self.client.send("GET", "/v1/market/candles", params=query)
        return answer.json()["items"] or None if answer.status_code == 200 else None


def test_every_role_waits_for_the_log_and_goes_on(
    server: OwnServer, redis_url: str, data_dir: Path
) -> None:
    with ExitStack() as stack:
        drill = Drill(server, redis_url, data_dir, stack)
        stack.callback(drill.load.join)
        for goes_away in (server.stopped, server.killed):
            drill.trade()
            gone_at = time.monotonic()
            with goes_away():
                drill.require_refusals()
                time.sleep(max(0.0, gone_at + GONE_SECONDS - time.monotonic()))
            drill.require_that_all_goes_on()
