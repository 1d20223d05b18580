"""The events of a long log, the same for every implementation."""

from collections.abc import Iterator
from uuid import UUID

from domain.log import NewEvent

STREAMS = 1_000
TYPE = "OrderPlaced"
METADATA = b'{"schema_version":1}'
NOTE = "n" * 200


def stream_of(number: int) -> str:
    return f"order-{number % STREAMS}"


def version_of(number: int) -> int:
    return number // STREAMS + 1


def event_of(number: int) -> NewEvent:
    data = f'{{"number":{number},"note":"{NOTE}"}}'.encode()
    return NewEvent(UUID(int=number), TYPE, data, METADATA)


def long_log(count: int) -> Iterator[tuple[str, int, NewEvent]]:
    """Stream, version and event, in the order of their positions."""
    for number in range(count):
        yield stream_of(number), version_of(number), event_of(number)
