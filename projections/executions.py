"""The executions of orders: one row for each fill, with whether it was busted."""

from datetime import datetime
from decimal import Decimal

import msgspec

from domain.order.events import FillBusted, OrderFilled
from domain.order.fill import Fill
from projections.table import Table


class ExecutionRow(msgspec.Struct, frozen=True, gc=False):
    order_id: str
    execution_number: int
    account_id: str
    symbol: str
    side: str
    trade_id: str
    quantity: Decimal
    price: Decimal
    liquidity: str
    fee: Decimal
    fee_asset: str
    busted: bool
    executed_at: datetime
    position: int


EXECUTIONS = Table(
    "executions", ExecutionRow, ("order_id", "execution_number"), published_as="executions"
)


def execution_filled(event: OrderFilled, position: int) -> ExecutionRow:
    return ExecutionRow(
        order_id=event.originator_id,
        execution_number=event.execution_number,
        account_id=event.account_id,
        symbol=event.symbol,
        side=event.side,
        trade_id=event.trade_id,
        quantity=event.quantity,
        price=event.price,
        liquidity=event.liquidity,
        fee=event.fee,
        fee_asset=event.fee_asset,
        busted=False,
        executed_at=event.executed_at,
        position=position,
    )


def execution_busted(event: FillBusted, position: int) -> ExecutionRow:
    """The busted execution's row; the bust tells the fill again, so nothing need be loaded."""
    fill: Fill = event.fill
    return ExecutionRow(
        order_id=event.originator_id,
        execution_number=fill.number,
        account_id=event.account_id,
        symbol=event.symbol,
        side=event.side,
        trade_id=fill.trade_id,
        quantity=fill.quantity,
        price=fill.price,
        liquidity=fill.liquidity,
        fee=fill.fee,
        fee_asset=fill.fee_asset,
        busted=True,
        executed_at=fill.executed_at,
        position=position,
    )
