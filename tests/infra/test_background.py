"""Work in the background: at a lower priority, here and in the database."""

import os
import subprocess
import sys

import asyncpg
import psutil  # type: ignore[import-untyped]  # published without type information
import pytest

from infra import background
from infra.background import NICENESS, backend_steps_back

PRINT_NICENESS = (
    "import os; from infra.background import step_back; {before}; step_back(); print(os.nice(0))"
)


@pytest.mark.parametrize(("before", "after"), [("os.nice(0)", NICENESS), ("os.nice(19)", 19)])
def test_a_process_steps_back_and_never_forward(before: str, after: int) -> None:
    code = PRINT_NICENESS.format(before=before)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(ran.stdout) == after


async def test_so_do_the_backends_of_a_pool(postgres_dsn: str) -> None:
    async with asyncpg.create_pool(
        postgres_dsn, min_size=2, max_size=2, init=backend_steps_back
    ) as pool:
        async with pool.acquire() as one, pool.acquire() as other:
            pids = [one.get_server_pid(), other.get_server_pid()]
        assert [psutil.Process(pid).nice() for pid in pids] == [NICENESS] * 2


async def test_a_backend_that_we_may_not_touch_serves_all_the_same(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse)
    async with asyncpg.create_pool(postgres_dsn, min_size=1, init=backend_steps_back) as pool:
        assert await pool.fetchval("select 1") == 1


async def test_nothing_else_of_that_number_is_touched(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server may count its processes elsewhere, as in another container."""
    touched: list[int] = []
    monkeypatch.setattr(background, "BACKEND", "another name")
    monkeypatch.setattr(os, "setpriority", lambda _, pid, __: touched.append(pid))
    async with asyncpg.create_pool(postgres_dsn, min_size=1, init=backend_steps_back) as pool:
        assert await pool.fetchval("select 1") == 1
    assert touched == []
