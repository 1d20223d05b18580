"""Checkpoints in memory."""

from domain.checkpoint import Checkpoints


class MemoryCheckpoints:
    def __init__(self, positions: dict[str, int] | None = None) -> None:
        self.positions = dict(positions or {})

    async def load(self, worker: str) -> int:
        return self.positions.get(worker, 0)

    async def save(self, worker: str, position: int) -> None:
        self.positions[worker] = position


def _conforms(checkpoints: MemoryCheckpoints) -> Checkpoints:
    return checkpoints
