"""The log's disk is full: nothing is acknowledged, nothing is sent, and everybody says why.

With space and a new start it goes on, and nothing that was acknowledged is missing.
"""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from decimal import Decimal
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]  # published without type information
import psycopg
import pytest

from domain.log import RecordedEvent
from infra.composition.roles import Role as CoreRole
from infra.composition.tokens import Role, new_token
from infra.embedded.postgres import EmbeddedPostgres
from infra.settings import Settings
from tests.end_to_end.load import SYMBOL, Load, Trader
from tests.end_to_end.process import ANSWER_SECONDS, Client, RunningCore, running, until
from tests.end_to_end.roles import Roles, shared_servers
from tests.end_to_end.small_disk import CAN_MOUNT, Disk, small_disk
from tests.end_to_end.story import SUBJECT, Snapshot, Story, shortened, snapshot

TRADERS = 3


@pytest.fixture
def disk() -> Iterator[Disk]:
    with small_disk() as disk:
        yield disk


def require_one_story(dsn: str, load: Load) -> list[RecordedEvent]:
    """Nothing that was acknowledged is missing, and nothing was sent that is not in the log."""
    problems: list[str] = []

    def agreed() -> Snapshot | None:
        seen = snapshot(dsn)
        problems[:] = Story(seen).problems(load.answered)
        return None if problems else seen

    return until(agreed, 2 * ANSWER_SECONDS, lambda: shortened(problems)).recorded


def price(client: Client, explain: Callable[[], str]) -> Decimal:
    query = {"symbol": SYMBOL, "interval": "1m"}
    candles = until(
        lambda: client.items("/v1/market/candles", **query) or None, ANSWER_SECONDS, explain
    )
    return Decimal(candles[-1]["close"])


def traders() -> Load:
    return Load([Trader(f"trader{n}", 90 + n) for n in range(TRADERS)])


@pytest.fixture
def on_disk(disk: Disk, data_dir: Path) -> Path:
    """A data directory on the disk; what the processes write to the screen is kept elsewhere."""
    (disk.path / "data").mkdir(mode=0o711)
    data_dir.symlink_to(disk.path / "data")
    return data_dir


class Cores:
    """``patriot up`` on one data directory, one after the other, under load."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._load = traders()

    def until_it_ends(self, break_the_log: Callable[[RunningCore], None]) -> str:
        """What a core says that ends because its log cannot be written."""
        with running(self._data_dir) as core:
            self._trade(core)
            break_the_log(core)
            assert core.await_end() == 1, core.output()
            self._load.join()
            return core.output()

    def go_on(self) -> None:
        with running(self._data_dir) as core:
            self._trade(core)
            self._load.join()
            require_one_story(postgres_dsn(self._data_dir), self._load)
            assert core.stop(signal.SIGINT) == 0

    def _trade(self, core: RunningCore) -> None:
        token = new_token(Settings(data_dir=self._data_dir), Role.OPERATOR, SUBJECT)
        self._load.start(core.url, token, price(core.client, core.output))
        self._load.await_answers(TRADERS * 15)


def postgres_dsn(data_dir: Path) -> str:
    found: str = json.loads((data_dir / "run.json").read_text())["postgres_dsn"]
    return found


def postgres_of(core: RunningCore) -> list[psutil.Process]:
    return [each for each in core.descendants() if each.name() == "postgres"]


def require_clear_end(said: str, disk: Disk) -> None:
    unwrapped = " ".join(said.split())
    assert disk.complaint in unwrapped
    assert "start again" in unwrapped
    assert "Traceback" not in said


def test_a_core_on_a_full_disk_ends_with_the_reason_and_goes_on_later(
    disk: Disk, on_disk: Path
) -> None:
    cores = Cores(on_disk)
    said = cores.until_it_ends(lambda core: disk.fill(postgres_of(core)))
    require_clear_end(said, disk)
    disk.make_space()
    cores.go_on()


if CAN_MOUNT:  # where files cannot grow, the server itself is gone at once

    def test_a_write_ahead_log_without_space_ends_the_core(disk: Disk, on_disk: Path) -> None:
        """PostgreSQL panics. It is not to find out by itself what of it reached the disk."""

        def fill(core: RunningCore) -> None:
            disk.fill([])
            with (
                suppress(psycopg.Error),
                psycopg.connect(postgres_dsn(on_disk), autocommit=True) as connection,
            ):
                while True:
                    connection.execute("SELECT pg_switch_wal()")

        cores = Cores(on_disk)
        said = cores.until_it_ends(fill)
        require_clear_end(said, disk)
        disk.make_space()
        cores.go_on()

    def test_roles_whose_log_has_no_space_say_so_and_go_on_when_started_again(
        disk: Disk, redis_url: str, data_dir: Path
    ) -> None:
        data_dir.mkdir()
        server = EmbeddedPostgres(disk.path / "postgres")
        server.start()
        with ExitStack() as stack:
            stack.callback(server.stop)
            drill = RolesDrill(server.dsn, redis_url, data_dir, stack)
            drill.trade()
            disk.fill([])
            drill.require_halted(disk)
            disk.make_space()
            drill.require_still_halted()
            drill.start_again()
            drill.trade()
            drill.load.join()
            require_one_story(server.dsn, drill.load)


class RolesDrill:
    def __init__(self, dsn: str, redis_url: str, data_dir: Path, stack: ExitStack) -> None:
        self.roles = Roles(data_dir, shared_servers(dsn, redis_url), stack)
        for role in (CoreRole.MARKET, CoreRole.PROJECTOR, CoreRole.EXECUTION, CoreRole.API):
            self.roles.start(role)
        self.load = traders()
        self._opened = 0

    def trade(self) -> None:
        self._client = self.roles.client()
        self._price = price(self._client, self.roles.outputs)
        self.load.start(self.roles.url, self.roles.token, self._price)
        self.load.await_answers(TRADERS * 15)

    def require_halted(self, disk: Disk) -> None:
        """What executes ends; what serves goes on serving, and says that it takes nothing."""
        until(self._is_halted, ANSWER_SECONDS, self.roles.outputs)
        answer = self._open_account()
        assert answer.json()["code"] == "log_failed", answer.text
        assert int(answer.headers["Retry-After"]) > 0
        health = self._client.send("GET", "/health/ready")
        assert health.status_code == 503
        assert disk.complaint in health.json()["detail"]
        assert self._client.send("GET", "/v1/orders").status_code == 200
        execution = self.roles.running.pop("execution")
        assert execution.await_end() == 1
        require_clear_end(execution.output(), disk)
        self.roles.require_running()

    def require_still_halted(self) -> None:
        """Space alone is no proof of what the disk has kept: somebody has to start it again."""
        assert self._open_account().json()["code"] == "log_failed"

    def start_again(self) -> None:
        api = self.roles.running.pop("api")
        assert api.stop() == 0
        self.load.join()
        for role in (CoreRole.EXECUTION, CoreRole.API):
            self.roles.start(role)

    def _is_halted(self) -> bool | None:
        return self._open_account().status_code == 503 or None

    def _open_account(self) -> httpx.Response:
        self._opened += 1
        headers = {"Idempotency-Key": f"late-{self._opened}"}
        return self._client.send(
            "POST", "/v1/accounts", json={"client_id": "late"}, headers=headers
        )
