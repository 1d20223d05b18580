"""Stops a child when its parent is gone, even when the parent was killed with kill -9."""

import signal
import subprocess

_WATCH = 'read -r _; kill -s "$1" "$2"'


class Lifeline:
    """A shell that waits on a pipe only the parent holds open, then signals the child."""

    def __init__(self, pid: int, number: signal.Signals) -> None:
        name = number.name.removeprefix("SIG")
        self._watcher = subprocess.Popen(  # noqa: S603  # fixed program and arguments
            ["/bin/sh", "-c", _WATCH, "sh", name, str(pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )

    def release(self) -> None:
        """The parent has stopped the child itself."""
        self._watcher.kill()
        self._watcher.communicate()
