"""No order is executed twice at the venue, and none of ours without an intent in the log."""

from collections.abc import Iterator

from adapters.venues.paper.entry import Entry, Opened
from tests.simulation.story import Story


def on_entry(story: Story, entry: Entry) -> Iterator[str]:
    if not isinstance(entry, Opened):
        return
    order = story.venue.orders[entry.client_order_id]
    if order.order_id is None:
        return
    times = story.venue.opened[entry.client_order_id]
    if times > 1:
        yield f"order {order.order_id} has been opened at the venue {times} times"
    intended = story.orders.get(order.order_id)
    if intended is None or not intended.submitted:
        yield f"order {order.order_id} is at the venue, and no intent to send it in the log"
