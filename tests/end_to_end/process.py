"""The core as processes, started and reached as a user starts and reaches them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
import psutil  # type: ignore[import-untyped]  # published without type information

from infra.composition.tokens import Role, new_token
from infra.settings import Settings

START_SECONDS = 60.0
STOP_SECONDS = 30.0
ANSWER_SECONDS = 20.0
POLL_SECONDS = 0.02

REPOSITORY = Path(__file__).parents[2]

Value = TypeVar("Value")


def environment(data_dir: Path, changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PATRIOT_")}
    own = {"PATRIOT_DATA_DIR": str(data_dir), "PYTHONPATH": str(REPOSITORY), "COLUMNS": "80"}
    return {**kept, **own, **(changes or {})}


def patriot(
    *arguments: str, data_dir: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one command of the CLI to its end, whatever its exit code."""
    return subprocess.run(
        [sys.executable, "-m", "infra.cli.main", *arguments],
        env=environment(data_dir, env),
        capture_output=True,
        text=True,
        check=False,
        timeout=START_SECONDS,
    )


def until(
    question: Callable[[], Value | None], seconds: float, otherwise: Callable[[], str]
) -> Value:
    """The first answer that is not None; an AssertionError with an explanation if there is none."""
    deadline = time.monotonic() + seconds
    while (answer := question()) is None:
        if time.monotonic() > deadline:
            raise AssertionError(otherwise())
        time.sleep(POLL_SECONDS)
    return answer


class Ended(AssertionError):
    """A process that should run does not; ``code`` is its exit code, below zero for a signal."""

    def __init__(self, name: str, code: int, output: str) -> None:
        super().__init__(f"{name} ended with {code}: {output}")
        self.code = code


class Process:
    """One process of the core, with what it writes in a file."""

    def __init__(
        self,
        arguments: Sequence[str],
        data_dir: Path,
        env: Mapping[str, str] | None = None,
        name: str = "core",
    ) -> None:
        self.name = name
        self._log_path = data_dir.parent / f"{name}.log"
        with self._log_path.open("ab") as log:
            self.started_at = log.tell()
            self.popen = subprocess.Popen(
                [sys.executable, *arguments],
                env=environment(data_dir, env),
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=REPOSITORY,
            )

    @property
    def is_running(self) -> bool:
        return self.popen.poll() is None

    def output(self) -> str:
        """What it has written since it was started."""
        with self._log_path.open("rb") as log:
            log.seek(self.started_at)
            return log.read().decode(errors="replace")

    def require_running(self) -> None:
        """Raises Ended."""
        code = self.popen.poll()
        if code is not None:
            raise Ended(self.name, code, self.output())

    def await_output(self, text: str) -> str:
        """The line with the text, once it is written."""

        def line() -> str | None:
            found = [each for each in self.output().splitlines() if text in each]
            if not found:
                self.require_running()
            return found[0] if found else None

        return until(
            line, START_SECONDS, lambda: f"{self.name} never wrote {text}: {self.output()}"
        )

    def descendants(self) -> list[psutil.Process]:
        """The embedded servers and all that they have started."""
        return list(psutil.Process(self.popen.pid).children(recursive=True))

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """The exit code after Ctrl-C, or another signal."""
        self.popen.send_signal(number)
        return self.await_end()

    def await_end(self) -> int:
        return self.popen.wait(STOP_SECONDS)

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait(STOP_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_running:
            self.kill()


def api_client(url: str, token: str) -> httpx.Client:
    """One that trusts no proxy of whoever runs the tests."""
    return httpx.Client(
        base_url=url,
        headers={"Authorization": f"Bearer {token}"},
        timeout=ANSWER_SECONDS,
        trust_env=False,
    )


class Client:
    """An operator at the API of a core."""

    def __init__(self, url: str, token: str, explain: Callable[[], str]) -> None:
        self.http = api_client(url, token)
        self._explain = explain

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Whatever the answer is; none at all is an AssertionError that says what the core said."""
        try:
            return self.http.request(method, path, **options)
        except httpx.TransportError as error:
            raise AssertionError(f"{error!r}: {self._explain()}") from error

    def post(self, path: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
        """A command that must be acknowledged."""
        response = self.send("POST", path, json=body, headers={"Idempotency-Key": key})
        assert response.status_code == 201, response.text
        document: dict[str, Any] = response.json()
        return document

    def cancel(self, order_id: str, key: str) -> None:
        headers = {"Idempotency-Key": key}
        response = self.send("DELETE", f"/v1/orders/{order_id}", headers=headers)
        assert response.status_code == 202, response.text

    def get(self, path: str, **query: Any) -> Any:
        response = self.send("GET", path, params=query)
        assert response.status_code == 200, response.text
        return response.json()

    def items(self, path: str, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(path, **query)["items"]
        return found

    def await_status(self, order_id: str, *wanted: str) -> dict[str, Any]:
        """The order once it has one of the statuses."""
        seen: dict[str, Any] = {}

        def order() -> dict[str, Any] | None:
            response = self.send("GET", f"/v1/orders/{order_id}")
            if response.status_code == 200:
                seen.update(response.json())
            return seen if seen.get("status") in wanted else None

        return until(order, ANSWER_SECONDS, lambda: f"{seen}, not {wanted}: {self._explain()}")

    def close(self) -> None:
        self.http.close()


class RunningCore(Process):
    """``patriot up`` that takes orders."""

    def __init__(self, data_dir: Path, env: Mapping[str, str] | None = None) -> None:
        super().__init__(["-m", "infra.cli.main", "up", "--port", "0"], data_dir, env)
        self.data_dir = data_dir
        try:
            self.url = until(
                self._announced, START_SECONDS, lambda: f"the core did not start: {self.output()}"
            )
        except BaseException:
            self.kill()
            raise
        token = new_token(Settings(data_dir=data_dir), Role.OPERATOR, "operator")
        self.client = Client(self.url, token, self.output)

    def _announced(self) -> str | None:
        """The core writes the file when it takes orders; one of a killed core names another pid."""
        self.require_running()
        try:
            running = json.loads((self.data_dir / "run.json").read_text())
        except FileNotFoundError:
            return None
        return str(running["url"]) if running["pid"] == self.popen.pid else None

    def __exit__(self, *_: object) -> None:
        self.client.close()
        if self.is_running:
            servers = self.descendants()
            self.kill()
            assert gone(servers)


@contextmanager
def running(data_dir: Path, env: Mapping[str, str] | None = None) -> Iterator[RunningCore]:
    """A core that is killed at the end of the block unless it was stopped before."""
    with RunningCore(data_dir, env) as core:
        yield core


def gone(processes: Sequence[psutil.Process]) -> bool:
    """True if all have ended within the time they are given to stop."""
    _, alive = psutil.wait_procs(processes, timeout=STOP_SECONDS)
    return not alive
