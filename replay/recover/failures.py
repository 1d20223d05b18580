"""Why a recovery ended before its end."""

from collections.abc import Sequence


class LogIsEmpty(Exception):
    """Read models made from it would be empty: the log is gone, or it is not this one."""

    def __init__(self) -> None:
        super().__init__("there is nothing in the log")


class Damaged(Exception):
    """More than Redis is concerned. ``what`` names it."""

    def __init__(self, what: Sequence[str]) -> None:
        super().__init__("; ".join(what))
        self.what = what


class PartFailed(Exception):
    """What keeps a part from being made anew, in words for people."""


class RecoveryFailed(Exception):
    """What was done stays; the next recovery begins anew. ``step`` is the one that failed."""

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(f"{step}: {reason}")
        self.step = step
