"""What is reserved covers every order that works or may work; at rest it is exactly that."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from math import ceil

from adapters.venues.paper.entry import Entry
from domain.account.account import Account
from domain.account.events import ReservationChanged, ReservationReleased, Settlement
from domain.decimals import ZERO
from domain.order.events import OrderEvent
from domain.order.order import Order, venue_client_id_of
from projections.projection import Fact
from tests.simulation.story import Story

_LAST_DECIMAL = 10**8


def on_event(story: Story, fact: Fact) -> Iterator[str]:
    event = fact.event
    if isinstance(event, OrderEvent):
        yield from _covered(story, event.originator_id)
    elif isinstance(event, ReservationChanged | ReservationReleased | Settlement):
        yield from _covered(story, event.order_id)


def on_entry(story: Story, entry: Entry) -> Iterator[str]:
    order = story.venue.orders.get(entry.client_order_id)
    if order is not None and order.order_id is not None:
        yield from _covered(story, order.order_id)


def at_rest(story: Story) -> Iterator[str]:
    """Reservations are those of the live orders, at their worst case to the last decimal."""
    for account in story.accounts.values():
        live = {o.id: o for o in story.orders.values() if o.is_live and o.account_id == account.id}
        for order_id in account.reservations:
            if order_id not in live:
                yield f"account {account.id} reserves for {order_id}, which is not live"
        for order in live.values():
            yield from _exact(account, order)


def _covered(story: Story, order_id: str) -> Iterator[str]:
    order = story.orders.get(order_id)
    working = story.venue.orders.get(venue_client_id_of(order_id))
    if order is None or not order.exists or (working is not None and working.has_bust):
        return  # what a bust puts back to work was not foreseen by any reservation
    held = story.accounts[order.account_id].reservations.get(order_id)
    reserved = held.quantity if held else ZERO
    needed = max(working.leaves_quantity if working else ZERO, order.leaves_quantity)
    if reserved < needed:
        yield f"order {order_id} ({order.status}) may trade {needed}, and {reserved} is reserved"


def _exact(account: Account, order: Order) -> Iterator[str]:
    held = account.reservations.get(order.id)
    if held is None:
        yield f"account {account.id} reserves nothing for {order.id}, which is {order.status}"
    elif (held.quantity, held.price) != (order.leaves_quantity, order.worst_price):
        yield (
            f"order {order.id} leaves {order.leaves_quantity} at {order.worst_price}, and "
            f"{held.quantity} at {held.price} is reserved"
        )
    elif Fraction(held.amount) != _worst_case(account, held.quantity * held.price, order):
        yield f"order {order.id} reserves {held.amount}, which is not its worst case"


def _worst_case(account: Account, notional: Decimal, order: Order) -> Fraction:
    rate = Fraction(max(account.fees.maker, account.fees.taker, ZERO))
    margin = Fraction() if order.terms.reduce_only else Fraction(account.margin_rate)
    return _up(Fraction(notional) * margin) + _up(Fraction(notional) * rate)


def _up(amount: Fraction) -> Fraction:
    return Fraction(ceil(amount * _LAST_DECIMAL), _LAST_DECIMAL)
