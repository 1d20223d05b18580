"""The outermost layer: correlation id, access log, metrics, and a last answer for every fault."""

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.correlation import assign, correlation_id_of, given_correlation_id
from api.metrics import ApiMetrics
from api.problem import problem_response
from domain.clock import Clock, Ids

UNMATCHED = "unmatched"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_log = structlog.get_logger(__name__)


class Observed:
    """Pure ASGI, so that it costs little and never buffers an answer."""

    def __init__(self, app: ASGIApp, clock: Clock, ids: Ids, metrics: ApiMetrics) -> None:
        self._app = app
        self._clock = clock
        self._ids = ids
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        correlation_id = given_correlation_id(scope) or str(self._ids.new())
        assign(scope, correlation_id)
        with structlog.contextvars.bound_contextvars(correlation_id=correlation_id):
            if scope["type"] == "http":
                await self._http(scope, receive, send)
            else:
                await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = self._clock.monotonic()
        answer = _Answer(send, correlation_id_of(scope))
        try:
            await self._app(scope, receive, answer.send)
        except Exception as error:  # the last resort: logged here, told to nobody
            _log.exception("internal_error", error=repr(error))
            if answer.status:
                raise  # half an answer is out: only the server can break the connection
            response = problem_response(
                "internal_error", "a fault of ours", correlation_id_of(scope)
            )
            await response(scope, receive, answer.send)
        finally:
            self._record(scope, answer.status, self._clock.monotonic() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", UNMATCHED)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.requests.labels(method, route, status).inc()
        self._metrics.seconds.labels(method, route).observe(seconds)
        _log.info("request", method=method, route=route, status=status, ms=round(seconds * 1000, 2))


class _Answer:
    """Adds our headers to the answer and remembers its status; 0 until it has begun."""

    def __init__(self, send: Send, correlation_id: str) -> None:
        self._send = send
        self._correlation_id = correlation_id
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message.setdefault("headers", [])
            message["headers"] = [
                *message["headers"],
                (b"x-correlation-id", self._correlation_id.encode("ascii")),
                (b"cache-control", b"no-store"),
                (b"x-content-type-options", b"nosniff"),
            ]
        await self._send(message)
