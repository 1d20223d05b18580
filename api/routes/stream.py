"""The WebSocket: orders, executions, balances, problems and candles, as changes are committed."""

import asyncio

import msgspec
import structlog
from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from api.auth.authentication import Authentication
from api.auth.caller import Caller
from api.auth.policy import READ_MONEY, allow
from api.correlation import header_of
from api.dependencies import ApiDependencies
from api.errors import Problem
from api.metrics import ApiMetrics
from api.reads.freshness import Freshness
from api.reads.pool import UNREACHABLE
from api.stream import messages
from api.stream.connection import (
    POLICY_VIOLATION,
    TRY_AGAIN_LATER,
    Closing,
    Connection,
    TooSlow,
    text_of,
)
from api.stream.hub import Hub

PATH = "/v1/stream"
AUTHENTICATE_WITHIN_SECONDS = 5.0
MAX_CONNECTIONS = 10_000

_log = structlog.get_logger(__name__)


class StreamRoutes:
    def __init__(
        self,
        api: ApiDependencies,
        authentication: Authentication,
        freshness: Freshness,
        hub: Hub,
        metrics: ApiMetrics,
    ) -> None:
        self._api = api
        self._authentication = authentication
        self._freshness = freshness
        self._hub = hub
        self._metrics = metrics
        self._open = 0

    def add_to(self, router: APIRouter) -> None:
        router.add_api_websocket_route(PATH, self.stream)

    @allow(READ_MONEY)
    async def stream(self, websocket: WebSocket) -> None:
        """Authenticate, then serve until one side ends it."""
        await websocket.accept()
        self._open += 1
        self._metrics.connections.inc()
        try:
            await self._serve(websocket)
        except Closing as closing:
            await self._close(websocket, closing)
        except WebSocketDisconnect:
            _log.debug("stream_left")
        finally:
            self._open -= 1
            self._metrics.connections.dec()

    async def _serve(self, websocket: WebSocket) -> None:
        if self._open > MAX_CONNECTIONS:
            raise Closing(TRY_AGAIN_LATER, "too many connections")
        caller = await self._authenticated(websocket)
        await self._know_positions()
        connection = Connection(
            websocket,
            caller,
            hub=self._hub,
            clock=self._api.clock,
            positions=self._freshness.positions,
            heartbeat_seconds=self._api.heartbeat_seconds,
        )
        await connection.serve()

    async def _know_positions(self) -> None:
        try:
            await self._freshness.refresh()
        except UNREACHABLE as error:
            raise Closing(TRY_AGAIN_LATER, "database_unavailable") from error

    async def _authenticated(self, websocket: WebSocket) -> Caller:
        header = header_of(websocket.scope, b"authorization")
        try:
            if header is not None:
                caller = self._authentication.of_header(header)
            else:
                caller = self._authentication.of_token(await _token(websocket))
            READ_MONEY.require(caller)
        except Problem as problem:
            raise Closing(POLICY_VIOLATION, problem.code) from problem
        return caller

    async def _close(self, websocket: WebSocket, closing: Closing) -> None:
        if isinstance(closing, TooSlow):
            self._metrics.dropped.inc()
        _log.info("stream_closed", code=closing.code, reason=closing.reason)
        if websocket.application_state is WebSocketState.CONNECTED:
            await websocket.close(closing.code, closing.reason)


async def _token(websocket: WebSocket) -> str:
    """The token of the first message. Raises Closing."""
    try:
        async with asyncio.timeout(AUTHENTICATE_WITHIN_SECONDS):
            message = await websocket.receive()
    except TimeoutError as error:
        raise Closing(POLICY_VIOLATION, "unauthenticated") from error
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    try:
        first = messages.decode_request.decode(text_of(message))
    except msgspec.DecodeError as error:
        raise Closing(POLICY_VIOLATION, "unauthenticated") from error
    if not isinstance(first, messages.Authenticate):
        raise Closing(POLICY_VIOLATION, "unauthenticated")
    return first.token
