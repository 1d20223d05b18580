"""An aggregate as it was at a version of its stream."""

from contextlib import aclosing

from domain.event import decode
from domain.log import EventLog
from domain.repository import AnyAggregate
from replay.decisions.not_replayable import NotReplayable


async def at_version(log: EventLog, aggregate: AnyAggregate, version: int) -> AnyAggregate:
    """The aggregate itself, folded on to a version. Raises NotReplayable if there is none."""
    if aggregate.version < version:
        reading = log.read_stream(aggregate.stream, after_version=aggregate.version)
        async with aclosing(reading) as pages:
            async for page in pages:
                for recorded in page[: version - aggregate.version]:
                    decode(recorded).mutate(aggregate)
                if aggregate.version == version:
                    return aggregate
    if aggregate.version != version:
        raise NotReplayable(f"{aggregate.stream} has no version {version} in this log")
    return aggregate
