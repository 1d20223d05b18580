"""Identifiers that are as random as the seed."""

from random import Random
from uuid import UUID

from domain.clock import Ids


class SeededIds:
    """``domain.clock.Ids``: random UUIDs (version 4) of a seed."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice

    def new(self) -> UUID:
        return UUID(int=self._dice.getrandbits(128), version=4)


def _conforms(ids: SeededIds) -> Ids:
    return ids
