"""kill -9 at any moment loses nothing that was acknowledged, and doubles nothing."""

import json
import signal
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random

import msgspec
import psutil  # type: ignore[import-untyped]  # published without type information
import pytest

from domain.log import RecordedEvent
from infra.composition.tokens import Role, new_token
from infra.settings import Settings
from tests.end_to_end.load import SYMBOL, Answered, Load, Trader
from tests.end_to_end.process import ANSWER_SECONDS, Process, RunningCore, running, until
from tests.end_to_end.story import SUBJECT, Snapshot, Story, shortened, snapshot

TRADERS = 4
KILLS = 20
TRADING_SECONDS = (0.05, 1.5)
"""How long a core trades before it is killed."""

STARTING_SECONDS = (0.3, 2.5)
AGREED_SECONDS = 30.0
"""An order that was killed on its way is unknown until it can no longer arrive."""


def kill_the_core(core: RunningCore) -> None:
    """Its servers notice that they are alone and stop, while the next core starts already."""
    core.kill()


def kill_the_core_and_postgres(core: RunningCore) -> None:
    postmaster = server(core, "postgres")
    core.kill()
    postmaster.kill()


def kill_the_core_and_its_watchers(core: RunningCore) -> None:
    """The servers live on, and nobody stops them but the next core."""
    watchers = [each for each in core.descendants() if each.name() == "sh"]
    assert watchers
    for watcher in watchers:
        watcher.kill()
    core.kill()


def kill_postgres_alone(core: RunningCore) -> None:
    server(core, "postgres").kill()
    _require_clear_end(core, "Postgres ended")


def kill_valkey_alone(core: RunningCore) -> None:
    server(core, "valkey-server").kill()
    _require_clear_end(core, "Valkey ended")


def _require_clear_end(core: RunningCore, reason: str) -> None:
    assert core.await_end() == 1
    assert reason in core.output()
    assert "\nTraceback" not in core.output()


def server(core: RunningCore, name: str) -> psutil.Process:
    """A direct child of the core: PostgreSQL's has many of the same name below it."""
    children = psutil.Process(core.popen.pid).children()
    (found,) = [child for child in children if child.name() == name]
    return found


KINDS: tuple[Callable[[RunningCore], None], ...] = (
    kill_the_core,
    kill_the_core_and_postgres,
    kill_the_core_and_its_watchers,
    kill_postgres_alone,
    kill_valkey_alone,
)


class Drill:
    """Cores on one data directory, one after the other, under the load of the same traders."""

    def __init__(self, data_dir: Path, seed: int) -> None:
        self._data_dir = data_dir
        self._random = Random(seed)
        self._load = Load([Trader(f"trader{n}", seed * 100 + n) for n in range(TRADERS)])

    def kill(self, times: int) -> None:
        """Each kind once at least; for the rest it is the core alone, or one that starts."""
        often = (self.kill_while_starting, self._rounds(kill_the_core))
        kills = [self.kill_while_starting, *map(self._rounds, KINDS)]
        kills += self._random.choices(often, (1, 4), k=times - len(kills))
        self._random.shuffle(kills)
        for kill in kills:
            kill()

    def _rounds(self, kill: Callable[[RunningCore], None]) -> Callable[[], None]:
        return partial(self.round, kill)

    def round(self, kill: Callable[[RunningCore], None]) -> None:
        """A core that is killed in the middle of its work."""
        with running(self._data_dir) as core:
            self._start_load(core)
            time.sleep(self._random.uniform(*TRADING_SECONDS))
            kill(core)
            self._load.join()

    def kill_while_starting(self) -> None:
        arguments = ["-m", "infra.cli.main", "up", "--port", "0"]
        with Process(arguments, self._data_dir) as core:
            time.sleep(self._random.uniform(*STARTING_SECONDS))
            core.kill()

    def last_round(self) -> None:
        """Every command gets its answer at last; then all must agree."""
        with running(self._data_dir) as core:
            self._start_load(core)
            self._load.await_answers(TRADERS)
            self._load.join()
            self._require_one_story()
            assert core.stop(signal.SIGINT) == 0

    def _start_load(self, core: RunningCore) -> None:
        token = new_token(Settings(data_dir=self._data_dir), Role.OPERATOR, SUBJECT)
        self._load.start(core.url, token, _price(core))

    def _require_one_story(self) -> None:
        dsn = json.loads((self._data_dir / "run.json").read_text())["postgres_dsn"]
        answered = self._load.answered
        problems: list[str] = []

        def agreed() -> Snapshot | None:
            seen = snapshot(dsn)
            problems[:] = Story(seen).problems(answered)
            return None if problems else seen

        seen = until(agreed, AGREED_SECONDS, lambda: shortened(problems))
        assert len([answer for answer in answered if answer.is_promise]) > TRADERS * 10
        assert any(order.is_live for order in Story(seen).expected.orders.values())
        _require_watchful(seen, answered)


def _require_watchful(seen: Snapshot, answered: Sequence[Answered]) -> None:
    """The same story, told wrong in one place, is not believed."""
    change = msgspec.structs.replace
    last_fill = [event for event in seen.recorded if event.type == "OrderFilled"][-1]
    wrong_balance = {**seen.read["balances"][0], "balance": Decimal(1)}
    promise = next(answer for answer in answered if answer.is_promise)
    unkept = change(promise, command=change(promise.command, key="never-sent"))
    wrong: dict[str, tuple[Snapshot, Sequence[Answered]]] = {
        "a lost fill": (
            change(seen, recorded=_without_end_of(last_fill, seen.recorded)),
            answered,
        ),
        "an execution twice": (change(seen, executed=[*seen.executed, seen.executed[0]]), answered),
        "an order sent twice": (change(seen, sent=[*seen.sent, seen.sent[0]]), answered),
        "a balance": (change(seen, read={**seen.read, "balances": [wrong_balance]}), answered),
        "a missing row": (change(seen, read={**seen.read, "executions": []}), answered),
        "a lost command": (seen, [*answered, unkept]),
    }
    for what, (told, answers) in wrong.items():
        assert Story(told).problems(answers), what


def _without_end_of(first: RecordedEvent, recorded: Sequence[RecordedEvent]) -> list[RecordedEvent]:
    """Without an event and what followed it in its stream."""
    return [
        event for event in recorded if event.stream != first.stream or event.version < first.version
    ]


def _price(core: RunningCore) -> Decimal:
    candles = until(
        lambda: core.client.items("/v1/market/candles", symbol=SYMBOL, interval="1m") or None,
        ANSWER_SECONDS,
        lambda: "no candles",
    )
    return Decimal(candles[-1]["close"])


@pytest.mark.parametrize("seed", [1])
def test_twenty_kills_and_nothing_acknowledged_is_lost(seed: int, data_dir: Path) -> None:
    drill = Drill(data_dir, seed)
    drill.kill(KILLS)
    drill.last_round()
