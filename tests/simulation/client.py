"""Whoever uses the API: asks, and asks again with the same key until there is an answer."""

import asyncio
from random import Random
from typing import Any

from domain.clock import Clock
from domain.command import Actor, ActorType, CommandContext, command_id_for
from domain.errors import Busy, Refused
from domain.log import LogError
from tests.simulation.api_process import ApiProcess, Request

PATIENCE = 2.0
"""Seconds until a request counts as lost."""

MAX_ATTEMPTS = 12

GIVING_UP = 0.15
"""In so many of the cases nobody asks again: what was begun is left as it is."""


class Client:
    """Every attempt goes to any of the API processes, as through a load balancer."""

    def __init__(self, apis: tuple[ApiProcess, ...], clock: Clock, dice: Random) -> None:
        self._apis = apis
        self._clock = clock
        self._dice = dice

    async def ask(self, request: Request) -> Any | None:
        """The answer; None where it was refused, or none came for long."""
        attempts = 1 if self._dice.random() < GIVING_UP else MAX_ATTEMPTS
        for _ in range(attempts):
            answer = self._dice.choice(self._apis).put(request)
            if answer is not None:
                await asyncio.wait((answer,), timeout=PATIENCE)
                if answer.done():
                    result, error = answer.result()
                    if error is None:
                        return result
                    if isinstance(error, Refused) and not isinstance(error, Busy):
                        return None
                    assert isinstance(error, Busy | LogError)
            await self._clock.sleep(self._dice.uniform(0.1, 1.0))
        return None


def context_for(*key: str) -> CommandContext:
    """The same key, the same command."""
    return CommandContext(
        command_id=command_id_for("client", *key),
        correlation_id="/".join(key),
        actor=Actor(ActorType.HUMAN, "trader", "api"),
    )
