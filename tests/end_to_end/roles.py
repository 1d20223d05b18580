"""The roles of one core as processes, on servers that they share."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from infra.composition.roles import Role as CoreRole
from infra.composition.tokens import Role, new_token
from infra.settings import Settings
from tests.end_to_end.process import ANSWER_SECONDS, Client, Process, until

SECRET = "a-secret-of-the-tests-that-is-long-enough"
SYMBOL = "BTCUSDT"


def shared_servers(postgres_dsn: str, redis_url: str) -> dict[str, str]:
    """Where everything is: all that differs from one machine to many."""
    return {
        "PATRIOT_POSTGRES_DSN": postgres_dsn,
        "PATRIOT_REDIS_URL": redis_url,
        "PATRIOT_TOKEN_SECRET": SECRET,
        "PATRIOT_PORT": "0",
        "PATRIOT_LOG_JSON": "true",
    }


class Roles:
    """Processes by name, each with a data directory of its own."""

    def __init__(self, directory: Path, env: Mapping[str, str], stack: ExitStack) -> None:
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

    @property
    def url(self) -> str:
        """Of the API, once it listens."""
        line = self.running["api"].await_output("api_listening")
        return str(json.loads(line)["url"])

    @property
    def token(self) -> str:
        settings = Settings.model_validate({"data_dir": self._directory, "token_secret": SECRET})
        return new_token(settings, Role.OPERATOR, "operator")

    def client(self) -> Client:
        client = Client(self.url, self.token, self.outputs)
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
