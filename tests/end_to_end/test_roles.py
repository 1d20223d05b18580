"""The scale-out shape: each role a process of its own, on shared servers."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from infra.composition.roles import Role as CoreRole
from tests.end_to_end.process import REPOSITORY, Client, Process
from tests.end_to_end.roles import Roles, Trader, shared_servers


@contextmanager
def eventstoredb() -> Iterator[str]:
    """The wire double in a process of its own; its URI."""
    double = subprocess.Popen(
        [sys.executable, "-m", "tests.doubles.eventstoredb"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    with double:
        assert double.stdin
        assert double.stdout
        yield double.stdout.readline().strip()
        double.stdin.close()


@pytest.fixture(params=["postgres", "eventstoredb"])
def env(
    request: pytest.FixtureRequest, postgres_dsn: str, redis_url: str
) -> Iterator[dict[str, str]]:
    shared = shared_servers(postgres_dsn, redis_url)
    if request.param == "postgres":
        yield shared
    else:
        with eventstoredb() as uri:
            yield {**shared, "PATRIOT_EVENTSTOREDB_URI": uri}


def _epoch(client: Client, order_id: str) -> int:
    """Which leader has sent an order."""
    events = client.items("/v1/events", stream=f"order-{order_id}", limit=100)
    (epoch,) = [e["data"]["leader_epoch"] for e in events if e["type"] == "OrderSubmitting"]
    return int(epoch)


def test_orders_fill_across_processes_and_a_standby_takes_over(
    env: dict[str, str], data_dir: Path
) -> None:
    with ExitStack() as stack:
        roles = Roles(data_dir, env, stack)
        data_dir.mkdir()
        for role in (CoreRole.MARKET, CoreRole.PROJECTOR, CoreRole.API):
            roles.start(role)
        first = roles.start(CoreRole.EXECUTION)
        first.await_output("leading")
        standby = roles.start(CoreRole.EXECUTION, "standby")
        client = roles.client()
        trader = Trader(client, roles)

        bought = trader.buy(type="market")
        filled = client.await_status(bought, "filled")
        price = f"{float(filled['average_price']) * 0.96:.0f}"
        resting = trader.buy(type="limit", limit_price=price)
        client.await_status(resting, "new")
        standby.await_output("another instance leads")

        first.kill()
        del roles.running["execution"]
        standby.await_output("leading")
        client.cancel(resting, "cancel")
        client.await_status(resting, "cancelled")
        again = trader.buy(type="market", quantity="0.02")
        client.await_status(again, "filled")
        assert _epoch(client, again) == _epoch(client, bought) + 1

        for name, process in roles.running.items():
            assert process.stop() == 0, f"{name}: {process.output()}"


NOWHERE = {
    "PATRIOT_POSTGRES_DSN": "postgresql://patriot:hidden@127.0.0.1:1/patriot",
    "PATRIOT_REDIS_URL": "redis://:hidden@127.0.0.1:1/0",
    "PATRIOT_EVENTSTOREDB_URI": "esdb://patriot:hidden@127.0.0.1:1?tls=false",
}


def test_a_role_whose_server_is_away_says_so(
    postgres_dsn: str, redis_url: str, data_dir: Path
) -> None:
    there = {"PATRIOT_POSTGRES_DSN": postgres_dsn, "PATRIOT_REDIS_URL": redis_url}
    started: dict[str, Process] = {}
    with ExitStack() as stack:
        for (setting, address), role in zip(NOWHERE.items(), CoreRole, strict=False):
            directory = data_dir / setting
            directory.mkdir(parents=True)
            roles = Roles(directory, {**there, setting: address}, stack)
            started[setting] = roles.start(role)
        for setting, process in started.items():
            assert process.await_end() == 1, f"{setting}: {process.output()}"
            message = process.output()
            assert "127.0.0.1:1" in message
            assert "answers at" in message
            assert "Traceback" not in message
            assert "hidden" not in message
