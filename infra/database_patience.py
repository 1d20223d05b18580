"""Asking a database again while it is away."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
import structlog

from domain.cancellation import heed_cancellation
from domain.clock import Clock

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 2.0

AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # it shuts down, recovers or starts
    asyncpg.InsufficientResourcesError,  # too many connections, no memory, no space
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the connection ended between two messages of one statement
)
"""What passes by itself; a timeout is an OSError."""

Answer = TypeVar("Answer")

_logger = structlog.get_logger(__name__)


async def until_answered(
    clock: Clock, question: str, ask: Callable[[], Awaitable[Answer]]
) -> Answer:
    """Ask, at growing intervals, until there is an answer. Raises all that is not in AWAY.

    Only for what may be done twice: an answer that was lost may have been a yes. ``question`` says
    in the log what waits.
    """
    pause = FIRST_PAUSE
    while True:
        try:
            answer = await ask()
        except AWAY as error:
            heed_cancellation()
            if pause == FIRST_PAUSE:
                _logger.warning("database_away", waiting=question, error=repr(error))
            await clock.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        else:
            if pause > FIRST_PAUSE:
                _logger.info("database_back", waiting=question)
            return answer
