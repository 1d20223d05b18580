"""Settlement: every execution of an order moves money and position in its account."""

from collections.abc import Iterator

from domain.account.account import Execution
from domain.event import Event
from domain.order.events import FillBusted, OrderFilled
from domain.policies.commands import AccountCommand, ReverseFill, SettleFill


def settlement(event: Event) -> Iterator[AccountCommand]:
    if isinstance(event, OrderFilled):
        yield SettleFill(event.account_id, _execution(event))
    elif isinstance(event, FillBusted):
        yield ReverseFill(event.account_id, _busted(event))


def _execution(event: OrderFilled) -> Execution:
    return Execution(
        order_id=event.originator_id,
        order_version=event.originator_version,
        number=event.execution_number,
        trade_id=event.trade_id,
        symbol=event.symbol,
        settlement_asset=event.settlement_asset,
        side=event.side,
        quantity=event.quantity,
        price=event.price,
        fee=event.fee,
        fee_asset=event.fee_asset,
        executed_at=event.executed_at,
    )


def _busted(event: FillBusted) -> Execution:
    return Execution(
        order_id=event.originator_id,
        order_version=event.originator_version,
        number=event.execution_number,
        trade_id=event.fill.trade_id,
        symbol=event.symbol,
        settlement_asset=event.settlement_asset,
        side=event.side,
        quantity=event.fill.quantity,
        price=event.fill.price,
        fee=event.fill.fee,
        fee_asset=event.fill.fee_asset,
        executed_at=event.fill.executed_at,
    )
