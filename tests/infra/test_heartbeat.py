"""A role that hangs or is gone does not count as alive."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.heartbeat import BEAT_SECONDS, heartbeat, is_alive, main
from tests.doubles.manual_clock import ManualClock


def an_hour_ago(path: Path) -> None:
    then = (datetime.now(UTC) - timedelta(hours=1)).timestamp()
    os.utime(path, (then, then))


async def test_a_role_is_alive_while_it_beats(tmp_path: Path) -> None:
    clock = ManualClock()
    async with heartbeat(tmp_path, "api", clock):
        assert is_alive(tmp_path, "api", datetime.now(UTC))
        assert not is_alive(tmp_path, "market", datetime.now(UTC))
        an_hour_ago(tmp_path / "heartbeat-api")
        assert not is_alive(tmp_path, "api", datetime.now(UTC))
        await clock.until_asleep()
        await clock.advance(BEAT_SECONDS)
        await clock.until_asleep()
        assert is_alive(tmp_path, "api", datetime.now(UTC))
    assert not is_alive(tmp_path, "api", datetime.now(UTC))


async def test_a_cancelled_role_leaves_no_beat(tmp_path: Path) -> None:
    started = asyncio.Event()

    async def role() -> None:
        async with heartbeat(tmp_path, "api", ManualClock()):
            started.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(role())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not is_alive(tmp_path, "api", datetime.now(UTC))


def test_the_check_answers_with_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATRIOT_DATA_DIR", str(tmp_path))
    assert main(["api"]) == 1
    (tmp_path / "heartbeat-api").touch()
    assert main(["api"]) == 0
    assert main([]) == 2
    monkeypatch.setenv("PATRIOT_PORT", "none")
    assert main(["api"]) == 2
