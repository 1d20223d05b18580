"""The log itself, for those who may read all of it."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from api.auth.policy import READ_LOG, allow
from api.dependencies import ApiDependencies
from api.documents.event import EventItems
from api.fields import PageLimit, Position, Text
from api.reads.rows import items
from api.registration import reads
from api.routes.queries import Parameters
from domain.event import format_time
from domain.log import EventFilter, EventLog, RecordedEvent


class EventQuery(Parameters):
    """``after`` is a log position; with ``stream``, a version of that stream."""

    stream: Text | None = None
    type: Text | None = None
    after: Position = 0
    limit: PageLimit = 50


class EventRoutes:
    def __init__(self, api: ApiDependencies) -> None:
        self._log: EventLog = api.log

    def add_to(self, router: APIRouter) -> None:
        reads(router, "/v1/events", self.list, EventItems)

    @allow(READ_LOG)
    async def list(self, request: Request, asked: Annotated[EventQuery, Query()]) -> Response:
        """Events in the log's order. ``next_after`` continues, null at the end for now."""
        events = await _first(self._pages(asked), asked.limit + 1, asked.type)
        page = events[: asked.limit]
        last = page[-1] if len(events) > asked.limit else None
        next_after = None
        if last is not None:
            next_after = last.version if asked.stream else last.position
        return items([_document(event) for event in page], next_after=next_after)

    def _pages(self, asked: EventQuery) -> AsyncGenerator[Sequence[RecordedEvent]]:
        size = asked.limit + 1
        if asked.stream is not None:
            return self._log.read_stream(asked.stream, after_version=asked.after, page_size=size)
        types = frozenset() if asked.type is None else frozenset({asked.type})
        return self._log.read_all(after=asked.after, only=EventFilter(types=types), page_size=size)


async def _first(
    pages: AsyncGenerator[Sequence[RecordedEvent]], count: int, kind: str | None
) -> list[RecordedEvent]:
    found: list[RecordedEvent] = []
    async with aclosing(pages):
        async for page in pages:
            found += [event for event in page if kind is None or event.type == kind]
            if len(found) >= count:
                break
    return found[:count]


def _document(event: RecordedEvent) -> dict[str, Any]:
    return {
        "position": event.position,
        "stream": event.stream,
        "version": event.version,
        "id": event.id,
        "type": event.type,
        "recorded_at": format_time(event.recorded_at),
        "data": msgspec.Raw(event.data),
        "metadata": msgspec.Raw(event.metadata),
    }
