"""Requests to read: what the log's questions are in the server's terms."""

import re

from esdbclient.protos.Grpc import shared_pb2, streams_pb2

from domain.log import EVERYTHING, EventFilter

Request = streams_pb2.ReadReq
Options = streams_pb2.ReadReq.Options
FilterOptions = streams_pb2.ReadReq.Options.FilterOptions

_EMPTY = shared_pb2.Empty()
_NO_SYSTEM_EVENTS = r"^[^\$]"
_SEARCH_WINDOW = 500
_CHECKPOINT_WINDOWS = 20


def of_stream(stream: str, revision: int, count: int) -> Request:
    """Forwards from a revision, inclusive."""
    options = Options(
        stream=Options.StreamOptions(
            stream_identifier=shared_pb2.StreamIdentifier(stream_name=stream.encode()),
            revision=revision,
        ),
        count=count,
        no_filter=_EMPTY,
    )
    return _request(options)


def of_all(position: int, only: EventFilter, count: int) -> Request:
    """Forwards from the position of an event, inclusive; 0 is the start."""
    return _request(Options(all=_from(position), count=count, filter=_filter(only)))


def backwards(position: int | None, count: int) -> Request:
    """Backwards from a position, exclusive; None is the end."""
    place = Options.AllOptions(end=_EMPTY) if position is None else _from(position)
    options = Options(all=place, count=count, filter=_filter(EVERYTHING))
    options.read_direction = Options.Backwards
    return _request(options)


def subscription(position: int, only: EventFilter) -> Request:
    """Everything after the position of an event, then what comes."""
    follow = Options.SubscriptionOptions()
    return _request(Options(all=_from(position), subscription=follow, filter=_filter(only)))


def pattern_of(only: EventFilter) -> tuple[str, bool]:
    """One regular expression for the server, and whether it is about the stream's name.

    The server takes one expression on one of the two, and does not anchor it. Types narrow most;
    what it cannot say is checked again when the events arrive.
    """
    if only.types:
        return f"^(?:{_any_of(only.types)})$", False
    if only.categories:
        return f"^(?:{_any_of(only.categories)})(?:-|$)", True
    return _NO_SYSTEM_EVENTS, False


def _any_of(names: frozenset[str]) -> str:
    return "|".join(map(re.escape, sorted(names)))


def _filter(only: EventFilter) -> FilterOptions:
    pattern, by_stream = pattern_of(only)
    expression = FilterOptions.Expression(regex=pattern)
    options = FilterOptions(max=_SEARCH_WINDOW, checkpointIntervalMultiplier=_CHECKPOINT_WINDOWS)
    (options.stream_identifier if by_stream else options.event_type).CopyFrom(expression)
    return options


def _from(position: int) -> Options.AllOptions:
    if position == 0:
        return Options.AllOptions(start=_EMPTY)
    place = Options.Position(commit_position=position, prepare_position=position)
    return Options.AllOptions(position=place)


def _request(options: Options) -> Request:
    options.uuid_option.string.SetInParent()
    return Request(options=options)
