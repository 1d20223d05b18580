"""Folding an account from its stored events, against the library's own way of writing it."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

import msgspec
from eventsourcing.domain import CanMutateAggregate
from eventsourcing.persistence import StoredEvent

from domain.account.account import Account, Execution
from domain.account.events import (
    AccountOpened,
    FillSettled,
    FundsDeposited,
    FundsReserved,
    ReservationReleased,
)
from domain.event import Event, decode, encode
from domain.fees import FeeSchedule
from domain.instrument import Instrument
from domain.log import RecordedEvent
from domain.order.terms import Side
from tests.benchmarks.harness import Bench, Measurement, Result
from tests.benchmarks.library_account import LibraryAccount, a_mapper

START = datetime(2026, 1, 1, tzinfo=UTC)
ACCOUNT_ID = UUID("6f1f6f0e-25b5-4a5e-9f0e-0d2f8f0b7a11")
INSTRUMENT = Instrument(
    symbol="BTCUSDT",
    base_asset="BTC",
    quote_asset="USDT",
    settlement_asset="USDT",
    tick_size=Decimal("0.01"),
    min_price=Decimal("0.01"),
    max_price=Decimal(1_000_000),
    lot_size=Decimal("0.001"),
    min_quantity=Decimal("0.001"),
    max_quantity=Decimal(1_000),
    market_max_quantity=Decimal(100),
    min_notional=Decimal(5),
)


async def run(bench: Bench) -> list[Result]:
    account = a_busy_account(orders=bench.scaled(1_500, least=20))
    ours = recorded(account)
    theirs = stored(account.pending)
    check_same(fold(ours), fold_library(theirs))
    return [
        await bench.compare(
            "account folded",
            "events/s",
            rate_of(lambda: fold(ours), len(ours)),
            reference="eventsourcing: decorated events, JSON transcoder",
            theirs=rate_of(lambda: fold_library(theirs), len(theirs)),
            goal=4.0,
        )
    ]


def a_busy_account(orders: int) -> Account:
    """Opened, funded; each order reserved, filled in two parts or released."""
    account = Account.empty(str(ACCOUNT_ID))
    fees = FeeSchedule(Decimal("0.0002"), Decimal("0.0004"))
    account.open("client", "paper", Decimal("0.1"), fees, START)
    account.deposit("first", "USDT", Decimal(1_000_000), START)
    for number in range(orders):
        trade_an_order(account, number, START + timedelta(milliseconds=100 * number))
    return account


def trade_an_order(account: Account, number: int, at: datetime) -> None:
    order_id = str(uuid5(ACCOUNT_ID, str(number)))
    side = Side.BUY if number % 2 == 0 else Side.SELL
    quantity, price = Decimal("0.5"), Decimal("30000.01") + number % 700
    fingerprint = f"BTCUSDT|{side}|limit|0.5|{price}|-|-"
    account.reserve(
        order_id,
        INSTRUMENT,
        side,
        quantity,
        price,
        reduce_only=False,
        fingerprint=fingerprint,
        now=at,
    )
    if number % 4 == 3:
        account.release(order_id, "cancelled", at)
        return
    for part in (1, 2):
        execution = Execution(
            order_id=order_id,
            order_version=3 + part,
            number=part,
            trade_id=f"{number}-{part}",
            symbol="BTCUSDT",
            settlement_asset="USDT",
            side=side,
            quantity=quantity / 2,
            price=price,
            fee=Decimal("3.00000100"),
            fee_asset="USDT",
            executed_at=at,
        )
        account.settle(execution, at)


def recorded(account: Account) -> list[RecordedEvent]:
    """The account's events as the log would return them."""
    return [
        RecordedEvent(
            id=uuid5(ACCOUNT_ID, f"event/{event.originator_version}"),
            type=type(event).__name__,
            data=encode(event),
            metadata=b'{"schema_version":1}',
            stream=account.stream,
            version=event.originator_version,
            position=event.originator_version,
            recorded_at=event.timestamp,
        )
        for event in account.pending
    ]


def stored(events: Sequence[Event]) -> list[StoredEvent]:
    """The same facts as the library would store them."""
    opened = events[0]
    assert isinstance(opened, AccountOpened)
    account = LibraryAccount(**own_fields(opened))
    for event in events[1:]:
        tell(account, event)
    mapper = a_mapper()
    return [mapper.to_stored_event(event) for event in account.collect_events()]


def tell(account: LibraryAccount, event: Event) -> None:
    """Repeat one of our events to the library's account."""
    fields = own_fields(event)
    match event:
        case FundsDeposited():
            account.deposit(**fields)
        case FundsReserved():
            account.reserve(**{**fields, "side": str(event.side)}, decided_at=event.timestamp)
        case ReservationReleased():
            account.release(**fields)
        case FillSettled():
            account.settle(**{**fields, "side": str(event.side)})
        case _:
            raise AssertionError(type(event))


def own_fields(event: Event) -> dict[str, Any]:
    """What an event says beyond what all events say."""
    fields = msgspec.structs.asdict(event)
    for common in ("originator_id", "originator_version", "timestamp"):
        del fields[common]
    return fields


def fold(events: Sequence[RecordedEvent]) -> Account:
    account = Account.empty(str(ACCOUNT_ID))
    for event in events:
        decode(event).mutate(account)
    return account


def fold_library(events: Sequence[StoredEvent]) -> LibraryAccount:
    mapper = a_mapper()
    account: LibraryAccount | None = None
    for event in events:
        known = mapper.to_domain_event(event)
        assert isinstance(known, CanMutateAggregate)
        account = known.mutate(account)
    assert account is not None
    return account


def check_same(ours: Account, theirs: LibraryAccount) -> None:
    """Both did the same work: the same state came of it."""
    assert ours.version == theirs.version
    assert ours.balances == theirs.balances
    assert set(ours.reservations) == set(theirs.reservations)
    assert ours.messages == theirs.messages
    assert ours.settled == theirs.settled
    assert ours.positions == theirs.positions
    assert (ours.result_day, ours.day_result) == (theirs.result_day, theirs.day_result)


def rate_of(work: Callable[[], object], events: int) -> Measurement:
    async def measure() -> float:
        began = time.perf_counter()
        work()
        return events / (time.perf_counter() - began)

    return measure
