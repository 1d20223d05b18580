"""The server's event filters: unanchored regular expressions, or prefixes, on type or stream."""

import re
from collections.abc import Callable

from esdbclient.protos.Grpc import streams_pb2

from tests.doubles.eventstoredb.record import Record

Filter = Callable[[Record], bool]
FilterOptions = streams_pb2.ReadReq.Options.FilterOptions

DEFAULT_WINDOW = 32


def filter_of(options: FilterOptions) -> Filter:
    by_type = options.WhichOneof("filter") == "event_type"
    expression = options.event_type if by_type else options.stream_identifier
    matches = _matcher(expression)
    if by_type:
        return lambda record: matches(record.type)
    return lambda record: matches(record.stream)


def window_of(options: FilterOptions) -> int:
    """How many records the server looks at before it may send a checkpoint, times its factor."""
    window = options.max if options.WhichOneof("window") == "max" else DEFAULT_WINDOW
    return window * options.checkpointIntervalMultiplier


def everything(_: Record) -> bool:
    return True


def _matcher(expression: FilterOptions.Expression) -> Callable[[str], bool]:
    if expression.regex:
        pattern = re.compile(expression.regex)
        return lambda text: pattern.search(text) is not None
    prefixes = tuple(expression.prefix)
    return lambda text: text.startswith(prefixes)
