"""A paper venue's journal of a long life: orders that were filled, and some that still work."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count, islice

import asyncpg

from adapters.venues.paper.entry import Entry, Opened, encode
from adapters.venues.paper.postgres_journal import PostgresJournal
from domain.fees import Liquidity
from domain.order.terms import OrderTerms, OrderType, Side
from domain.venue import FillReport, VenueOrder
from infra.clock import SystemClock

SYMBOL = "AAAUSDT"
ACCOUNTS = 100

_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_COLUMNS = ("sequence", "kind", "account_id", "client_order_id", "at", "entry")

Row = tuple[int, str, str, str, datetime, str]


async def write_long_journal(dsn: str, first: int, last: int, working: int) -> None:
    """Entries ``first`` to ``last`` of a life; the first ``working`` orders still work."""
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
        await PostgresJournal.open(pool, SystemClock())
        async with pool.acquire() as connection:
            await connection.copy_records_to_table(
                "journal",
                schema_name="paper_venue",
                columns=_COLUMNS,
                records=islice(_rows(working), first - 1, last),
            )
            await connection.execute("ANALYZE paper_venue.journal")


def _rows(working: int) -> Iterator[Row]:
    for sequence, entry in enumerate(_entries(working), 1):
        kind, order_id = type(entry).__name__, entry.client_order_id
        yield sequence, kind, entry.account_id, order_id, entry.at, encode(entry)


def _entries(working: int) -> Iterator[Entry]:
    for number in count(1):
        opened = _opened(number)
        yield opened
        if number > working:
            yield _fill(opened, number)


def _opened(number: int) -> Opened:
    side = Side.BUY if number // ACCOUNTS % 2 else Side.SELL
    price = Decimal("9.0") if side is Side.BUY else Decimal("11.0")
    terms = OrderTerms(SYMBOL, side, OrderType.LIMIT, Decimal(1), price)
    order = VenueOrder(f"order-{number}", f"account-{number % ACCOUNTS}", terms)
    return Opened(order, str(number), _BEGIN + timedelta(milliseconds=number), "USDT")


def _fill(opened: Opened, number: int) -> FillReport:
    price = opened.order.terms.limit_price
    assert price is not None
    return FillReport(
        client_order_id=opened.client_order_id,
        venue_order_id=opened.venue_order_id,
        account_id=opened.account_id,
        symbol=SYMBOL,
        trade_id=str(number),
        quantity=Decimal(1),
        price=price,
        liquidity=Liquidity.MAKER,
        fee=Decimal("0.0018"),
        fee_asset="USDT",
        at=opened.at,
    )
