"""How each kind of exception becomes an answer."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.correlation import correlation_id_of
from api.errors import Problem
from api.problem import problem_response
from api.reads.batch_loader import NotRunning
from api.reads.pool import UNREACHABLE
from api.validation import field_errors
from domain.errors import Busy, Conflict, InvalidInput, NotFound, Refused
from domain.log import EventTooLarge, LogFailed, LogUnavailable

RETRY_AFTER_SECONDS = "1"
_RETRY = {"Retry-After": RETRY_AFTER_SECONDS}

_log = structlog.get_logger(__name__)

_STATUS_OF: dict[type[Refused], int] = {InvalidInput: 422, NotFound: 404, Conflict: 409, Busy: 503}
_CODE_OF_STATUS = {404: "route_not_found", 405: "method_not_allowed"}

ErrorT = TypeVar("ErrorT", bound=Exception)


def install(app: FastAPI) -> None:
    """Give every exception that a route may raise its answer."""
    _handle(app, RequestValidationError, invalid)
    _handle(app, HTTPException, http_error)
    _handle(app, Refused, refused)
    _handle(app, LogUnavailable, log_unavailable)
    _handle(app, LogFailed, log_failed)
    _handle(app, EventTooLarge, event_too_large)
    _handle(app, NotRunning, database_unavailable)
    for unreachable in UNREACHABLE:
        _handle(app, unreachable, database_unavailable)


def _handle(
    app: FastAPI, kind: type[ErrorT], handler: Callable[[Request, ErrorT], Awaitable[Response]]
) -> None:
    app.add_exception_handler(kind, handler)  # type: ignore[arg-type]  # called with its own kind


async def invalid(request: Request, error: RequestValidationError) -> Response:
    errors = field_errors(error.errors())
    first = errors[0]
    return problem_response(
        first.code,
        f"{first.field}: {first.detail}" if first.field else first.detail,
        correlation_id_of(request.scope),
        field=first.field,
        errors=errors,
    )


async def http_error(request: Request, error: HTTPException) -> Response:
    correlation_id = correlation_id_of(request.scope)
    if isinstance(error, Problem):
        return problem_response(
            error.code, error.detail, correlation_id, headers=error.headers, field=error.field
        )
    code = _CODE_OF_STATUS.get(error.status_code, "bad_request")
    return problem_response(
        code, f"{request.method} {request.url.path}", correlation_id, headers=error.headers
    )


async def refused(request: Request, error: Refused) -> Response:
    status = next((s for kind, s in _STATUS_OF.items() if isinstance(error, kind)), 422)
    return problem_response(
        error.code,
        str(error),
        correlation_id_of(request.scope),
        status=status,
        headers=_RETRY if isinstance(error, Busy) else None,
        field=error.field,
    )


async def log_unavailable(request: Request, error: LogUnavailable) -> Response:
    _log.error("log_unavailable", error=str(error))
    return problem_response(
        "log_unavailable",
        "outcome unknown, retry with the same Idempotency-Key",
        correlation_id_of(request.scope),
        headers=_RETRY,
    )


async def log_failed(request: Request, error: LogFailed) -> Response:
    _log.error("log_failed", error=str(error))
    return problem_response(
        "log_failed",
        "the log does not take writes; what was asked for is not done",
        correlation_id_of(request.scope),
        headers=_RETRY,
    )


async def event_too_large(request: Request, error: EventTooLarge) -> Response:
    return problem_response("body_too_large", str(error), correlation_id_of(request.scope))


async def database_unavailable(request: Request, error: Exception) -> Response:
    _log.error("database_unavailable", error=repr(error))
    return problem_response(
        "database_unavailable",
        "the read models cannot be reached",
        correlation_id_of(request.scope),
        headers=_RETRY,
    )
