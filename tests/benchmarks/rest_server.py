"""One server process of bench_rest: ours, or the bare one it is compared to.

``python -m tests.benchmarks.rest_server ours|bare DSN`` prints its port once it listens.
"""

import os
import socket
import sys
from importlib.resources import files
from typing import Any

import asyncpg
import msgspec
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.app import create_app
from api.reads.pool import read_pool
from infra.clock import SystemClock, SystemIds
from infra.collector import calm_collector
from infra.telemetry import configure_logging
from tests.api.served import dependencies
from tests.domain.world import World

POOL_SIZE = 10

_BARE_SQL = files("tests.benchmarks").joinpath("rest_bare.sql").read_text(encoding="utf-8")
_encode = msgspec.json.Encoder(enc_hook=str).encode


async def ours(dsn: str, listener: socket.socket) -> None:
    """The API with all its layers; log lines as in production, into nothing."""
    configure_logging("INFO", as_json=True)
    calm_collector()  # as every process of the core does at its start
    async with read_pool(dsn, POOL_SIZE) as pool:
        given = dependencies(World(), pool, clock=SystemClock())
        app = create_app(msgspec.structs.replace(given, ids=SystemIds()))
        await serve(app, listener)


async def bare(dsn: str, listener: socket.socket) -> None:
    """A route, a pool, a statement, a document: nothing that could be left out."""

    async def show(request: Request) -> Response:
        row = await pool.fetchrow(_BARE_SQL, request.path_params["order_id"])
        assert row is not None
        return Response(_encode(dict(row)), media_type="application/json")

    async with asyncpg.create_pool(dsn, min_size=1, max_size=POOL_SIZE) as pool:
        await serve(Starlette(routes=[Route("/v1/orders/{order_id}", show)]), listener)


async def serve(app: Any, listener: socket.socket) -> None:
    config = uvicorn.Config(app, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    # Connections wait in the socket's backlog until the server takes them.
    os.write(1, f"{listener.getsockname()[1]}\n".encode())
    await server.serve(sockets=[listener])


def main(kind: str, dsn: str) -> None:
    run = {"ours": ours, "bare": bare}[kind]
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        uvloop.run(run(dsn, listener))


if __name__ == "__main__":
    main(*sys.argv[1:3])
