"""The statements of a recovery, and what their failures mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

import asyncpg

from projections.failures import Fenced, LeaseHeld, Poisoned
from replay.recover.failures import PartFailed

_MARK = "-- name: "

SQL = {
    name.strip(): body.strip()
    for name, _, body in (
        part.partition("\n")
        for part in files(__package__)
        .joinpath("replay_recover.sql")
        .read_text("utf-8")
        .split(_MARK)[1:]
    )
}

UNUSABLE = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.InvalidSchemaNameError,
)
"""What a statement meets where tables are missing, or are other ones than it knows."""

_FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, Poisoned, LeaseHeld, Fenced)


@contextmanager
def part_failed() -> Iterator[None]:
    """Raises PartFailed for what the database or a projection raises."""
    try:
        yield
    except _FAILURES as error:
        raise PartFailed(str(error) or type(error).__name__) from error
