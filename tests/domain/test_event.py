"""Stored form, names, upcasting, and what stops a fold."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import event as events
from domain.account.events import FundsDeposited
from domain.event import (
    Event,
    Json,
    UndecodableEvent,
    UnknownEventType,
    decode,
    encode,
    event_type,
    format_time,
    known_types,
    upcasts,
)
from domain.log import RecordedEvent
from domain.order.events import OrderFilled, OrderPlaced, TrailingStopMoved
from domain.order.terms import TimeInForce
from tests.domain.order.orders import placed
from tests.domain.world import NOON, terms_of

amounts = st.decimals(-(10**15), 10**15, allow_nan=False, allow_infinity=False, places=12)
instants = st.timedeltas(timedelta(0), timedelta(days=70_000)).map(
    lambda since: datetime(1971, 1, 1, tzinfo=UTC) + since
)


def recorded(name: str, data: bytes, version: int = 1) -> RecordedEvent:
    metadata = msgspec.json.encode({"schema_version": version})
    return RecordedEvent(UUID(int=1), name, data, metadata, "account-a", 1, 7, NOON)


def deposited(amount: Decimal = Decimal(1), at: datetime = NOON, asset: str = "USDT") -> Event:
    return FundsDeposited(
        originator_id="a",
        originator_version=1,
        timestamp=at,
        transfer_id="t",
        asset=asset,
        amount=amount,
    )


@given(amounts | st.decimals(-1, 1, allow_nan=False, places=30), instants, st.text(max_size=20))
def test_what_is_read_is_what_was_written(amount: Decimal, at: datetime, asset: str) -> None:
    event = deposited(amount, at, asset)
    data = encode(event)
    again = decode(recorded("FundsDeposited", data))
    assert again == event
    assert encode(again) == data
    stored = msgspec.json.decode(data)
    assert stored["amount"] == format(amount, "f")
    assert stored["occurred_at"] == at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond:06}Z"


@pytest.mark.parametrize("amount", ["1E+3", "1E-8", "0E-8", "-1.5E+10", "0.000000000001"])
def test_no_exponents(amount: str) -> None:
    stored = msgspec.json.decode(encode(deposited(Decimal(amount))))["amount"]
    assert "E" not in stored
    assert Decimal(stored) == Decimal(amount)


def test_times_of_other_zones_are_stored_in_utc() -> None:
    there = timezone(timedelta(hours=2))
    for at in (NOON, NOON + timedelta(microseconds=250)):
        stored = msgspec.json.decode(encode(deposited(at=at.astimezone(there))))
        assert stored["occurred_at"] == format_time(at)


def test_nested_values_are_plain_too() -> None:
    terms = terms_of(
        quantity="1E+1", time_in_force=TimeInForce.GTD, expire_at=NOON, limit_price="1E-7"
    )
    order = placed(terms=terms)
    stored = msgspec.json.decode(encode(order.pending[0]))
    assert stored["terms"]["quantity"] == "10"
    assert stored["terms"]["limit_price"] == "0.0000001"
    assert stored["terms"]["expire_at"] == "2026-03-02T12:00:00.000000Z"
    assert stored["aggregate_id"] == order.id
    assert (stored["version"], stored["occurred_at"]) == (1, "2026-03-02T12:00:00.000000Z")


def test_an_unknown_type_stops_the_fold() -> None:
    with pytest.raises(UnknownEventType, match=r"'OrderTeleported' at position 7") as stop:
        decode(recorded("OrderTeleported", b"{}"))
    assert stop.value.recorded.type == "OrderTeleported"


GOOD = encode(deposited())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        GOOD[:-1],
        GOOD.replace(b'"asset"', b'"azzet"'),
        GOOD[:-1] + b',"more":1}',
        GOOD.replace(b'"amount":"1"', b'"amount":"one"'),
        GOOD.replace(b'"amount":"1"', b'"amount":null'),
        GOOD.replace(b'"version":1', b'"version":"1"'),
        GOOD.replace(b"2026-03-02T12", b"2026-13-02T12"),
        b"\xff" + GOOD,
    ],
)
def test_data_of_another_shape_stops_the_fold(data: bytes) -> None:
    with pytest.raises(UndecodableEvent, match="FundsDeposited at position 7"):
        decode(recorded("FundsDeposited", data))


@pytest.fixture
def _registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Types and upcasters that are registered in a test are gone after it."""
    for name in ("_types", "_decoders", "_upcasters"):
        monkeypatch.setattr(events, name, dict(getattr(events, name)))
    monkeypatch.setattr(events, "_upcast_types", set(events._upcast_types))


@pytest.mark.usefixtures("_registry")
def test_old_shapes_are_read_step_by_step() -> None:
    @event_type
    class ThingRenamed(Event, frozen=True, kw_only=True):
        schema_version = 3
        first: str
        last: str

    @upcasts("ThingRenamed", 1)
    def _names(data: Json) -> Json:
        full = data.pop("name")
        return {**data, "full": full}

    @upcasts("ThingRenamed", 2)
    def _split(data: Json) -> Json:
        first, last = data.pop("full").split(" ")
        return {**data, "first": first, "last": last}

    head = {"aggregate_id": "a", "version": 1, "occurred_at": "2026-03-02T12:00:00.000000Z"}
    expected = ThingRenamed(
        originator_id="a", originator_version=1, timestamp=NOON, first="Ada", last="L"
    )
    shapes: dict[int, Json] = {
        1: {"name": "Ada L"},
        2: {"full": "Ada L"},
        3: {"first": "Ada", "last": "L"},
    }
    for version, shape in shapes.items():
        data = msgspec.json.encode({**head, **shape})
        assert decode(recorded("ThingRenamed", data, version)) == expected
    with pytest.raises(UndecodableEvent):
        decode(recorded("ThingRenamed", msgspec.json.encode({**head, "name": "x"}), 3))


@pytest.mark.usefixtures("_registry")
@pytest.mark.parametrize("shape", [{}, {"name": None}, {"name": 5}, {"name": ["x"]}, {"name": "x"}])
@pytest.mark.parametrize("version", [1, 2])
def test_what_an_upcaster_cannot_read_is_undecodable(shape: Json, version: int) -> None:
    """Whatever it stumbles over."""

    @event_type
    class ThingSplit(Event, frozen=True, kw_only=True):
        schema_version = 3
        first: str
        last: str

    @upcasts("ThingSplit", 1)
    def _names(data: Json) -> Json:
        return {**data, "full": data.pop("name").strip()}

    @upcasts("ThingSplit", 2)
    def _split(data: Json) -> Json:
        first, last = data.pop("full").split(" ")
        return {**data, "first": first, "last": last}

    head = {"aggregate_id": "a", "version": 1, "occurred_at": "2026-03-02T12:00:00.000000Z"}
    stored = recorded("ThingSplit", msgspec.json.encode({**head, **shape}), version)
    with pytest.raises(
        UndecodableEvent, match=r"ThingSplit at position 7: .* version [12]"
    ) as told:
        decode(stored)
    assert told.value.recorded is stored


@pytest.mark.usefixtures("_registry")
def test_a_name_is_taken_once() -> None:
    class FundsDeposited(Event, frozen=True, kw_only=True):
        pass

    with pytest.raises(ValueError, match="two event classes are called FundsDeposited"):
        event_type(FundsDeposited)


def test_names_are_stable_and_in_the_past_tense() -> None:
    names = set(known_types())
    assert {"OrderPlaced", "OrderRefused", "FundsReserved", "FillSettled", "TradingHalted"} <= names
    assert all(name.isidentifier() and name[0].isupper() for name in names)
    for kind in (OrderPlaced, OrderFilled, TrailingStopMoved):
        assert known_types()[kind.__name__] is kind


def test_an_event_never_reads_a_clock() -> None:
    with pytest.raises(RuntimeError, match="from its command"):
        Event.create_timestamp()
