"""Fills a Postgres log with a random lawful history: ``python -m tests.benchmarks.projection_log
DSN EVENTS``. A process of its own, so that what it needs of memory is not the worker's."""

import asyncio
import sys
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from uuid import UUID

import asyncpg

from domain.event import Event
from domain.log import category_of
from infra.log.postgres.log import PostgresEventLog
from tests.projections.history import History, new_event

CHUNK = 5_000
COLUMNS = ("position", "stream", "version", "id", "type", "data", "metadata", "recorded_at")

Row = tuple[int, str, int, UUID, str, bytes, bytes, datetime]


class ForgetfulHistory(History):
    """Only the newest orders go on living: a long history in little memory."""

    def step(self) -> list[tuple[str, Event]]:
        del self.orders[:-500]
        return super().step()


def rows(count: int, without: str = "") -> Iterator[Row]:
    """``without`` is a category of streams to leave out."""
    history = ForgetfulHistory(seed=1, accounts=50)
    wanted = (each for each in history.events(count * 2) if category_of(each[0]) != without)
    for position, (stream, event) in enumerate(islice(wanted, count), 1):
        new = new_event(event, position)
        yield (
            position,
            stream,
            event.originator_version,
            new.id,
            new.type,
            new.data,
            new.metadata,
            history.now,
        )


async def fill(dsn: str, count: int, without: str = "") -> None:
    async with PostgresEventLog.open(dsn):
        connection = await asyncpg.connect(dsn)
        source = rows(count, without)
        while chunk := list(islice(source, CHUNK)):
            await connection.copy_records_to_table(
                "events", schema_name="log", columns=COLUMNS, records=chunk
            )
        await connection.execute("vacuum analyze log.events")
        await connection.close()


if __name__ == "__main__":
    asyncio.run(fill(sys.argv[1], int(sys.argv[2])))
