"""What a recovery did, and how long it took."""

from collections.abc import Sequence

import msgspec


class StepDone(msgspec.Struct, frozen=True):
    """``result`` is for people."""

    step: str
    seconds: float
    result: str


class Report(msgspec.Struct, frozen=True):
    """``head`` is the position of the log's last event then; None where the log was not read."""

    head: int | None
    seconds: float
    steps: Sequence[StepDone]
