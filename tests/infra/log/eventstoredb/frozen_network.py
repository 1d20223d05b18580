"""A network that stops carrying what is said, and closes nothing: nobody is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class FrozenNetwork:
    """Carries connections to a port of the loopback until they are frozen; new ones run again."""

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._generation = 0
        self._links: set[asyncio.Task[None]] = set()
        self.port = 0

    @classmethod
    @asynccontextmanager
    async def to(cls, port: int) -> AsyncIterator["FrozenNetwork"]:
        network = cls(port)
        server = await asyncio.start_server(network._serve, "127.0.0.1", 0)
        network.port = server.sockets[0].getsockname()[1]
        try:
            yield network
        finally:
            server.close()
            for link in network._links:
                link.cancel()
            await server.wait_closed()
            await asyncio.gather(*network._links, return_exceptions=True)

    def freeze(self) -> None:
        """What is connected now never gets another byte across."""
        self._generation += 1

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        link = asyncio.current_task()
        assert link is not None
        self._links.add(link)
        answers, server = await asyncio.open_connection("127.0.0.1", self._server_port)
        try:
            with suppress(ConnectionError, asyncio.CancelledError):
                async with asyncio.TaskGroup() as directions:
                    directions.create_task(self._carry(reader, server))
                    directions.create_task(self._carry(answers, client))
        finally:
            client.transport.abort()
            server.transport.abort()
            self._links.discard(link)

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        generation = self._generation
        while chunk := await source.read(65_536):
            if generation == self._generation:
                target.write(chunk)
                await target.drain()
        target.transport.abort()
