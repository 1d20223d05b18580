"""What a replay came to."""

import msgspec

from replay.decisions.difference import Difference
from replay.decisions.recorded_decision import Identity

MAX_TOLD = 10_000
"""Of each kind; what there is more of is only counted."""


class Unreplayable(msgspec.Struct, frozen=True):
    """A decision that could not be taken again, and why."""

    decision: Identity
    reason: str


class Report(msgspec.Struct):
    """Counts are complete; the lists hold MAX_TOLD at most, in the log's order.

    ``unused_limits`` are the scopes for which other limits were given, and by which none of the
    decisions was bound.
    """

    decisions: int = 0
    replayed: int = 0
    differing: int = 0
    not_replayable: int = 0
    differences: list[Difference] = []
    unreplayable: list[Unreplayable] = []
    unused_limits: list[str] = []

    @property
    def is_clean(self) -> bool:
        return not self.differing and not self.not_replayable

    def tell_of(self, difference: Difference) -> None:
        self.differing += 1
        if len(self.differences) < MAX_TOLD:
            self.differences.append(difference)

    def give_up_on(self, decision: Identity, reason: str) -> None:
        self.not_replayable += 1
        if len(self.unreplayable) < MAX_TOLD:
            self.unreplayable.append(Unreplayable(decision, reason))

    def sort(self) -> None:
        self.differences.sort(key=lambda each: each.decision.position)
        self.unreplayable.sort(key=lambda each: each.decision.position)
