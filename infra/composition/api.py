"""The API role: the application, given what it needs, behind uvicorn."""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog
import uvicorn
from starlette.applications import Starlette

from adapters.venues.paper.venue import PaperVenue
from api.app import create_app
from api.dependencies import ApiDependencies
from api.reads.pool import read_pool
from api.stream.changes import redis_changes
from infra.composition.core import Core
from infra.composition.machinery import Machinery
from infra.composition.replay_kept_streams import KeptStreams
from infra.composition.replay_moments import moments
from infra.composition.replay_past import LoggedPast
from infra.log.halting import reason_of_halt
from infra.token_secret import token_secret
from infra.version import code_version

if TYPE_CHECKING:
    from api.reads.pool import Pool

SHUTDOWN_SECONDS = 5
"""How long requests under way may take to end when the core stops."""

BACKLOG = 1_024

_logger = structlog.get_logger(__name__)


class CannotListen(Exception):
    """The API's address cannot be had: taken, or not this machine's."""


class ApiServer:
    """``listening`` is set once ``url`` takes requests."""

    def __init__(self, machinery: Machinery, core: Core) -> None:
        self._machinery = machinery
        self._core = core
        self._socket: socket.socket | None = None
        self.listening = asyncio.Event()

    @property
    def url(self) -> str:
        assert self._socket is not None, "not listening"
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def run(self) -> None:
        """Until cancelled. Raises CannotListen, and what ends a task the reads depend on."""
        settings = self._machinery.settings
        self._socket = listen(settings.host, settings.port)
        machinery, dsn = self._machinery, self._machinery.servers.postgres_dsn
        async with (
            read_pool(dsn) as pool,
            moments(dsn, machinery.log, machinery.clock, machinery.snapshots) as kept,
        ):
            streams = KeptStreams(machinery.stream_snapshots, machinery.log, machinery.clock)
            past = LoggedPast(machinery.log, machinery.clock, kept, streams)
            app = create_app(self._dependencies(pool, past))
            with self._socket:
                await serve(app, self._socket, self._note_listening)

    def _note_listening(self) -> None:
        self.listening.set()
        _logger.info("api_listening", url=self.url)

    def _dependencies(self, pool: "Pool", past: LoggedPast) -> ApiDependencies:
        machinery, core, settings = self._machinery, self._core, self._machinery.settings
        return ApiDependencies(
            accounts=core.accounts,
            orders=core.orders,
            risk=core.risk,
            risk_book=core.risk_book,
            log=machinery.log,
            log_halted=lambda: reason_of_halt(machinery.log),
            instruments=machinery.instruments,
            fees=settings.fees,
            venues=frozenset({PaperVenue.name}),
            clock=machinery.clock,
            ids=machinery.ids,
            pool=pool,
            past=past,
            changes=lambda: redis_changes(machinery.redis, machinery.clock),
            token_secret=token_secret(settings),
            max_body_bytes=settings.max_body_bytes,
            docs_enabled=settings.docs_enabled,
            registry=machinery.registry,
            version=code_version(),
        )


async def serve(
    app: Starlette, listener: socket.socket, note_listening: Callable[[], None]
) -> None:
    """Until cancelled. Raises what ends the application's lifespan.

    The lifespan is entered here: uvicorn would only log it when one of its tasks fails, and go on
    without it.
    """
    server = _Server(_config(app), note_listening)
    async with app.router.lifespan_context(app):
        serving = asyncio.ensure_future(server.serve(sockets=[listener]))
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.should_exit = True
            await serving
            raise
    raise RuntimeError("the API server has ended")


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs the process, and tells when it takes requests."""

    def __init__(self, config: uvicorn.Config, note_listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._note_listening = note_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._note_listening()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises CannotListen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise CannotListen(f"cannot listen on {host} port {port}: {reason}") from error


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        ws="websockets-sansio",
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        server_header=False,
        proxy_headers=False,
    )
