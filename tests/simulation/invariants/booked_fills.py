"""Every fill of the venue is booked exactly once, as the venue made it."""

from collections.abc import Iterator

from domain.order.events import OrderFilled
from domain.order.order import order_id_of, venue_client_id_of
from projections.projection import Fact
from tests.simulation.story import Story


def on_event(story: Story, fact: Fact) -> Iterator[str]:
    """Never twice, and never anything that the venue did not do."""
    event = fact.event
    if not isinstance(event, OrderFilled):
        return
    key = (event.account_id, event.symbol, event.trade_id)
    if len(story.bookings[key]) > 1:
        yield f"trade {key} is booked {len(story.bookings[key])} times"
    fill = story.venue.fills.get(key)
    if fill is None or fill.client_order_id != venue_client_id_of(event.originator_id):
        yield f"trade {key} is booked for {event.originator_id}, and the venue has none such"
    elif _numbers(event) != (fill.quantity, fill.price, fill.fee, fill.fee_asset):
        yield f"trade {key} is booked with other numbers than the venue's"


def at_rest(story: Story) -> Iterator[str]:
    """All of them, and the busted ones taken back."""
    for key, fill in story.venue.fills.items():
        order_id = order_id_of(fill.client_order_id)
        if order_id is None:
            continue
        order = story.orders[order_id]
        busted = key in story.venue.busted
        if not story.bookings.get(key) and not busted:
            yield f"trade {key} of order {order_id} was never booked"
        elif (fill.trade_id in order.fills) == busted:
            yield f"trade {key} of order {order_id} stands in only one of log and venue"


def _numbers(event: OrderFilled) -> tuple[object, ...]:
    return event.quantity, event.price, event.fee, event.fee_asset
