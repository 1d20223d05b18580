"""The scale-out shape: each role a process of its own, on shared servers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from infra.composition.roles import Role as CoreRole
from infra.composition.tokens import Role, new_token
from infra.settings import Settings
from tests.end_to_end.process import ANSWER_SECONDS, REPOSITORY, Client, Process, until

SECRET = "a-secret-of-the-tests-that-is-long-enough"
SYMBOL = "BTCUSDT"


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
    """Where everything is: all that differs from one machine to many."""
    shared = {
        "PATRIOT_POSTGRES_DSN": postgres_dsn,
        "PATRIOT_REDIS_URL": redis_url,
        "PATRIOT_TOKEN_SECRET": SECRET,
        "PATRIOT_PORT": "0",
        "PATRIOT_LOG_JSON": "true",
    }
    if request.param == "postgres":
        yield shared
    else:
        with eventstoredb() as uri:
            yield {**shared, "PATRIOT_EVENTSTOREDB_URI": uri}


class Roles:
    """Processes by name, each with a data directory of its own."""

    def __init__(self, directory: Path, env: dict[str, str], stack: ExitStack) -> None:
        self._directory = directory
        self._env = env
        self._stack = stack
        self.running: dict[str, Process] = {}

    def start(self, role: CoreRole, name: str | None = None) -> Process:
        name = name or role.value
        arguments = ["-m", "infra.cli.main", "run", role.value]
        process = Process(arguments, self._directory / name, self._env, name)
        self.running[name] = self._stack.enter_context(process)
        return process

    def client(self) -> Client:
        line = self.running["api"].await_output("api_listening")
        settings = Settings.model_validate({"data_dir": self._directory, "token_secret": SECRET})
        token = new_token(settings, Role.OPERATOR, "operator")
        client = Client(json.loads(line)["url"], token, self.outputs)
        self._stack.callback(client.close)
        return client

    def require_running(self) -> None:
        for process in self.running.values():
            process.require_running()

    def outputs(self) -> str:
        """The end of what each has written."""
        return "\n".join(
            f"{name}: {process.output()[-2_000:]}" for name, process in self.running.items()
        )


class Trader:
    """An account with money, and orders that wait for the market to be there."""

    def __init__(self, client: Client, roles: Roles) -> None:
        self._client = client
        self._roles = roles
        self._count = 0
        self.account_id = client.post("/v1/accounts", "open", {"client_id": "alice"})["account_id"]
        path = f"/v1/accounts/{self.account_id}/deposits"
        client.post(path, "deposit", {"asset": "USDT", "amount": "10000"})

    def buy(self, **terms: str) -> str:
        """Tried again under a new key while the API has no quote yet."""
        return until(lambda: self._try(terms), ANSWER_SECONDS, self._roles.outputs)

    def _try(self, terms: dict[str, str]) -> str | None:
        self._count += 1
        body = {"account_id": self.account_id, "symbol": SYMBOL, "side": "buy", "quantity": "0.01"}
        headers = {"Idempotency-Key": f"o{self._count}"}
        answer = self._client.send("POST", "/v1/orders", json={**body, **terms}, headers=headers)
        document = answer.json()
        if document.get("code") in ("quote_missing", "quote_stale", "limits_unknown"):
            self._roles.require_running()
            return None
        assert answer.status_code == 201, document
        return str(document["order_id"])


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
