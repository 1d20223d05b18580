"""The table order_timeline: every event of every order, as it was stored."""

import msgspec

from domain.command import Actor
from domain.log import category_of
from domain.order.order import Order
from replay.verify.fact import Fact
from replay.verify.live_tables import Row


class OrderTimeline:
    name = "order_timeline"
    key = ("order_id", "version")

    def row(self, fact: Fact) -> Row | None:
        recorded, event, metadata = fact.recorded, fact.event, fact.metadata
        if category_of(recorded.stream) != Order.category or event is None or metadata is None:
            return None
        return {
            "order_id": event.originator_id,
            "version": recorded.version,
            "position": recorded.position,
            "type": recorded.type,
            "occurred_at": event.timestamp,
            "recorded_at": recorded.recorded_at,
            "actor": _name_of(metadata.actor),
            "correlation_id": metadata.correlation_id,
            "data": msgspec.json.decode(recorded.data),
        }


def _name_of(actor: Actor) -> str:
    on_behalf = f" for {actor.on_behalf_of}" if actor.on_behalf_of else ""
    return f"{actor.type.value}:{actor.id}{on_behalf}"
