"""Which process this is, so that another one on the same machine can see that it has ended."""

import os
import socket
from pathlib import Path

import msgspec

_STATE, _STARTED = 0, 19
"""Fields of ``/proc/PID/stat`` after the name in brackets: a letter, and ticks since the boot."""

_ENDED = frozenset("ZXx")
"""A zombie has ended: it only waits for its parent to ask how."""


class ProcessIdentity(msgspec.Struct, frozen=True):
    """``machine`` is one boot of one kernel and one process namespace, None where neither can be
    told. ``started`` tells a process from a later one of the same number."""

    host: str = "an unknown host"
    pid: int = 0
    machine: str | None = None
    started: int | None = None

    @classmethod
    def of_this_process(cls) -> "ProcessIdentity":
        pid = os.getpid()
        stat = _stat(pid)
        started = int(stat[_STARTED]) if stat else None
        return cls(socket.gethostname(), pid, this_machine() if stat else None, started)

    def has_ended(self) -> bool:
        """True only where it is certain: asked on the machine itself, and no such process runs.

        A stopped process has not ended. Where processes of other users are hidden, theirs have not.
        """
        if self.machine is None or self.machine != this_machine():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        stat = _stat(self.pid)
        return stat is not None and (stat[_STATE] in _ENDED or int(stat[_STARTED]) != self.started)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def this_machine() -> str | None:
    """Process numbers are comparable where this is equal; Linux alone can tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return None


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()
