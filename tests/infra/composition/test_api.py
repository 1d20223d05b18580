"""Serving ends when it must: told to, without its background tasks, or without its address."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from infra.composition.api import CannotListen, listen, serve

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


async def _hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


def _app(background: Callable[[], object], ended: asyncio.Event) -> Starlette:
    """An application with one task in the background, as the real one has several."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        try:
            async with asyncio.TaskGroup() as group:
                running = group.create_task(_in_background(background))
                yield
                running.cancel()
        finally:
            ended.set()

    return Starlette(routes=[Route("/", _hello)], lifespan=lifespan)


async def _in_background(work: Callable[[], object]) -> None:
    awaited = work()
    assert asyncio.iscoroutine(awaited)
    await awaited


async def test_a_background_task_that_dies_ends_the_serving() -> None:
    die, listening, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def dies() -> None:
        await die.wait()
        raise OSError("the database is gone")

    with listen("127.0.0.1", 0) as listener:
        serving = asyncio.create_task(serve(_app(dies, ended), listener, listening.set))
        await listening.wait()
        assert await _asks(listener) == "hello"
        die.set()
        async with asyncio.timeout(10):
            with pytest.raises(ExceptionGroup) as raised:
                await serving
    assert raised.group_contains(OSError, match="the database is gone")


async def test_serving_ends_when_cancelled_after_its_lifespan() -> None:
    listening, ended = asyncio.Event(), asyncio.Event()
    with listen("127.0.0.1", 0) as listener:
        app = _app(asyncio.Event().wait, ended)
        serving = asyncio.create_task(serve(app, listener, listening.set))
        await listening.wait()
        assert await _asks(listener) == "hello"
        serving.cancel()
        async with asyncio.timeout(10):
            with pytest.raises(asyncio.CancelledError):
                await serving
    assert ended.is_set()


def test_a_taken_port_is_named() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=rf"127\.0\.0\.1 port {port}"):
            listen("127.0.0.1", port)


async def _asks(listener: socket.socket) -> str:
    host, port = listener.getsockname()
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(f"http://{host}:{port}/")).text
