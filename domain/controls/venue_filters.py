"""The venue's filters: tick size, lot size and bounds, minimum notional."""

from collections.abc import Iterator
from decimal import Decimal

from domain.controls.check import OrderCheck
from domain.controls.limit import unscoped
from domain.decimals import ZERO
from domain.errors import InvalidInput
from domain.instrument import Instrument
from domain.order.terms import OrderTerms, OrderType
from domain.risk.verdict import Verdict


def tick_size(check: OrderCheck) -> Iterator[Verdict]:
    for _, price in _prices(check.terms):
        passed = check.instrument.is_on_tick(price)
        yield unscoped("tick_size", check.instrument.tick_size, price, "off_tick", passed=passed)
        passed = check.instrument.admits_price(price)
        bounds = f"{check.instrument.min_price:f}..{check.instrument.max_price:f}"
        yield unscoped("price_bounds", bounds, price, "price_out_of_bounds", passed=passed)


def lot_size(check: OrderCheck) -> Iterator[Verdict]:
    instrument, quantity = check.instrument, check.terms.quantity
    passed = instrument.is_on_lot(quantity)
    yield unscoped("lot_size", instrument.lot_size, quantity, "off_lot", passed=passed)
    largest = _largest(instrument, check.terms.type)
    bounds = f"{instrument.min_quantity:f}..{largest:f}"
    passed = instrument.min_quantity <= quantity <= largest
    yield unscoped("quantity_bounds", bounds, quantity, "quantity_out_of_bounds", passed=passed)


def minimum_notional(check: OrderCheck) -> Iterator[Verdict]:
    """What is left of the notional after the fee must still be the venue's minimum.

    Measured at the lowest price the order can be taken at; a reduce-only order is exempt, as
    Binance USD-M exempts it.
    """
    notional = check.terms.quantity * _lowest_price(check)
    measured = notional - check.account.fees.worst_case(notional)
    passed = check.terms.reduce_only or measured >= check.instrument.min_notional
    yield unscoped(
        "minimum_notional",
        check.instrument.min_notional,
        measured,
        "below_min_notional",
        passed=passed,
    )


def require_filters(terms: OrderTerms, instrument: Instrument) -> None:
    """Refuse numbers that no state of the market could make right.

    Raises InvalidInput ``off_tick``, ``price_out_of_bounds``, ``off_lot``,
    ``quantity_out_of_bounds``.
    """
    for name, price in _prices(terms):
        if not instrument.is_on_tick(price):
            raise InvalidInput(
                "off_tick", f"{name} is not a multiple of {instrument.tick_size:f}", name
            )
        if not instrument.admits_price(price):
            raise InvalidInput("price_out_of_bounds", f"{name} is outside the venue's bounds", name)
    if not instrument.min_quantity <= terms.quantity <= _largest(instrument, terms.type):
        raise InvalidInput(
            "quantity_out_of_bounds", "quantity is outside the venue's bounds", "quantity"
        )
    if not instrument.is_on_lot(terms.quantity):
        raise InvalidInput(
            "off_lot", f"quantity is not in steps of {instrument.lot_size:f}", "quantity"
        )


def _prices(terms: OrderTerms) -> Iterator[tuple[str, Decimal]]:
    for name in ("limit_price", "stop_price"):
        price: Decimal | None = getattr(terms, name)
        if price is not None:
            yield name, price


def _largest(instrument: Instrument, order_type: OrderType) -> Decimal:
    if order_type is OrderType.MARKET and instrument.market_max_quantity > ZERO:
        return instrument.market_max_quantity
    return instrument.max_quantity


def _lowest_price(check: OrderCheck) -> Decimal:
    known = [price for _, price in _prices(check.terms)]
    if not known and check.quote is not None and check.quote.is_usable:
        known = [check.quote.bid]
    return min(known, default=ZERO)
