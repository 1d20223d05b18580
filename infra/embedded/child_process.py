"""A server as a child process in its own session, with its output in a log file."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # published without type information

from infra.embedded.errors import ServerFailed
from infra.embedded.lifeline import Lifeline
from infra.embedded.system_user import SystemUser

POLL_SECONDS = 0.01
LOG_TAIL_BYTES = 2_000
LAST_WORDS_BYTES = 100_000
LOG_ROTATE_BYTES = 10_000_000

Shutdown = Sequence[tuple[signal.Signals, float]]
"""Signals to send in turn, each with the seconds it is given; the first is the clean one."""


class ChildProcess:
    """Started detached from the terminal: Ctrl-C reaches the parent alone, which drains first."""

    def __init__(self, name: str, log_path: Path, shutdown: Shutdown) -> None:
        self._name = name
        self._log_path = log_path
        self._shutdown = shutdown
        self._popen: subprocess.Popen[bytes] | None = None
        self._lifeline: Lifeline | None = None
        self._log_start = 0

    @property
    def is_running(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    @property
    def pid(self) -> int:
        assert self._popen is not None
        return self._popen.pid

    def start(
        self, command: Sequence[str], user: SystemUser | None, env: Mapping[str, str]
    ) -> None:
        rotate(self._log_path)
        with self._log_path.open("ab") as log:
            self._log_start = log.tell()
            self._popen = subprocess.Popen(  # noqa: S603  # fixed program, arguments not from users
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=dict(env),
                start_new_session=True,
                user=user.uid if user else None,
                group=user.gid if user else None,
                extra_groups=[] if user else None,
            )
        self._lifeline = Lifeline(self._popen.pid, self._shutdown[0][0])

    def wait_until(self, is_ready: Callable[[], bool], seconds: float) -> None:
        """Raises ServerFailed with the end of the log if the child ends or time runs out."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            if not self.is_running:
                raise self._failure("ended while starting")
            if time.monotonic() > deadline:
                raise self._failure(f"was not ready within {seconds:g} seconds")
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Send each signal in turn and wait its seconds, until the child has ended."""
        if self._popen is None:
            return
        for number, seconds in self._shutdown:
            if self._popen.poll() is not None:
                break
            self._popen.send_signal(number)
            try:
                self._popen.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
        if self._popen.poll() is None:
            raise self._failure("did not stop")
        self._popen = None
        if self._lifeline is not None:
            self._lifeline.release()
            self._lifeline = None

    def last_words(self, mark: str) -> str | None:
        """What follows a mark in the newest line of this run that has it, if not long ago."""
        text = tail(self._log_path, LAST_WORDS_BYTES, since=self._log_start)
        lines = [line for line in text.splitlines() if mark in line]
        return lines[-1].partition(mark)[2].strip() if lines else None

    def _failure(self, what: str) -> ServerFailed:
        return ServerFailed(f"{self._name} {what}; {self._log_path} ends:\n{tail(self._log_path)}")


def stop_orphan(pid: int, belongs_to: str, shutdown: Shutdown) -> None:
    """Stop a server whose owner was killed, if ``pid`` is still that server.

    ``belongs_to`` must stand in the process's command line: after a restart of the machine the
    same number may be anybody's.
    """
    try:
        process = psutil.Process(pid)
        if not any(belongs_to in part for part in process.cmdline()):
            return
        for number, seconds in shutdown:
            process.send_signal(number)
            if _has_ended(process, seconds):
                return
    except psutil.NoSuchProcess:
        return
    raise ServerFailed(f"process {pid}, left over on {belongs_to}, did not stop")


def _has_ended(process: psutil.Process, seconds: float) -> bool:
    """A zombie has ended: in a container there may be nobody to collect it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(POLL_SECONDS)
    return False


def plain_environment() -> dict[str, str]:
    """The environment without what would redirect PostgreSQL, in the C locale."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C"}


def rotate(log_path: Path) -> None:
    if log_path.exists() and log_path.stat().st_size > LOG_ROTATE_BYTES:
        log_path.replace(log_path.with_suffix(".log.1"))


def tail(log_path: Path, size: int = LOG_TAIL_BYTES, since: int = 0) -> str:
    with log_path.open("rb") as log:
        log.seek(max(since, log_path.stat().st_size - size))
        return log.read().decode(errors="replace")
