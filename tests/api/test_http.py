"""The same over real sockets: what only a server can get wrong."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.api.live_server import listening
from tests.api.served import Served, an_order, problem


@pytest.fixture
async def address(served: Served) -> AsyncIterator[str]:
    async with listening(served.app) as address:
        yield address


async def talk(address: str, *parts: bytes) -> bytes:
    """Send parts, each when the one before it is out; everything the server says until it ends."""
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        async with asyncio.timeout(5):
            return await reader.read()
    finally:
        writer.close()


async def test_an_order_over_a_socket(served: Served, address: str) -> None:
    account_id = await served.world.account()
    async with httpx.AsyncClient(
        base_url=f"http://{address}", headers=served.system.headers
    ) as client:
        placed = await client.post("/v1/orders", json=an_order(account_id))
        assert placed.status_code == 201
        refused = await client.post("/v1/orders", json=an_order(account_id, quantity="NaN"))
        problem(refused, 422, "invalid_decimal")
        problem(await client.get("/v1/nothing"), 404, "route_not_found")


async def test_a_declared_ten_megabytes_are_refused_before_they_are_sent(
    served: Served, address: str
) -> None:
    head = (
        b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Expect: 100-continue\r\nContent-Length: 10000000\r\n"
        b"Authorization: " + served.system.headers["authorization"].encode() + b"\r\n\r\n"
    )
    answer = await talk(address, head)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"100 Continue" not in answer
    assert b"body_too_large" in answer


async def test_endless_chunks_are_cut_off_at_the_limit(served: Served, address: str) -> None:
    head = (
        b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n"
        b"Authorization: " + served.system.headers["authorization"].encode() + b"\r\n\r\n"
    )
    chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
    answer = await talk(address, head, *[chunk] * 3)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"body_too_large" in answer
    assert served.head == 1


async def test_a_client_that_leaves_in_the_middle_of_a_body(served: Served, address: str) -> None:
    host, _, port = address.partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100\r\n"
        b"Authorization: " + served.system.headers["authorization"].encode() + b"\r\n\r\n{"
    )
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        assert (await client.get("/health/live")).status_code == 200
    assert served.head == 1
