"""All pre-trade controls, in the order their verdicts are recorded."""

from collections.abc import Callable, Iterator

from domain.controls.check import OrderCheck
from domain.controls.exposure import exposure, position
from domain.controls.money import daily_loss, funds
from domain.controls.order_size import order_quantity, order_value
from domain.controls.pace import duplicate_order, message_rate, open_orders
from domain.controls.price import fresh_quote, price_collar
from domain.controls.symbols import instrument_allowed
from domain.controls.trading_state import trading_state
from domain.controls.venue_filters import lot_size, minimum_notional, tick_size
from domain.risk.verdict import Verdict

Control = Callable[[OrderCheck], Iterator[Verdict]]

CONTROLS: tuple[Control, ...] = (
    trading_state,
    instrument_allowed,
    tick_size,
    lot_size,
    fresh_quote,
    price_collar,
    minimum_notional,
    order_quantity,
    order_value,
    position,
    exposure,
    open_orders,
    message_rate,
    duplicate_order,
    daily_loss,
    funds,
)


def run_controls(check: OrderCheck) -> tuple[Verdict, ...]:
    """Every control's verdicts: all are run, whatever the first of them says."""
    return tuple(verdict for control in CONTROLS for verdict in control(check))
