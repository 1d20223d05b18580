"""Whatever ends a core is one line for its user, and a regular end is no failure."""

import asyncio
import os
import signal

import pytest
import typer

from domain.log import LogUnavailable
from infra.cli.failure import explain
from infra.cli.work import run_until_stopped
from infra.composition.api import CannotListen
from infra.embedded.errors import ServerFailed
from infra.settings import SettingsError
from infra.workers.leadership import LeadershipLost


def test_the_likeliest_cause_is_found_in_groups_of_groups() -> None:
    lost = ExceptionGroup("inner", [LeadershipLost("the lock is gone"), LogUnavailable("away")])
    group = ExceptionGroup("outer", [lost, ServerFailed("Postgres ended; server.log ends:\nmore")])
    failure = explain(group)
    assert failure.message == "Postgres ended; server.log"
    assert failure.was_foreseen


def test_a_defect_is_told_by_its_name() -> None:
    failure = explain(ExceptionGroup("group", [ZeroDivisionError("by zero")]))
    assert failure.message == "ZeroDivisionError: by zero"
    assert not failure.was_foreseen


async def _fail(*errors: Exception) -> None:
    raise ExceptionGroup("group", errors)


def test_a_failure_exits_with_1_and_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        run_until_stopped(_fail(OSError("no"), CannotListen("cannot listen on port 1")))
    assert ended.value.exit_code == 1
    first, *_ = capsys.readouterr().err.splitlines()
    assert first == "error cannot listen on port 1"


def test_a_setting_that_shows_late_is_still_wrong_usage() -> None:
    with pytest.raises(SettingsError, match="PATRIOT_TOKEN_SECRET"):
        run_until_stopped(_fail(SettingsError("PATRIOT_TOKEN_SECRET", "too short")))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_regular_end_that_lets_work_finish(number: signal.Signals) -> None:
    finished = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            finished.append(True)

    run_until_stopped(work())
    assert finished
