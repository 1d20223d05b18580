"""An account is adjusted to the venue only where something happened there without the core."""

from collections.abc import Iterator

from domain.account.events import BalanceAdjusted, ExternalOrderFound, PositionAdjusted
from domain.order.order import order_id_of
from projections.projection import Fact
from tests.simulation.story import Story


def on_event(story: Story, fact: Fact) -> Iterator[str]:
    event = fact.event
    if isinstance(event, PositionAdjusted | BalanceAdjusted):
        if event.originator_id not in story.venue.manual_accounts:
            yield f"account {event.originator_id} is adjusted, and nobody traded there by hand"
    elif isinstance(event, ExternalOrderFound) and order_id_of(event.client_order_id) is not None:
        yield f"{event.client_order_id} is the core's own order, and is taken for another's"
