"""Nothing is executed, or booked, beyond what was ordered."""

from collections.abc import Iterator

from adapters.venues.paper.entry import Entry
from domain.order.events import OrderEvent
from domain.venue import FillReport
from projections.projection import Fact
from tests.simulation.story import Story


def on_event(story: Story, fact: Fact) -> Iterator[str]:
    if not isinstance(fact.event, OrderEvent):
        return
    order = story.orders[fact.event.originator_id]
    if order.fills and order.cum_quantity > order.terms.quantity:
        yield f"order {order.id}: {order.cum_quantity} of {order.terms.quantity} booked as filled"


def on_entry(story: Story, entry: Entry) -> Iterator[str]:
    if isinstance(entry, FillReport):
        order = story.venue.orders[entry.client_order_id]
        if order.executed > order.largest:
            yield f"order {order.order_id}: {order.executed} of {order.largest} executed"
