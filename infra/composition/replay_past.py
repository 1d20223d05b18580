"""The API's past: single things by folding their streams up to a cut, lists from read models as of
it, both with the read models' own folds. So every field is what the read model had then, also those
that no aggregate knows."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import TypeAlias

import msgspec

from api.reads.past import AccountThen, Past
from api.reads.rows import Row
from domain.account.account import Account
from domain.clock import Clock
from domain.log import EventLog, RecordedEvent
from domain.order.order import Order
from domain.risk.risk_limits import RiskLimits
from infra.composition.replay_kept_streams import KeptStreams
from infra.composition.replay_stream_rows import StreamRows
from projections.account_tables import ACCOUNTS, BALANCES, POSITIONS
from projections.accounts import ACCOUNTS_PROJECTION
from projections.order_timeline import ORDER_TIMELINE_PROJECTION, TIMELINE
from projections.orders import ORDERS, ORDERS_PROJECTION
from projections.projection import AnyTable, Projection
from projections.risk import RISK, RISK_PROJECTION
from replay.cut import position_of
from replay.moments.moments import Moments
from replay.state.plain import Json, plain
from replay.state.stream_history import history

PAGE = 250
"""Events that are folded at once: other requests have their turn after a few milliseconds."""

AT_ONCE = 4
"""Streams that are read at the same time; who asks for more waits. The past may not take the log's
connections and the processor from those who trade."""

_NUL, _ITS_SYMBOL = "\x00", "\u2400"

Rows: TypeAlias = Mapping[str, Sequence[Row]]
"""By their tables' names."""


class LoggedPast:
    """Implements api.reads.past.Past."""

    def __init__(self, log: EventLog, clock: Clock, moments: Moments, kept: KeptStreams) -> None:
        self._log = log
        self._clock = clock
        self._moments = moments
        self._kept = kept
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def position(self, as_of: str) -> int:
        return await position_of(self._log, as_of, self._clock.now())

    async def account(self, account_id: str, position: int) -> AccountThen | None:
        rows = await self._rows(ACCOUNTS_PROJECTION, Account.stream_of(account_id), position)
        account = _only(rows, ACCOUNTS)
        if account is None:
            return None
        return AccountThen(
            account=account,
            balances=sorted(rows[BALANCES.name], key=lambda row: str(row["asset"])),
            positions=sorted(rows[POSITIONS.name], key=lambda row: str(row["symbol"])),
        )

    async def order(self, order_id: str, position: int) -> Row | None:
        rows = await self._rows(ORDERS_PROJECTION, Order.stream_of(order_id), position)
        return _only(rows, ORDERS)

    async def timeline(
        self, order_id: str, position: int, after_version: int, most: int
    ) -> Sequence[Row]:
        folded = StreamRows(ORDER_TIMELINE_PROJECTION, {})
        stream = Order.stream_of(order_id)
        pages = history(self._log, stream, position, after_version=after_version, page_size=most)
        async with self._turns, aclosing(pages):
            folded.take(await anext(pages, ()))
        rows = folded.rows()[TIMELINE.name].values()
        return [_without(_row(row, TIMELINE.public), "order_id") for row in rows]

    async def risk(self, scope: str, position: int) -> Row | None:
        rows = await self._rows(RISK_PROJECTION, RiskLimits.stream_of(scope), position)
        return _only(rows, RISK)

    async def rows(
        self, projection: str, position: int, statement: str, arguments: Sequence[object]
    ) -> Sequence[Row]:
        return await self._moments.rows(projection, position, statement, arguments)

    async def _rows(self, projection: Projection, stream: str, position: int) -> Rows:
        """What a projection makes of one stream alone."""
        async with self._turns:
            begin = await self._kept.newest(projection, stream, position)
            folded = StreamRows(projection, begin.rows)
            last: RecordedEvent | None = None
            pages = history(
                self._log, stream, position, after_version=begin.version, page_size=PAGE
            )
            async with aclosing(pages):
                async for page in pages:
                    folded.take(page)
                    last = page[-1]
            rows = folded.rows()
            if last is not None and self._kept.is_due(begin, last):
                await self._kept.keep(projection, last, rows)
        return {
            table.name: [_row(row, table.public) for row in rows[table.name].values()]
            for table in projection.tables
        }


def _only(rows: Rows, table: AnyTable) -> Row | None:
    return next(iter(rows[table.name]), None)


def _row(row: msgspec.Struct, columns: Sequence[str]) -> Row:
    """As a read model's database gives it back."""
    return {column: _stored(getattr(row, column)) for column in columns}


def _without(row: Row, column: str) -> Row:
    return {name: value for name, value in row.items() if name != column}


def _stored(value: object) -> Json:
    if isinstance(value, msgspec.Raw):
        value = msgspec.json.decode(value)
    return _without_nul(plain(value))


def _without_nul(value: Json) -> Json:
    """PostgreSQL has no text with a NUL in it: rows show the symbol for it."""
    if isinstance(value, str):
        return value.replace(_NUL, _ITS_SYMBOL)
    if isinstance(value, dict):
        return {name: _without_nul(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    return value


def _conforms(past: LoggedPast) -> Past:
    return past
