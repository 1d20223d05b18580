"""The core of a data directory while it runs: where it listens, and its embedded servers."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psutil  # type: ignore[import-untyped]  # published without type information

from infra.composition.servers import Servers
from infra.composition.tokens import CLI_VALIDITY, Role, new_token
from infra.settings import Settings, load_settings

RUN_FILE = "run.json"


class Running(msgspec.Struct, frozen=True):
    """What a running core tells the CLI, in a file that only its user can read."""

    url: str
    pid: int
    started: float
    postgres_dsn: str
    redis_url: str


@contextmanager
def announced(data_dir: Path, url: str, servers: Servers) -> Iterator[None]:
    """Let the CLI find this core while the block runs."""
    path = data_dir / RUN_FILE
    pid = os.getpid()
    started = psutil.Process(pid).create_time()
    running = Running(url, pid, started, servers.postgres_dsn, servers.redis_url)
    unfinished = path.with_suffix(".new")
    unfinished.touch(mode=0o600)
    unfinished.write_bytes(msgspec.json.encode(running))
    unfinished.rename(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def running_core(data_dir: Path) -> Running | None:
    """The core of a data directory; None if none runs, or one was killed.

    The pid of a killed core may be another process's by now, with another start time.
    """
    try:
        running = msgspec.json.decode((data_dir / RUN_FILE).read_bytes(), type=Running)
        started = psutil.Process(running.pid).create_time()
    except (OSError, msgspec.DecodeError, psutil.Error):
        return None
    return running if started == running.started else None


def attached(settings: Settings) -> Settings:
    """The settings, with the servers of the running core in place of embedded ones."""
    running = running_core(settings.data_dir)
    if running is None:
        return settings
    servers = {"postgres_dsn": running.postgres_dsn, "redis_url": running.redis_url}
    return settings.model_copy(update=servers)


def local_url() -> str:
    """PATRIOT_URL, else where the core of the data directory listens, else the default."""
    if url := os.environ.get("PATRIOT_URL"):
        return url
    settings = load_settings()
    running = running_core(settings.data_dir)
    return running.url if running else f"http://{settings.host}:{settings.port}"


def local_token() -> str:
    """PATRIOT_TOKEN, else a short-lived one signed with the data directory's own secret.

    Who can read that secret can sign any token: the file's mode is what protects it.
    """
    if token := os.environ.get("PATRIOT_TOKEN"):
        return token
    return new_token(load_settings(), Role.ADMIN, "cli", valid_for=CLI_VALIDITY)
