"""What can go wrong with a projection, and which errors may pass by themselves."""

import asyncpg

from domain.log import LogUnavailable, RecordedEvent

_TRANSIENT = (
    LogUnavailable,
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the connection ended between two messages of one statement
)


class Fenced(Exception):
    """Another worker has this build now, or the build is gone. Nothing of the batch was written."""


class LeaseHeld(Exception):
    """Another worker is at this build and alive."""


class BatchFailed(Exception):
    """Some event of a batch cannot be folded or its rows cannot be stored. Nothing was written."""


class Poisoned(Exception):
    """One event that the projection cannot take. All that came before it is projected."""

    def __init__(self, projection: str, event: RecordedEvent, reason: str) -> None:
        super().__init__(f"{projection} cannot take {event.type} at {event.position}: {reason}")
        self.event = event
        self.reason = reason


def is_transient(error: Exception) -> bool:
    """Whether the same work may succeed later, with nothing changed by anybody."""
    # What the driver itself refuses to send is a value error too, and never passes.
    return isinstance(error, _TRANSIENT) and not isinstance(error, ValueError)
