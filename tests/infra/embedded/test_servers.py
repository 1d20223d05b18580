"""Embedded servers: durable, private, restartable, and gone when their owner is."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import psutil  # type: ignore[import-untyped]  # published without type information
import psycopg
import pytest
import redis

from infra.embedded.errors import DataDirectoryInUse, ServerFailed
from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.system_user import unprivileged_user
from infra.embedded.valkey import EmbeddedValkey

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def directory(server_directory: Path, request: pytest.FixtureRequest) -> Path:
    """With a space in it, as home directories on some systems have."""
    directory = server_directory / f"a folder {abs(hash(request.node.name))}"
    directory.mkdir()
    return directory


def owner(directory: Path) -> subprocess.Popen[str]:
    """A process of its own session, as a shell would start it in the foreground."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.infra.embedded.owner", str(directory)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def answer(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture(params=["owner", "owner and its lifelines"])
def killed(request: pytest.FixtureRequest) -> str:
    """What was killed with kill -9."""
    return str(request.param)


@pytest.fixture
def killed_owner(directory: Path, killed: str) -> tuple[str, str]:
    """Addresses of servers whose owner wrote a row and was then killed with kill -9."""
    process = owner(directory)
    addresses = answer(process), answer(process)
    with psycopg.connect(addresses[0], autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS id")
    if killed != "owner":
        kill_lifelines(process.pid)
    process.kill()
    process.communicate()
    return addresses


def kill_lifelines(pid: int) -> None:
    for child in psutil.Process(pid).children():
        if child.name() == "sh":
            child.kill()


def kept_rows(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
    assert row is not None
    return int(row[0])


async def test_postgres_is_durable_and_private(directory: Path) -> None:
    async with EmbeddedPostgres(directory / "postgres") as server:
        connection = await asyncpg.connect(server.dsn)
        try:
            settings = {
                name: await connection.fetchval("SELECT current_setting($1)", name)
                for name in ("fsync", "synchronous_commit", "full_page_writes", "listen_addresses")
            }
        finally:
            await connection.close()
        assert server.socket_directory.stat().st_mode & 0o077 == 0
    assert settings == {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "listen_addresses": "",
    }


async def test_postgres_continues_on_the_same_directory(directory: Path) -> None:
    async with EmbeddedPostgres(directory) as server:
        connection = await asyncpg.connect(server.dsn)
        await connection.execute("CREATE TABLE kept AS SELECT 1 AS id")
        await connection.close()
    async with EmbeddedPostgres(directory) as server:
        assert kept_rows(server.dsn) == 1


def test_a_lock_file_of_a_killed_server_is_no_obstacle(directory: Path) -> None:
    """Its process number may be a zombie's by now, or that of another process of the same user."""
    server = EmbeddedPostgres(directory)
    server.start()
    lock_file = server.socket_directory / ".s.PGSQL.5432.lock"
    left = lock_file.read_text().splitlines(keepends=True)
    server.stop()
    user = unprivileged_user(directory)
    with subprocess.Popen(["sleep", "60"], user=user.uid if user else None) as other:
        try:
            lock_file.write_text("".join([f"{other.pid}\n", *left[1:]]))
            server.start()
            server.stop()
        finally:
            other.kill()


async def test_a_long_path_is_no_obstacle(directory: Path) -> None:
    deep = directory.joinpath(*["quite a long name of a folder"] * 8)
    async with (
        EmbeddedPostgres(deep / "postgres") as postgres,
        EmbeddedValkey(deep / "valkey") as valkey,
    ):
        sockets = postgres.socket_directory
        psycopg.connect(postgres.dsn).close()
        with redis.Redis.from_url(valkey.url) as client:
            assert client.ping()
    assert not sockets.exists()


def test_a_second_owner_is_refused(directory: Path) -> None:
    first = EmbeddedPostgres(directory)
    first.start()
    try:
        with pytest.raises(DataDirectoryInUse, match=f"in use by process {os.getpid()}"):
            EmbeddedPostgres(directory).start()
        psycopg.connect(first.dsn).close()
    finally:
        first.stop()


@pytest.mark.parametrize("killed", ["owner"], indirect=True)
def test_servers_end_with_their_killed_owner(killed_owner: tuple[str, str]) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not any(is_accepting(address) for address in killed_owner):
            return
        time.sleep(0.05)
    pytest.fail("a server outlived its owner")


def is_accepting(address: str) -> bool:
    try:
        if address.startswith("unix:"):
            with redis.Redis.from_url(address) as client:
                client.ping()
        else:
            psycopg.connect(address).close()
    except (psycopg.OperationalError, redis.exceptions.ConnectionError):
        return False
    return True


async def test_a_restart_after_kill_keeps_what_was_acknowledged(
    directory: Path, killed_owner: tuple[str, str]
) -> None:
    async with (
        EmbeddedPostgres(directory / "postgres") as postgres,
        EmbeddedValkey(directory / "valkey") as valkey,
    ):
        assert kept_rows(postgres.dsn) == 1
        assert is_accepting(valkey.url)


def test_a_server_killed_itself_recovers(directory: Path) -> None:
    """As when power fails: nothing is written out, a stale postmaster.pid stays."""
    server = EmbeddedPostgres(directory)
    server.start()
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS id")
    os.kill(postmaster_pid(directory), signal.SIGKILL)
    server.stop()
    assert (directory / "cluster" / "postmaster.pid").exists()
    server.start()
    try:
        assert kept_rows(server.dsn) == 1
    finally:
        server.stop()


def postmaster_pid(directory: Path) -> int:
    return int((directory / "cluster" / "postmaster.pid").read_text().split()[0])


def test_a_stale_pid_of_another_process_is_left_alone(directory: Path) -> None:
    server = EmbeddedPostgres(directory)
    server.start()
    server.stop()
    user = unprivileged_user(directory)
    with subprocess.Popen(["sleep", "60"], user=user.uid if user else None) as bystander:
        lines = [bystander.pid, directory / "cluster", 1, 5432, "", "", "1 1", "ready"]
        text = "".join(f"{line}\n" for line in lines)
        (directory / "cluster" / "postmaster.pid").write_text(text)
        server.start()
        try:
            assert psutil.pid_exists(bystander.pid)
            assert bystander.poll() is None
        finally:
            server.stop()
            bystander.kill()


def test_an_interrupted_initdb_is_done_again(directory: Path) -> None:
    (directory / "cluster.unfinished").mkdir()
    (directory / "cluster.unfinished" / "PG_VERSION").write_text("18\n")
    server = EmbeddedPostgres(directory)
    server.start()
    server.stop()


def test_ctrl_c_leaves_the_servers_to_their_owner(directory: Path) -> None:
    process = owner(directory)
    answer(process), answer(process)
    children = psutil.Process(process.pid).children()
    assert len(children) == 4, "two servers and their lifelines"
    assert all(os.getpgid(child.pid) != process.pid for child in children)
    os.killpg(process.pid, signal.SIGINT)
    assert answer(process) == "interrupted, both still here: True"
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_a_failure_shows_the_servers_own_words(directory: Path) -> None:
    server = EmbeddedPostgres(directory)
    server.start()
    server.stop()
    (directory / "cluster" / "postgresql.auto.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(ServerFailed, match="no_such_setting"):
        server.start()
    (directory / "cluster" / "postgresql.auto.conf").write_text("")
    server.start()
    server.stop()


async def test_a_cancelled_start_leaves_nothing_running(directory: Path) -> None:
    server = EmbeddedPostgres(directory)
    starting = asyncio.create_task(server.__aenter__())
    await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not server.is_running


async def test_valkey_keeps_nothing(directory: Path) -> None:
    async with EmbeddedValkey(directory) as server:
        with redis.Redis.from_url(server.url) as client:
            client.set("left", "over")
    async with EmbeddedValkey(directory) as server:
        with redis.Redis.from_url(server.url) as client:
            assert client.dbsize() == 0
