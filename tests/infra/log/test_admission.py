"""What no log takes, whatever its store."""

from uuid import UUID

import pytest

from domain.log import MAX_EVENT_BYTES, EventTooLarge, LogFailed, NewEvent
from infra.log.admission import MAX_NAME_BYTES, MAX_VERSION, admit


def event(number: int = 1, type_: str = "OrderPlaced", data: bytes = b"{}") -> NewEvent:
    return NewEvent(UUID(int=number), type_, data, b"{}")


def test_the_size_is_data_and_metadata() -> None:
    assert admit("order-1", [event(1, data=b'{"a":1}'), event(2)], 0) == 7 + 2 + 2 + 2


def test_the_limit_itself_is_admitted() -> None:
    assert admit("order-1", [event(data=b"x" * (MAX_EVENT_BYTES - 2))], 0) == MAX_EVENT_BYTES
    with pytest.raises(EventTooLarge):
        admit("order-1", [event(data=b"x" * (MAX_EVENT_BYTES - 1))], 0)


@pytest.mark.parametrize("version", [-1, MAX_VERSION, 2**63])
def test_a_version_out_of_range(version: int) -> None:
    with pytest.raises(ValueError, match="out of range"):
        admit("order-1", [event()], version)


@pytest.mark.parametrize(
    "name", ["", "order-\0", "order-\ud800", "x" * (MAX_NAME_BYTES + 1), "ß" * MAX_NAME_BYTES]
)
def test_a_name_that_cannot_be_stored(name: str) -> None:
    with pytest.raises(ValueError, match=r"cannot|can store|surrogates"):
        admit(name, [event()], 0)
    with pytest.raises(ValueError, match=r"cannot|can store|surrogates"):
        admit("order-1", [event(type_=name)], 0)


def test_the_longest_name() -> None:
    assert admit("ß" * (MAX_NAME_BYTES // 2), [event()], 0)


def test_no_events() -> None:
    with pytest.raises(ValueError, match="at least one"):
        admit("order-1", [], 0)


def test_an_id_twice() -> None:
    with pytest.raises(LogFailed, match="twice"):
        admit("order-1", [event(1), event(1)], 0)
