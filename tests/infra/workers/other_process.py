"""A process beside this one, that can be stopped and killed."""

import signal
import subprocess
import sys
from typing import Self

import msgspec

from infra.workers.process_identity import ProcessIdentity

_TELLS_OF_ITSELF = """
import sys, msgspec
from infra.workers.process_identity import ProcessIdentity
sys.stdout.write(msgspec.json.encode(ProcessIdentity.of_this_process()).decode() + "\\n")
sys.stdout.flush()
sys.stdin.read()
"""


class OtherProcess:
    """``identity`` is what it says of itself."""

    def __init__(self) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-c", _TELLS_OF_ITSELF],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": ":".join(sys.path)},
        )
        assert self._popen.stdout
        self.identity = msgspec.json.decode(self._popen.stdout.readline(), type=ProcessIdentity)

    def stop(self) -> None:
        self._popen.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """It has ended, and nobody has asked how."""
        self._popen.kill()

    def bury(self) -> None:
        self._popen.wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._popen.kill()
        self._popen.communicate()
