"""``patriot up`` as a process, reached as a user reaches it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx

START_SECONDS = 60.0
STOP_SECONDS = 30.0
ANSWER_SECONDS = 20.0


def patriot(*arguments: str, data_dir: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run one command of the CLI against a data directory."""
    return subprocess.run(
        [sys.executable, "-m", "infra.cli.main", *arguments],
        env={**os.environ, "PATRIOT_DATA_DIR": str(data_dir), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=check,
        timeout=60,
    )


class RunningCore:
    """A core under test: its process, and a client with an operator's token."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._output = (data_dir.parent / "up.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "infra.cli.main", "up", "--port", "0"],
            env={**os.environ, "PATRIOT_DATA_DIR": str(data_dir)},
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        self.http = httpx.Client(base_url=self._wait_for_url(), timeout=ANSWER_SECONDS)
        token = json.loads(
            patriot("token", "create", "--role", "operator", "--json", data_dir=data_dir).stdout
        )["token"]
        self.http.headers["Authorization"] = f"Bearer {token}"

    def _wait_for_url(self) -> str:
        """The core writes the file when it takes orders; one of a killed core names another pid."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the core ended: {self.log()}")
            try:
                running = json.loads((self.data_dir / "run.json").read_text())
                if running["pid"] == self.process.pid:
                    return str(running["url"])
            except (OSError, ValueError):
                pass
            time.sleep(0.05)
        raise AssertionError(f"the core did not start: {self.log()}")

    def log(self) -> str:
        return (self.data_dir.parent / "up.log").read_text(errors="replace")[-4_000:]

    def post(self, path: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
        """A command that must be acknowledged."""
        response = self.http.post(path, json=body, headers={"Idempotency-Key": key})
        assert response.status_code == 201, response.text
        document: dict[str, Any] = response.json()
        return document

    def get(self, path: str, **query: Any) -> Any:
        response = self.http.get(path, params=query)
        assert response.status_code == 200, response.text
        return response.json()

    def await_status(self, order_id: str, *wanted: str) -> dict[str, Any]:
        """The order once it has one of the statuses."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            order: dict[str, Any] = self.get(f"/v1/orders/{order_id}")
            if order["status"] in wanted:
                return order
            time.sleep(0.05)
        raise AssertionError(f"{order['status']}, not {wanted}: {self.log()}")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(STOP_SECONDS)
        self._close()

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(STOP_SECONDS)
        self._close()
        return code

    def _close(self) -> None:
        self.http.close()
        self._output.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()


@contextmanager
def running(data_dir: Path) -> Iterator[RunningCore]:
    data_dir.mkdir(parents=True, exist_ok=True)
    with RunningCore(data_dir) as core:
        yield core
