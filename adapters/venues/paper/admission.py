"""What the venue lets in: the instrument's filters, as an exchange checks them."""

import re
from datetime import datetime, timedelta
from decimal import Decimal

from adapters.venues.paper.reject import RejectCode
from adapters.venues.paper.touch import Touch
from adapters.venues.paper.working_order import WorkingOrder
from domain.decimals import ZERO
from domain.errors import Conflict, InvalidInput
from domain.instrument import Instrument, Instruments
from domain.order.terms import OrderTerms, OrderType, TimeInForce
from domain.venue import Capabilities, SendWindow, VenueOrder

CLOCK_TOLERANCE = timedelta(seconds=1)
"""How far a sender's clock may be ahead of the venue's."""

_CLIENT_ORDER_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}", re.ASCII)
_LINKABLE = frozenset({OrderType.LIMIT, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT})
_IMMEDIATE = frozenset({TimeInForce.IOC, TimeInForce.FOK})


def check_terms(terms: OrderTerms, instruments: Instruments, touch: Touch | None) -> None:
    """Raise InvalidInput with the code the venue answers, unless the terms pass every filter."""
    terms.check()
    instrument = instruments.get(terms.symbol)
    if instrument is None:
        raise InvalidInput(RejectCode.UNKNOWN_SYMBOL, f"no instrument {terms.symbol}")
    if not instrument.trading:
        raise InvalidInput(RejectCode.NOT_TRADING, f"{terms.symbol} is not trading")
    if terms.type is OrderType.OCO:
        raise InvalidInput(RejectCode.UNSUPPORTED_TYPE, "an OCO is sent as two linked orders")
    _check_prices(terms, instrument)
    _check_quantity(terms, instrument)
    _check_notional(terms, instrument, touch)


def check_window(window: SendWindow | None, now: datetime) -> None:
    """Raise Conflict for what comes too late to be acted on, or was sent in the future."""
    if window is None:
        return
    if now > window.valid_until:
        raise Conflict(RejectCode.OUTSIDE_WINDOW, f"valid until {window.valid_until}, it is {now}")
    if window.sent_at > now + CLOCK_TOLERANCE:
        raise Conflict(RejectCode.OUTSIDE_WINDOW, f"sent at {window.sent_at}, it is {now}")


def check_capabilities(order: VenueOrder, capabilities: Capabilities) -> None:
    """Raise InvalidInput for what the venue leaves to its users."""
    terms = order.terms
    unsupported = (
        (order.linked_client_order_id is not None and not capabilities.linked_orders)
        or (terms.time_in_force is TimeInForce.GTD and not capabilities.good_till_date)
        or (terms.type is OrderType.TRAILING_STOP and not capabilities.trailing_stops)
    )
    if unsupported:
        raise InvalidInput(RejectCode.UNSUPPORTED_TYPE, "the venue has no such orders")


def check_ids(order: VenueOrder) -> None:
    """Raise InvalidInput unless the ids are such as venues take and a journal can hold."""
    for client_order_id in (order.client_order_id, order.linked_client_order_id):
        if client_order_id is not None and not _CLIENT_ORDER_ID.fullmatch(client_order_id):
            raise InvalidInput(
                RejectCode.INVALID_CLIENT_ORDER_ID, "up to 36 of letters, digits and . : / _ -"
            )
    if not order.account_id.isprintable():
        raise InvalidInput(RejectCode.UNKNOWN_ACCOUNT, "an account id is printable text")


def check_link(order: VenueOrder, partner: WorkingOrder | None) -> None:
    """Raise unless the order, if linked, can be a leg of an OCO pair with what is there."""
    linked = order.linked_client_order_id
    if linked is None:
        return
    terms = order.terms
    if terms.type not in _LINKABLE or terms.time_in_force in _IMMEDIATE:
        raise InvalidInput(RejectCode.INVALID_LINK, "an OCO leg is a waiting limit order or a stop")
    if linked == order.client_order_id:
        raise InvalidInput(RejectCode.INVALID_LINK, "an order cannot be linked to itself")
    if partner is None:
        return
    if not _are_mutual(order, partner.order):
        raise Conflict(RejectCode.INVALID_LINK, f"{linked} is not the other leg of this order")
    if partner.paired:
        # Its own other leg has ended since, and with it the id that this order uses again.
        raise Conflict(RejectCode.INVALID_LINK, f"{linked} has had its other leg")


def _are_mutual(order: VenueOrder, partner: VenueOrder) -> bool:
    return (
        partner.linked_client_order_id == order.client_order_id
        and partner.terms.symbol == order.terms.symbol
        and partner.terms.side == order.terms.side
    )


def _check_prices(terms: OrderTerms, instrument: Instrument) -> None:
    for name, price in (("limit_price", terms.limit_price), ("stop_price", terms.stop_price)):
        if price is None:
            continue
        if not instrument.is_on_tick(price):
            raise InvalidInput(RejectCode.PRICE_FILTER, f"{name} {price} is off tick", name)
        if not instrument.admits_price(price):
            raise InvalidInput(RejectCode.PRICE_FILTER, f"{name} {price} is out of bounds", name)


def _check_quantity(terms: OrderTerms, instrument: Instrument) -> None:
    quantity = terms.quantity
    if not instrument.is_on_lot(quantity):
        raise InvalidInput(RejectCode.LOT_SIZE, f"quantity {quantity} is off lot", "quantity")
    if not instrument.min_quantity <= quantity <= instrument.max_quantity:
        raise InvalidInput(RejectCode.LOT_SIZE, f"quantity {quantity} is out of bounds", "quantity")
    if terms.executes_at_market and quantity > instrument.market_max_quantity:
        raise InvalidInput(
            RejectCode.MARKET_LOT_SIZE, f"quantity {quantity} is too much at market", "quantity"
        )


def _check_notional(terms: OrderTerms, instrument: Instrument, touch: Touch | None) -> None:
    price = _reference_price(terms, touch)
    if price is None or terms.reduce_only:
        return
    if price * terms.quantity < instrument.min_notional:
        raise InvalidInput(
            RejectCode.MIN_NOTIONAL, f"notional is below {instrument.min_notional}", "quantity"
        )


def _reference_price(terms: OrderTerms, touch: Touch | None) -> Decimal | None:
    """Its own price, or else what it would pay now; None when nobody can tell yet."""
    own = terms.limit_price or terms.stop_price
    if own is not None and own > ZERO:
        return own
    return None if touch is None else touch.price_for(terms.side)
