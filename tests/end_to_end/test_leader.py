"""One leader at a time: killed, it is replaced at once; stopped and woken, it does nothing more."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.event import decode
from domain.log import RecordedEvent
from domain.order.events import OrderSubmitting
from domain.session.events import LeaderEpochStarted
from infra.composition.roles import Role as CoreRole
from infra.workers.lease_table import LEASE_SECONDS
from tests.end_to_end.load import SYMBOL, Load, Trader
from tests.end_to_end.process import ANSWER_SECONDS, Process, until
from tests.end_to_end.roles import Roles, shared_servers
from tests.end_to_end.story import Snapshot, Story, shortened, snapshot

TRADERS = 4
WAITS = "another instance leads, waiting"


class TwoInstances:
    """Two execution roles and what they need, under load; ``leader`` was the first to lead."""

    def __init__(self, directory: Path, dsn: str, redis_url: str, stack: ExitStack) -> None:
        self._dsn = dsn
        directory.mkdir()
        self.roles = Roles(directory, shared_servers(dsn, redis_url), stack)
        for role in (CoreRole.MARKET, CoreRole.PROJECTOR, CoreRole.API):
            self.roles.start(role)
        self.leader = self.roles.start(CoreRole.EXECUTION, "leader")
        self.leader.await_output("leading")
        self.standby = self.roles.start(CoreRole.EXECUTION, "standby")
        self.standby.await_output(WAITS)
        self.load = Load([Trader(f"trader{n}", 40 + n) for n in range(TRADERS)])

    def start_load(self) -> None:
        client = self.roles.client()
        until(
            lambda: client.send("GET", "/v1/orders").status_code == 200 or None,
            ANSWER_SECONDS,
            self.roles.outputs,
        )
        path, query = "/v1/market/candles", {"symbol": SYMBOL, "interval": "1m"}
        candles = until(lambda: client.items(path, **query) or None, 20, self.roles.outputs)
        self.load.start(self.roles.url, self.roles.token, Decimal(candles[-1]["close"]))

    def await_sent_by(self, epoch: int) -> None:
        """Until a leader of the epoch has sent orders."""

        def sent() -> bool | None:
            return epoch in [intent.leader_epoch for _, intent in intents(self.recorded)] or None

        until(sent, ANSWER_SECONDS, self.roles.outputs)

    @property
    def recorded(self) -> list[RecordedEvent]:
        return snapshot(self._dsn).recorded

    def require_one_story(self) -> Snapshot:
        problems: list[str] = []

        def agreed() -> Snapshot | None:
            seen = snapshot(self._dsn)
            problems[:] = Story(seen).problems(self.load.answered)
            return None if problems else seen

        return until(agreed, 2 * ANSWER_SECONDS, lambda: shortened(problems))


@contextmanager
def two_instances(directory: Path, dsn: str, redis_url: str) -> Iterator[TwoInstances]:
    with ExitStack() as stack:
        instances = TwoInstances(directory, dsn, redis_url, stack)
        instances.start_load()
        stack.callback(instances.load.join)
        yield instances


@pytest.fixture
def instances(postgres_dsn: str, redis_url: str, data_dir: Path) -> Iterator[TwoInstances]:
    with two_instances(data_dir, postgres_dsn, redis_url) as running:
        yield running


def intents(recorded: list[RecordedEvent]) -> Iterator[tuple[int, OrderSubmitting]]:
    for event in recorded:
        if event.type == OrderSubmitting.__name__:
            intent = decode(event)
            assert isinstance(intent, OrderSubmitting)
            yield event.position, intent


def starts(recorded: list[RecordedEvent]) -> dict[int, int]:
    """Where each epoch started."""
    found = {}
    for event in recorded:
        if event.type == LeaderEpochStarted.__name__:
            started = decode(event)
            assert isinstance(started, LeaderEpochStarted)
            found[started.epoch] = event.position
    return found


def test_a_leader_stopped_past_its_lease_does_nothing_more(instances: TwoInstances) -> None:
    leader, standby = instances.leader, instances.standby
    instances.load.await_answers(TRADERS * 10)
    instances.await_sent_by(1)
    leader.popen.send_signal(signal.SIGSTOP)
    stopped_at = time.monotonic()
    standby.await_output('"leading"')
    assert time.monotonic() - stopped_at < LEASE_SECONDS + 2
    instances.await_sent_by(2)

    lines_before = len(leader.output().splitlines())
    leader.popen.send_signal(signal.SIGCONT)
    _await_reason(leader, lines_before)
    instances.load.await_answers(instances.load.count + TRADERS * 10)

    instances.load.join()
    seen = instances.require_one_story()
    second = starts(seen.recorded)[2]
    sent = list(intents(seen.recorded))
    assert {intent.leader_epoch for _, intent in sent} == {1, 2}
    assert [position for position, intent in sent if intent.leader_epoch == 1][-1] < second
    assert [event for event in seen.recorded if event.type == "VenueDataProblem"] == []
    _require_it_leads_again(instances)


def _await_reason(leader: Process, lines_before: int) -> None:
    """It says why it has stopped, and who leads."""

    def said() -> list[dict[str, Any]] | None:
        leader.require_running()
        lines = [json.loads(line) for line in leader.output().splitlines()[lines_before:]]
        return lines if any(line["event"] == WAITS for line in lines) else None

    lines = until(said, ANSWER_SECONDS, leader.output)
    (lost,) = [line for line in lines if line["event"] == "leadership_lost"]
    assert lost["reason"]
    (waits,) = [line for line in lines if line["event"] == WAITS]
    assert waits["epoch"] == 2


def _require_it_leads_again(instances: TwoInstances) -> None:
    """The one that was stopped is a standby like any other."""
    assert instances.standby.stop() == 0
    del instances.roles.running["standby"]
    until(lambda: 3 in starts(instances.recorded) or None, ANSWER_SECONDS, instances.roles.outputs)
    instances.roles.require_running()


def test_a_killed_leader_is_replaced_at_once(instances: TwoInstances) -> None:
    instances.load.await_answers(TRADERS * 10)
    instances.leader.kill()
    del instances.roles.running["leader"]
    killed_at = time.monotonic()
    instances.standby.await_output('"leading"')
    assert time.monotonic() - killed_at < LEASE_SECONDS / 2
    instances.await_sent_by(2)
    instances.load.join()
    seen = instances.require_one_story()
    assert set(starts(seen.recorded)) == {1, 2}
