"""Events: what they are made of, their stable names, and how old shapes are read.

Stored form: plain JSON, decimals as plain strings, times RFC 3339 UTC with microseconds. A type's
name and shape are a promise for ever; a changed shape takes a new version and an upcaster.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar, TypeVar

import msgspec
from eventsourcing.domain import CanMutateAggregate

from domain.log import RecordedEvent

Json = dict[str, Any]
Upcaster = Callable[[Json], Json]


class Event(
    msgspec.Struct,
    CanMutateAggregate[str],
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={
        "originator_id": "aggregate_id",
        "originator_version": "version",
        "timestamp": "occurred_at",
    },
):
    """A fact about one aggregate. ``timestamp`` is when the core learned or decided it, UTC."""

    originator_id: str
    originator_version: int
    timestamp: datetime

    schema_version: ClassVar[int] = 1

    @staticmethod
    def create_timestamp() -> datetime:
        """Never: time is handed in, so that a decision can be re-run."""
        raise RuntimeError("an event takes its time from its command, not from a clock")


class UnknownEventType(Exception):
    """The log holds a type this code does not know. A fold stops here, it never skips."""

    def __init__(self, recorded: RecordedEvent) -> None:
        super().__init__(f"unknown event type {recorded.type!r} at position {recorded.position}")
        self.recorded = recorded


class UndecodableEvent(Exception):
    """An event's data does not have the shape of its type and version."""

    def __init__(self, recorded: RecordedEvent, reason: str) -> None:
        super().__init__(f"{recorded.type} at position {recorded.position}: {reason}")
        self.recorded = recorded


class _SchemaVersion(msgspec.Struct):
    schema_version: int


_types: dict[str, type[Event]] = {}
_decoders: dict[str, msgspec.json.Decoder[Event]] = {}
_upcasters: dict[tuple[str, int], Upcaster] = {}
_upcast_types: set[str] = set()
_encoder = msgspec.json.Encoder()
_json = msgspec.json.Decoder(Json)
_schema_version = msgspec.json.Decoder(_SchemaVersion)

# msgspec drops a zero fraction of a second, keeps an offset, and writes small decimals with an
# exponent.
_NOT_IN_STORED_FORM = re.compile(
    rb'T\d\d:\d\d:\d\dZ"|T\d\d:\d\d:\d\d[.\d]*[+-]\d\d:\d\d"|"-?\d[\d.]*E[+-]?\d+"'
)

EventClass = TypeVar("EventClass", bound=type[Event])


def event_type(cls: EventClass) -> EventClass:
    """Register an event class; its stored type is the class's own name."""
    name = cls.__name__
    if name in _types:
        raise ValueError(f"two event classes are called {name}")
    _types[name] = cls
    _decoders[name] = msgspec.json.Decoder(cls)
    return cls


def upcasts(type_name: str, from_version: int) -> Callable[[Upcaster], Upcaster]:
    """Register how data of one version of a type becomes data of the next version."""

    def register(upcaster: Upcaster) -> Upcaster:
        _upcasters[type_name, from_version] = upcaster
        _upcast_types.add(type_name)
        return upcaster

    return register


def known_types() -> dict[str, type[Event]]:
    """Every event type by its stored name."""
    return dict(_types)


def known_upcasters() -> list[tuple[str, int]]:
    """Types and the versions that have an upcaster to the next one, in order."""
    return sorted(_upcasters)


def encode(event: Event) -> bytes:
    """The event's data in stored form."""
    data = _encoder.encode(event)
    if _NOT_IN_STORED_FORM.search(data):
        return _encoder.encode(
            _plain(msgspec.to_builtins(event, builtin_types=(Decimal, datetime)))
        )
    return data


def decode(recorded: RecordedEvent) -> Event:
    """The event of a record. Raises UnknownEventType or UndecodableEvent."""
    decoder = _decoders.get(recorded.type)
    if decoder is None:
        raise UnknownEventType(recorded)
    try:
        if recorded.type in _upcast_types:
            return _decode_upcast(recorded)
        return decoder.decode(recorded.data)
    except msgspec.DecodeError as error:
        raise UndecodableEvent(recorded, str(error)) from error


def _decode_upcast(recorded: RecordedEvent) -> Event:
    version = _schema_version.decode(recorded.metadata).schema_version
    data = _json.decode(recorded.data)
    while upcaster := _upcasters.get((recorded.type, version)):
        try:
            data = upcaster(data)
        except Exception as error:
            reason = f"it is not of version {version}: {error!r}"
            raise UndecodableEvent(recorded, reason) from error
        version += 1
    return msgspec.convert(data, _types[recorded.type], strict=False)


def format_time(instant: datetime) -> str:
    """RFC 3339, UTC, always microseconds."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
