"""A long log, made fast: one account's history by the real aggregates, copied for every account.

Each copy has accounts, orders and events of its own: in the template their ids begin with a mark,
and numbers that the venue gives out are written ``@n@``. The copies' events lie side by side in the
log, as those of accounts that trade at the same time, and the venue's journal tells the same.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from adapters.market.static_instruments import StaticInstruments
from adapters.venues.paper.entry import Entry, Opened, Transferred
from adapters.venues.paper.entry import decode as decode_entry
from adapters.venues.paper.entry import encode as encode_entry
from adapters.venues.paper.postgres_journal import PostgresJournal, journal_pool
from domain.account.account import Account
from domain.aggregate import Aggregate
from domain.command import Actor, ActorType, Metadata
from domain.controls.fingerprint import fingerprint
from domain.event import encode
from domain.fees import FeeSchedule, Liquidity
from domain.order.events import OrderFilled
from domain.order.order import SEND_WINDOW, NewOrder, Order
from domain.order.terms import OrderTerms, OrderType, Side
from domain.policies.commands import SettleFill
from domain.policies.settlement import settlement
from domain.risk.verdict import Verdict
from domain.venue import CancelReport, FillReport, VenueOrder
from infra.clock import SystemClock
from infra.log.postgres.log import PostgresEventLog
from infra.workers.checkpoints import PostgresCheckpoints

WORKERS = ("execution", "policies", "paper-funding")
"""Those that have handled it all; others begin at the first event."""

SYMBOL = "BTCUSDT"
PRICE = Decimal("60000.0")
FAR_BELOW = Decimal("1000.0")
QUANTITY = Decimal("0.004")
FEES = FeeSchedule(Decimal("0.0002"), Decimal("0.0004"))
CONTROLS = 16

MARK = "5eed5eed"
STEP = timedelta(milliseconds=200)
ENTRIES_AT_ONCE = 10_000

_PLACES = re.compile(rf"({MARK}|@\d+@)".encode())
_COLUMNS = ("position", "stream", "version", "id", "type", "data", "metadata", "recorded_at")


class Line(NamedTuple):
    """One event of the template, cut at the places that differ between copies."""

    stream: Sequence[bytes]
    version: int
    type: str
    data: Sequence[bytes]
    metadata: Sequence[bytes]
    at: datetime


class Template:
    """What happens to one account: orders that fill, orders that are cancelled, some that rest."""

    def __init__(self, events: int, resting: int, begins: datetime) -> None:
        self.lines: list[Line] = []
        self.entries: list[Sequence[bytes]] = []
        self.resting = resting
        self._now = begins
        self._orders = 0
        self._instrument = StaticInstruments.default().get(SYMBOL)
        self._account = Account.empty(_id(0, 0))
        self._begin()
        while len(self.lines) < events - resting * 4:
            self._trade()
        for _ in range(resting):
            self._work(self._place(Side.BUY, FAR_BELOW))

    def _begin(self) -> None:
        money, now = Decimal(10_000_000), self._tick()
        self._account.open(f"client-{MARK}", "paper", Decimal(1), FEES, now)
        self._account.deposit("deposit-1", "USDT", money, now)
        self._record(self._account)
        self._tell(Transferred(self._account.id, "deposit-1", "USDT", money, now))

    def _trade(self) -> None:
        """Two of five orders are cancelled; the others buy and sell in turns, in two fills."""
        turn = self._orders % 5
        if turn in (1, 3):
            self._cancel(self._place(Side.BUY, FAR_BELOW))
        else:
            side = Side.SELL if self._account.position_quantity(SYMBOL) else Side.BUY
            self._fill(self._place(side, PRICE + turn))

    def _place(self, side: Side, price: Decimal) -> Order:
        """As far as the intent to send it."""
        assert self._instrument is not None
        self._orders += 1
        terms = OrderTerms(SYMBOL, side, OrderType.LIMIT, QUANTITY, price)
        order = Order.empty(_id(1, self._orders))
        self._account.reserve(
            order.id, self._instrument, side, QUANTITY, price,
            reduce_only=False, fingerprint=fingerprint(terms), now=self._tick(),
        )  # fmt: skip
        self._record(self._account)
        decided = NewOrder(
            account_id=self._account.id,
            client_id=self._account.client_id,
            client_order_id=order.id,
            terms=terms,
            worst_price=price,
            settlement_asset="USDT",
            correlation_id=order.id,
        )
        order.place(decided, _VERDICTS, self._now)
        order.submit(1, self._tick(), self._now + SEND_WINDOW)
        return order

    def _work(self, order: Order) -> None:
        """The venue takes it."""
        sent = VenueOrder(order.venue_client_id, order.account_id, order.terms)
        at = self._tick()
        self._tell(Opened(sent, _number(self._orders), at, "USDT"))
        order.accept(_number(self._orders), at, self._now)
        self._record(order)

    def _fill(self, order: Order) -> None:
        self._work(order)
        for part in (1, 2):
            quantity, at = QUANTITY / 2, self._tick()
            assert order.terms.limit_price is not None
            report = FillReport(
                client_order_id=order.venue_client_id,
                venue_order_id=_number(self._orders),
                account_id=order.account_id,
                symbol=SYMBOL,
                trade_id=_number(self._orders * 2 + part),
                quantity=quantity,
                price=order.terms.limit_price,
                liquidity=Liquidity.MAKER,
                fee=FEES.fee(quantity * order.terms.limit_price, Liquidity.MAKER),
                fee_asset="USDT",
                at=at,
            )
            self._tell(report)
            order.fill(report, self._tick())
            (filled,) = order.pending
            assert isinstance(filled, OrderFilled)
            self._record(order)
            self._settle(filled)

    def _settle(self, filled: OrderFilled) -> None:
        (command,) = settlement(filled)
        assert isinstance(command, SettleFill)
        self._account.settle(command.execution, self._tick())
        self._record(self._account)

    def _cancel(self, order: Order) -> None:
        self._work(order)
        order.request_cancel("cancel-1", "requested", self._tick())
        self._record(order)
        at = self._tick()
        self._tell(
            CancelReport(
                client_order_id=order.venue_client_id,
                venue_order_id=_number(self._orders),
                account_id=order.account_id,
                reason="user",
                at=at,
                cum_quantity=order.cum_quantity,
            )
        )
        order.cancel("user", self._tick())
        self._record(order)
        self._account.release(order.id, "cancelled", self._tick())
        self._record(self._account)

    def _tick(self) -> datetime:
        self._now += STEP
        return self._now

    def _record(self, aggregate: Aggregate) -> None:
        for event in aggregate.pending:
            self.lines.append(
                Line(
                    stream=_cut(aggregate.stream.encode()),
                    version=event.originator_version,
                    type=type(event).__name__,
                    data=_cut(encode(event)),
                    metadata=_METADATA,
                    at=self._now,
                )
            )
        aggregate.collect_events()

    def _tell(self, entry: Entry) -> None:
        self.entries.append(_cut(encode_entry(entry).encode()))


class LongLog:
    """``write`` fills an empty database: the log, the venue's journal, the workers' checkpoints."""

    def __init__(self, events: int, accounts: int, working_orders: int) -> None:
        a_copy = events // accounts
        begins = datetime.now(UTC) - timedelta(hours=1) - STEP * a_copy * 2
        self.accounts = range(accounts)
        self._template = Template(a_copy, working_orders // accounts, begins)
        self.events = len(self._template.lines) * accounts
        self.working_orders = self._template.resting * accounts

    async def write(self, dsn: str) -> None:
        async with PostgresEventLog.open(dsn):
            pass  # it makes its schema
        await self._write_events(dsn)
        await self._write_journal(dsn)
        await self._write_checkpoints(dsn)

    async def _write_events(self, dsn: str) -> None:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.copy_records_to_table(
                "events", schema_name="log", columns=_COLUMNS, records=self._rows(), timeout=None
            )
        finally:
            await connection.close()

    def _rows(self) -> Iterator[tuple[object, ...]]:
        position = 0
        for line in self._template.lines:
            for copy in range(len(self.accounts)):
                position += 1
                yield (
                    position,
                    self._render(line.stream, copy).decode(),
                    line.version,
                    UUID(int=position),
                    line.type,
                    self._render(line.data, copy),
                    self._render(line.metadata, copy),
                    line.at,
                )

    async def _write_journal(self, dsn: str) -> None:
        async with journal_pool(dsn) as pool:
            journal = await PostgresJournal.open(pool, SystemClock())
            written = 0
            entries = self._entries()
            while chunk := list(islice(entries, ENTRIES_AT_ONCE)):
                await journal.append(written, chunk)
                written += len(chunk)

    def _entries(self) -> Iterator[Entry]:
        for entry in self._template.entries:
            for copy in range(len(self.accounts)):
                yield decode_entry(self._render(entry, copy))

    async def _write_checkpoints(self, dsn: str) -> None:
        async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
            checkpoints = await PostgresCheckpoints.open(pool)
            for worker in WORKERS:
                await checkpoints.save(worker, self.events)

    def _render(self, parts: Sequence[bytes], copy: int) -> bytes:
        if len(parts) == 1:
            return parts[0]
        accounts = len(self.accounts)
        return b"".join(
            part if place % 2 == 0 else _in_copy(part, copy, accounts)
            for place, part in enumerate(parts)
        )


def _cut(text: bytes) -> Sequence[bytes]:
    """What is the same in all copies, and at every second place what is not."""
    return _PLACES.split(text)


def _in_copy(place: bytes, copy: int, copies: int) -> bytes:
    if place.startswith(b"@"):
        return b"%d" % (int(place[1:-1]) * copies + copy + 1)
    return b"%08x" % (copy + 1)


def _id(kind: int, number: int) -> str:
    """In the form of a UUID."""
    return f"{MARK}-0000-4000-8{kind:03d}-{number:012d}"


def _number(number: int) -> str:
    return f"@{number}@"


_VERDICTS = tuple(
    Verdict(f"control_{number}", True, "system", 1, limit="1000000", measured="240.0000")
    for number in range(CONTROLS)
)

_METADATA = _cut(
    msgspec.json.encode(
        Metadata(
            correlation_id=_id(2, 0),
            command_id=UUID(_id(2, 0)),
            actor=Actor(ActorType.HUMAN, "operator", "api"),
            schema_version=1,
            code_version="0.1.0",
            causation_id=_id(2, 1),
        )
    )
)
