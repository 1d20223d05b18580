"""Logs: one line an event, structured, each with its correlation id, none with a secret."""

import logging
import re
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog

REDACTED = "[redacted]"

_SECRET_NAME = re.compile(r"secret|token|password|authorization|api_key|private", re.IGNORECASE)
_CREDENTIALS_IN_URL = re.compile(r"(\w+://[^:/@\s]*):[^@/\s]+@")
_BEARER = re.compile(r"(?i)(bearer\s+)\S+")

EventDict = MutableMapping[str, Any]


def configure_logging(level: str, *, as_json: bool) -> None:
    """Send structlog's and the standard library's lines through one chain to standard error."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True


@contextmanager
def correlated(correlation_id: str) -> Iterator[None]:
    """Every line logged in the block, by this task and those it starts, carries the id."""
    with structlog.contextvars.bound_contextvars(correlation_id=correlation_id):
        yield


def redact(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Replace the values of secret names, and credentials inside texts."""
    return {name: _redacted(name, value) for name, value in event.items()}


def _redacted(name: str, value: object) -> object:
    if _SECRET_NAME.search(name):
        return REDACTED
    if isinstance(value, str):
        return _BEARER.sub(rf"\1{REDACTED}", _CREDENTIALS_IN_URL.sub(rf"\1:{REDACTED}@", value))
    return value
