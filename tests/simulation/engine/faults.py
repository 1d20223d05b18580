"""Which faults there are, and which a run has met."""

from collections import Counter

ENGINE_FAULTS = frozenset(
    {
        "clock/skewed",
        "clock/stepped",
        "log/answer_lost",
        "log/answer_unheard",
        "log/append_late",
        "log/append_refused",
        "log/append_slow",
        "log/delivery_late",
        "log/outage",
        "log/pages_cut",
        "log/read_failed",
        "process/killed",
        "process/paused",
        "process/restarted",
    }
)
"""What the engine can do to a system, given that the scenario kills, pauses and restarts."""


class FaultCounter(Counter[str]):
    """How often each fault, by name: ``log/answer_lost``."""

    def hit(self, fault: str) -> None:
        self[fault] += 1
