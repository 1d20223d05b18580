"""Aggregates from and to the log."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TypeVar
from weakref import WeakValueDictionary

import msgspec

from domain.aggregate import Aggregate
from domain.command import CommandContext, DecisionInputs, Metadata
from domain.event import Event, decode, encode
from domain.log import Appended, EventLog, NewEvent

AnyAggregate = TypeVar("AnyAggregate", bound=Aggregate)

_encode_metadata = msgspec.json.Encoder().encode


class Repository:
    """Loads an aggregate by folding its stream and saves what it decided since.

    Who loads an aggregate owns it: it leaves the cache until it is saved or given back, so a
    failed append can leave no half-true state behind. Aggregates may be older than the log; the
    expected version of ``save`` is what makes that safe.
    """

    def __init__(self, log: EventLog, code_version: str, cache_size: int = 5_000) -> None:
        self._log = log
        self._code_version = code_version
        self._cache_size = cache_size
        self._cache: OrderedDict[str, Aggregate] = OrderedDict()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, stream: str) -> AsyncGenerator[None]:
        """Wait for one's turn at a stream within this process.

        Spares the callers of a busy stream races they would lose. What makes a change safe is the
        expected version alone, as other processes do not wait here.
        """
        lock = self._turns.setdefault(stream, asyncio.Lock())
        async with lock:
            yield

    async def load(
        self, kind: type[AnyAggregate], aggregate_id: str, *, newest: bool = False
    ) -> AnyAggregate:
        """The aggregate, ``exists`` false where its stream is empty.

        ``newest`` reads what the log has beyond the cached state. Raises UnknownEventType,
        UndecodableEvent, LogUnavailable.
        """
        cached = self._cache.pop(kind.stream_of(aggregate_id), None)
        if isinstance(cached, kind):
            return await self._catch_up(cached) if newest else cached
        return await self._catch_up(kind.empty(aggregate_id))

    async def look(self, kind: type[AnyAggregate], aggregate_id: str) -> AnyAggregate:
        """The aggregate as the log has it now, only to be read. Raises as ``load``."""
        aggregate = await self.load(kind, aggregate_id, newest=True)
        self.give_back(aggregate)
        return aggregate

    async def head(self) -> int:
        """The log's head."""
        return await self._log.head()

    def give_back(self, aggregate: Aggregate) -> None:
        """Return a loaded aggregate that decided nothing."""
        if aggregate.pending:
            raise ValueError(f"{aggregate.stream} has undecided events")
        cached = self._cache.get(aggregate.stream)
        if cached is None or cached.version <= aggregate.version:
            self._cache[aggregate.stream] = aggregate
        if len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)

    async def save(
        self,
        aggregate: Aggregate,
        context: CommandContext,
        inputs: DecisionInputs | None = None,
    ) -> Appended | None:
        """Append what the aggregate decided; None if that is nothing.

        Raises what EventLog.append raises; the aggregate is then lost to the cache and must be
        loaded again.
        """
        events: Sequence[Event] = tuple(aggregate.pending)
        if not events:
            self.give_back(aggregate)
            return None
        appended = await self._log.append(
            aggregate.stream,
            [self._new_event(event, aggregate.stream, context, inputs) for event in events],
            expected_version=aggregate.version - len(events),
        )
        aggregate.collect_events()
        self.give_back(aggregate)
        return appended

    async def _catch_up(self, aggregate: AnyAggregate) -> AnyAggregate:
        async with aclosing(
            self._log.read_stream(aggregate.stream, after_version=aggregate.version)
        ) as pages:
            async for page in pages:
                for recorded in page:
                    decode(recorded).mutate(aggregate)
        return aggregate

    def _new_event(
        self,
        event: Event,
        stream: str,
        context: CommandContext,
        inputs: DecisionInputs | None,
    ) -> NewEvent:
        metadata = Metadata(
            correlation_id=context.correlation_id,
            causation_id=context.causation_id,
            command_id=context.command_id,
            actor=context.actor,
            schema_version=event.schema_version,
            code_version=self._code_version,
            traceparent=context.traceparent,
            inputs=inputs,
        )
        name = type(event).__name__
        data = encode(event)
        return NewEvent(
            id=context.event_id(stream, name, data),
            type=name,
            data=data,
            metadata=_encode_metadata(metadata),
        )
