"""A process that appends without end: ``python -m … DSN NAME STREAMS``.

Each stream has a caller of its own. Every acknowledged append is printed as ``POSITION ID``.
"""

import asyncio
import sys
from itertools import count
from uuid import NAMESPACE_OID, uuid5

from domain.log import NewEvent
from infra.log.postgres import PostgresEventLog


async def append_for_ever(log: PostgresEventLog, stream: str) -> None:
    for version in count():
        event = NewEvent(uuid5(NAMESPACE_OID, f"{stream} {version}"), "OrderPlaced", b"{}", b"{}")
        appended = await log.append(stream, [event], expected_version=version)
        sys.stdout.write(f"{appended.position} {event.id}\n")
        sys.stdout.flush()


async def main(dsn: str, name: str, streams: int) -> None:
    async with PostgresEventLog.open(dsn) as log, asyncio.TaskGroup() as callers:
        for number in range(streams):
            callers.create_task(append_for_ever(log, f"order-{name}-{number}"))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
