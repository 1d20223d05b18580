"""An API process: the desks with their own caches, serving requests side by side."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from domain.errors import Refused
from domain.log import LogError
from infra.composition.core import Core

Request = Callable[[Core], Awaitable[Any]]
Answer = tuple[Any, Refused | LogError | None]


class ApiProcess:
    """``put`` a request while it runs. A request under way when the process dies gets no answer."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._requests: asyncio.Queue[tuple[Request, asyncio.Future[Answer]]] | None = None

    async def run(self, core: Core) -> None:
        requests: asyncio.Queue[tuple[Request, asyncio.Future[Answer]]] = asyncio.Queue()
        self._requests = requests
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(core.risk_book.follow(core.log))
                while True:
                    request, answer = await requests.get()
                    group.create_task(_serve(core, request, answer))
        finally:
            if self._requests is requests:
                self._requests = None

    def put(self, request: Request) -> "asyncio.Future[Answer] | None":
        """The answer to come, or None where nobody listens."""
        if self._requests is None:
            return None
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._requests.put_nowait((request, answer))
        return answer


async def _serve(core: Core, request: Request, answer: "asyncio.Future[Answer]") -> None:
    try:
        result: Answer = (await request(core), None)
    except (Refused, LogError) as error:
        result = (None, error)
    if not answer.done():
        answer.set_result(result)
