"""What every log asks of an append before it goes anywhere near the store."""

from collections.abc import Sequence

from domain.log import MAX_EVENT_BYTES, EventTooLarge, LogFailed, NewEvent

MAX_VERSION = 2**31 - 1
MAX_NAME_BYTES = 1_024
"""Of a stream or a type; what an index takes is about 2,700."""


def admit(stream: str, events: Sequence[NewEvent], expected_version: int) -> int:
    """The size of the append in bytes.

    Raises ValueError for what no log can store: no events, no stream name, a version out of range,
    text that has no UTF-8 form. Raises EventTooLarge, and LogFailed for an id used twice.
    """
    if not events:
        raise ValueError("an append needs at least one event")
    if not 0 <= expected_version <= MAX_VERSION - len(events):
        raise ValueError(f"expected version {expected_version} is out of range")
    check_text(stream)
    size = 0
    for event in events:
        check_text(event.type)
        size += len(event.data) + len(event.metadata)
    if size > MAX_EVENT_BYTES:
        raise EventTooLarge(size)
    if len(events) > 1 and len({event.id for event in events}) < len(events):
        raise LogFailed(f"{stream}: one append holds the same event id twice")
    return size


def check_text(name: str) -> None:
    """A name every store can hold and index: not empty, no NUL, no lone surrogate, not long."""
    size = len(name) if name.isascii() else len(name.encode())
    if not 0 < size <= MAX_NAME_BYTES or "\0" in name:
        raise ValueError(f"not a name the log can store: {name[:80]!r}")
