"""Logs: one line an event, structured, each with its correlation id, none with a secret."""

import logging
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

REDACTED = "[redacted]"
MAX_FILE_BYTES = 10_000_000
"""A log file is set aside at this size; one older one is kept."""

_SECRET_NAME = re.compile(r"secret|token|password|authorization|api_key|private", re.IGNORECASE)
_SECRETS_IN_TEXT = (
    (re.compile(r"(\w+://[^:/@\s]*):[^@/\s]+@"), rf"\1:{REDACTED}@"),
    (re.compile(r"(?i)(bearer\s+)[^\s\"',]+"), rf"\1{REDACTED}"),
    (re.compile(r"(?i)([?&](?:[a-z_]*token|[a-z_]*secret|password)=)[^&\s\"']+"), rf"\1{REDACTED}"),
)
"""Credentials in an address, bearer tokens, and secret query parameters (in access logs)."""

EventDict = MutableMapping[str, Any]


def configure_logging(level: str, *, as_json: bool, file: Path | None = None) -> None:
    """Send structlog's and the standard library's lines through one chain to standard error.

    With a file they go there, and standard error gets warnings alone, without tracebacks: it is
    somebody's screen.
    """
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
    root = logging.getLogger()
    root.handlers = _handlers(shared, file, as_json=as_json)
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True


def _handlers(
    shared: list[structlog.types.Processor], file: Path | None, *, as_json: bool
) -> list[logging.Handler]:
    screen = logging.StreamHandler(sys.stderr)
    chain = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    on_screen = [*chain, _renderer(as_json=as_json, colors=sys.stderr.isatty())]
    if file is None:
        screen.setFormatter(_formatter(shared, on_screen))
        return [screen]
    screen.setLevel(logging.WARNING)
    screen.setFormatter(_formatter(shared, [_without_traceback, *on_screen]))
    kept = _KeptLines(file, maxBytes=MAX_FILE_BYTES, backupCount=1, encoding="utf-8")
    kept.setFormatter(_formatter(shared, [*chain, _renderer(as_json=as_json, colors=False)]))
    return [screen, kept]


class _KeptLines(RotatingFileHandler):
    """A file that cannot be written is told of once, in one line: the disk may be full."""

    _told = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's name for it
        if not self._told:
            self._told = True
            sys.stderr.write(f"messages are lost: {self.baseFilename}: {sys.exc_info()[1]}\n")


def _formatter(
    shared: list[structlog.types.Processor], processors: list[structlog.types.Processor]
) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=processors)


def _renderer(*, as_json: bool, colors: bool) -> structlog.types.Processor:
    if as_json:
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(
        colors=colors, exception_formatter=structlog.dev.plain_traceback
    )


def _without_traceback(_logger: object, _method: str, event: EventDict) -> EventDict:
    event.pop("exception", None)
    return event


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
        return _redacted_text(value)
    if isinstance(value, Mapping):
        return {key: _redacted(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted("", inner) for inner in value]
    return value


def _redacted_text(text: str) -> str:
    for pattern, replacement in _SECRETS_IN_TEXT:
        text = pattern.sub(replacement, text)
    return text


def metrics_registry() -> CollectorRegistry:
    """A registry of its own for each core, with what Prometheus expects of every process."""
    registry = CollectorRegistry(auto_describe=True)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
