"""An event of the log as the checks see it: its record, and what could be read of it."""

from typing import NamedTuple

import msgspec

from domain.command import Metadata
from domain.event import Event, UndecodableEvent, UnknownEventType, decode
from domain.log import RecordedEvent

_decode_metadata = msgspec.json.Decoder(Metadata).decode


class Fact(NamedTuple):
    """``event`` and ``metadata`` are None where they cannot be read; ``problem`` says why."""

    recorded: RecordedEvent
    event: Event | None
    metadata: Metadata | None
    problem: str | None


def read_fact(recorded: RecordedEvent) -> Fact:
    event: Event | None = None
    metadata: Metadata | None = None
    try:
        metadata = _decode_metadata(recorded.metadata)
        event = decode(recorded)
    except (UnknownEventType, UndecodableEvent) as error:
        return Fact(recorded, None, metadata, str(error))
    except msgspec.DecodeError as error:
        return Fact(recorded, None, None, f"metadata: {error}")
    return Fact(recorded, event, metadata, None)
