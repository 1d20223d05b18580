"""What one would write by hand for this log and these two tables, with nothing around it.

Read a page, decode, fold in dictionaries that keep every order, copy what changed into temporary
tables, merge, move the checkpoint: one transaction a page. No lease, no fencing, no going on after
a restart, no rebuild, no feed; and of an order's rules only those of its usual way.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec

from domain.order.terms import OrderTerms

if TYPE_CHECKING:
    from projections.connection import Connection

PAGE = 1_000

_PARTS = Path(__file__).with_suffix(".sql").read_text("utf-8").split("-- name: ")[1:]
SQL = {name: body for name, _, body in (part.partition("\n") for part in _PARTS)}

Row = list[Any]


class Placed(msgspec.Struct):
    aggregate_id: str
    account_id: str
    client_id: str
    client_order_id: str
    terms: OrderTerms
    occurred_at: datetime
    version: int
    strategy_id: str | None = None
    linked_order_id: str | None = None
    code: str | None = None


class Filled(msgspec.Struct):
    aggregate_id: str
    account_id: str
    execution_number: int
    trade_id: str
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    liquidity: str
    fee: Decimal
    fee_asset: str
    cum_quantity: Decimal
    leaves_quantity: Decimal
    executed_at: datetime
    occurred_at: datetime
    version: int


class Fill(msgspec.Struct):
    number: int
    quantity: Decimal
    price: Decimal
    fee: Decimal


class Busted(msgspec.Struct):
    aggregate_id: str
    fill: Fill
    cum_quantity: Decimal
    leaves_quantity: Decimal
    occurred_at: datetime
    version: int


class Other(msgspec.Struct):
    aggregate_id: str
    occurred_at: datetime
    version: int
    reason: str | None = None
    code: str | None = None
    venue_order_id: str | None = None
    stop_price: Decimal | None = None


_other = msgspec.json.Decoder(Other).decode
Decoder = Callable[[bytes], Placed | Filled | Busted | Other]

DECODE: dict[str, Decoder] = {
    "OrderPlaced": msgspec.json.Decoder(Placed).decode,
    "OrderRefused": msgspec.json.Decoder(Placed).decode,
    "OrderFilled": msgspec.json.Decoder(Filled).decode,
    "FillBusted": msgspec.json.Decoder(Busted).decode,
}
STATUS = {
    "OrderAccepted": "new",
    "OrderRejected": "rejected",
    "OrderUnknown": "unknown",
    "OrderCancelRequested": "pending_cancel",
    "OrderCancelled": "cancelled",
    "OrderAmendRequested": "pending_replace",
    "OrderAmended": "new",
    "OrderExpired": "expired",
    "OrderWithheld": "cancelled",
}
(
    VENUE_ID,
    STOP,
    STATUS_AT,
    CUM,
    LEAVES,
    AVERAGE,
    FEES,
    CODE,
    REASON,
    UPDATED,
    VERSION,
    POSITION,
) = (
    *(4, 12, 18, 19, 20, 21, 22, 23, 24),
    *(26, 27, 28),
)


class BareProjection:
    """``catch_up`` returns how many events it projected. A page is a transaction; it need not be
    flushed by itself, unless ``durable``."""

    def __init__(
        self, connection: "Connection", *, page_size: int = PAGE, durable: bool = False
    ) -> None:
        self._connection = connection
        self._page_size = page_size
        self._synchronous = "on" if durable else "off"
        self._orders: dict[str, Row] = {}
        self._notional: dict[str, Decimal] = {}
        self._executions: dict[tuple[str, int], Row] = {}
        self._changed: dict[str, Row] = {}
        self._changed_executions: dict[tuple[str, int], Row] = {}

    async def prepare(self) -> None:
        await self._connection.execute(SQL["tables"])
        await self._connection.execute(SQL["copies"])

    async def catch_up(self, events: int | None = None) -> int:
        position = count = 0
        while events is None or count < events:
            page = await self._connection.fetch(SQL["read"], position, self._page_size)
            if not page:
                break
            self._fold(page)
            position = page[-1][0]
            count += len(page)
            async with self._connection.transaction():
                await self._connection.execute(
                    f"set local synchronous_commit = {self._synchronous}"
                )
                await self._merge("orders", list(self._changed.values()))
                await self._merge("executions", list(self._changed_executions.values()))
                await self._connection.execute(SQL["advance"], position)
            self._changed.clear()
            self._changed_executions.clear()
        return count

    async def _merge(self, table: str, rows: Sequence[Row]) -> None:
        await self._connection.copy_records_to_table(f"changed_{table}", records=rows)
        await self._connection.execute(SQL[f"merge_{table}"])

    def _fold(self, page: Sequence[asyncpg.Record]) -> None:
        for position, kind, data in page:
            if kind == "OrderAbandoned":
                continue  # makes no row
            event = DECODE.get(kind, _other)(data)
            if isinstance(event, Placed):
                self._place(event)
            elif isinstance(event, Filled):
                self._fill(event, position)
            elif isinstance(event, Busted):
                self._bust(event, position)
            else:
                self._note(event, kind)
            row = self._orders[event.aggregate_id]
            row[UPDATED], row[VERSION], row[POSITION] = event.occurred_at, event.version, position
            self._changed[event.aggregate_id] = row

    def _place(self, event: Placed) -> None:
        terms, refused = event.terms, event.code is not None
        self._notional[event.aggregate_id] = Decimal(0)
        self._orders[event.aggregate_id] = [
            *(event.aggregate_id, event.account_id, event.client_id, event.client_order_id, None),
            *(event.strategy_id, event.linked_order_id, terms.symbol, terms.side, terms.type),
            *(terms.quantity, terms.limit_price, terms.stop_price, terms.trailing_offset),
            *(terms.time_in_force, terms.expire_at, terms.reduce_only, terms.post_only),
            "refused" if refused else "pending_new",
            *(Decimal(0), Decimal(0) if refused else terms.quantity, None, Decimal(0)),
            *(event.code, None, event.occurred_at, event.occurred_at, event.version, 0),
        ]

    def _fill(self, event: Filled, position: int) -> None:
        row = self._orders[event.aggregate_id]
        self._notional[event.aggregate_id] += event.quantity * event.price
        row[CUM], row[LEAVES] = event.cum_quantity, event.leaves_quantity
        row[STATUS_AT] = "partially_filled" if event.leaves_quantity else "filled"
        row[AVERAGE] = self._notional[event.aggregate_id] / event.cum_quantity
        row[FEES] += event.fee
        execution = [
            *(event.aggregate_id, event.execution_number, event.account_id, event.symbol),
            *(event.side, event.trade_id, event.quantity, event.price, event.liquidity),
            *(event.fee, event.fee_asset, False, event.executed_at, position),
        ]
        key = (event.aggregate_id, event.execution_number)
        self._executions[key] = self._changed_executions[key] = execution

    def _bust(self, event: Busted, position: int) -> None:
        row, cum = self._orders[event.aggregate_id], event.cum_quantity
        self._notional[event.aggregate_id] -= event.fill.quantity * event.fill.price
        row[CUM], row[LEAVES] = cum, event.leaves_quantity
        row[AVERAGE] = self._notional[event.aggregate_id] / cum if cum else None
        row[FEES] -= event.fill.fee
        key = (event.aggregate_id, event.fill.number)
        execution = self._executions[key]
        execution[-3], execution[-1] = True, position
        self._changed_executions[key] = execution

    def _note(self, event: Other, kind: str) -> None:
        row = self._orders[event.aggregate_id]
        row[STATUS_AT] = STATUS.get(kind, row[STATUS_AT])
        row[VENUE_ID] = event.venue_order_id or row[VENUE_ID]
        row[STOP] = event.stop_price or row[STOP]
        row[CODE] = event.code or row[CODE]
        row[REASON] = event.reason
