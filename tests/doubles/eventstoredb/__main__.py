"""``python -m tests.doubles.eventstoredb``: says its URI, and ends with its standard input."""

import asyncio
import sys

from tests.doubles.eventstoredb import EventStoreDBDouble


async def serve() -> None:
    async with EventStoreDBDouble() as double:
        sys.stdout.write(f"{double.uri}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(serve())
