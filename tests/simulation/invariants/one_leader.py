"""No request leaves a worker whose lease had run out; epochs begin in their order."""

from collections.abc import Iterator

from domain.order.events import OrderSubmitting
from domain.session.events import LeaderEpochStarted
from projections.projection import Fact
from tests.simulation.lease import LeaseStore
from tests.simulation.story import Story


def on_request(lease: LeaseStore, epoch: int, request: str) -> Iterator[str]:
    if not lease.is_held_by(epoch):
        yield f"{request} was sent by the leader of epoch {epoch}, which had lost its lease"


def on_event(story: Story, fact: Fact) -> Iterator[str]:
    """Epochs begin in their order, and no intent is of an epoch that never began."""
    event = fact.event
    if isinstance(event, LeaderEpochStarted):
        begun = [f.event.epoch for f in story.facts[:-1] if isinstance(f.event, LeaderEpochStarted)]
        if begun and begun[-1] >= event.epoch:
            yield f"epoch {event.epoch} begins after epoch {begun[-1]}"
    elif isinstance(event, OrderSubmitting) and event.leader_epoch > story.epoch:
        yield f"epoch {event.leader_epoch} intends to send before it has begun"
