"""A network between a client and a server on a stream socket that fails when told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

CHUNK = 65536


class _Link:
    """One connection of a client, and the one made for it to the server."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client: Final = client
        self.server: Final = server
        self.closed: Final = asyncio.Event()
        self.loses_answer = False

    def cut(self) -> None:
        self.client.transport.abort()
        self.server.transport.abort()


class FaultyNetwork:
    """Listens on ``127.0.0.1:port`` and passes everything on to the server, until told otherwise.

    ``host`` is an address, or the path of a Unix socket, as ``port`` is then None.
    """

    def __init__(self, host: str, port: int | None) -> None:
        self._host = host
        self._port = port
        self._links: set[_Link] = set()
        self._loses_next_answer = False
        self._refusing = False
        self.port = 0

    @classmethod
    @asynccontextmanager
    async def to(cls, host: str, port: int | None = None) -> AsyncIterator["FaultyNetwork"]:
        network = cls(host, port)
        server = await asyncio.start_server(network._serve, "127.0.0.1", 0)
        network.port = server.sockets[0].getsockname()[1]
        try:
            yield network
        finally:
            server.close()
            network.disconnect()
            await server.wait_closed()
            for link in list(network._links):
                await link.closed.wait()

    def lose_next_answer(self) -> None:
        """The next request reaches the server; the connection breaks before its answer arrives."""
        self._loses_next_answer = True

    def disconnect(self) -> None:
        """Every connection breaks; new ones are served."""
        for link in set(self._links):
            link.cut()

    def refuse(self, *, refusing: bool = True) -> None:
        """New connections break at once."""
        self._refusing = refusing

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if self._refusing:
            client.transport.abort()
            return
        server_reader, server = await self._connect()
        link = _Link(client, server)
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as directions:
                directions.create_task(self._carry_requests(reader, link))
                directions.create_task(self._carry_answers(server_reader, link))
        finally:
            link.cut()
            self._links.discard(link)
            link.closed.set()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._port is None:
            return await asyncio.open_unix_connection(self._host)
        return await asyncio.open_connection(self._host, self._port)

    async def _carry_requests(self, reader: asyncio.StreamReader, link: _Link) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(CHUNK):
                if self._loses_next_answer:
                    self._loses_next_answer = False
                    link.loses_answer = True
                link.server.write(chunk)
                await link.server.drain()
        link.cut()

    async def _carry_answers(self, reader: asyncio.StreamReader, link: _Link) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(CHUNK):
                if link.loses_answer:
                    break
                link.client.write(chunk)
                await link.client.drain()
        link.cut()
