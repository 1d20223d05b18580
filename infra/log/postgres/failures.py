"""What an error of the database or of its connection means to whoever uses the log."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from domain.log import LogError, LogFailed, LogUnavailable

DATABASE_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)
"""All that a statement or a connection attempt raises; a timeout is an OSError."""

TRANSIENT_STATES = frozenset(
    {
        "25006",  # read-only transaction: a replica that may yet be promoted
        "40001",  # serialization failure
        "40P01",  # deadlock detected
        "53200",  # out of memory
        "53300",  # too many connections
        "55P03",  # lock not available
        "57014",  # query cancelled, or a statement timeout
    }
)
TRANSIENT_CLASSES = ("08", "57P")
"""Connection exceptions; shutdown, crash and start of the server."""


def is_transient(error: Exception) -> bool:
    """Whether the same statement may succeed later on another connection."""
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return state in TRANSIENT_STATES or state.startswith(TRANSIENT_CLASSES)
    if isinstance(error, asyncpg.InterfaceError):
        return not is_bad_data(error)
    # The driver loses its own thread when a connection is ended at the wrong moment.
    return isinstance(error, OSError | asyncpg.InternalClientError)


def is_bad_data(error: Exception) -> bool:
    """Whether what an append holds cannot be stored, whatever the state of the database."""
    if isinstance(error, asyncpg.UniqueViolationError):
        return error.constraint_name == "events_id_key"
    if isinstance(error, asyncpg.InterfaceError):
        return isinstance(error, ValueError)  # refused by the driver, before it was sent
    return isinstance(error, asyncpg.DataError)


def as_log_error(error: Exception) -> LogError:
    """LogUnavailable for what may pass; everything else is LogFailed: after a failed flush or on a
    full disk nothing may be taken for stored."""
    if is_transient(error):
        return LogUnavailable(f"no answer from the log: {error!r}")
    return LogFailed(f"the log failed: {error!r}")


@contextmanager
def log_errors() -> Iterator[None]:
    """Errors of the database leave as errors of the log."""
    try:
        yield
    except DATABASE_ERRORS as error:
        raise as_log_error(error) from error
