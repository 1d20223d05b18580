"""Which faults a run has met."""

from collections import Counter


class FaultCounter(Counter[str]):
    """How often each fault, by name: ``log/answer_lost``."""

    def hit(self, fault: str) -> None:
        self[fault] += 1
