"""The timeline of an order: every event of its stream, with who and when."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from domain.command import Actor, Metadata
from domain.order.order import Order
from projections.projection import Changes, Fact, Loaded, Projection, Wanted
from projections.table import Table


class TimelineRow(msgspec.Struct, frozen=True):
    """``actor`` reads ``human:alice`` or ``algo:grid for client-7``; ``data`` is as stored."""

    order_id: str
    version: int
    position: int
    type: str
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    correlation_id: str
    data: msgspec.Raw


TIMELINE = Table("order_timeline", TimelineRow, ("order_id", "version"), appended=True)

_decode_metadata = msgspec.json.Decoder(Metadata).decode


class TimelineFold:
    """One row for each event; nothing is loaded and nothing ever changes."""

    def __init__(self) -> None:
        self._rows: list[TimelineRow] = []

    @property
    def known(self) -> int:
        return 0

    def wanted(self, facts: Sequence[Fact]) -> Sequence[Wanted]:
        return ()

    def take(self, loaded: Loaded) -> None:
        """Nothing."""

    def apply(self, fact: Fact) -> None:
        recorded, event = fact
        metadata = _decode_metadata(recorded.metadata)
        self._rows.append(
            TimelineRow(
                order_id=event.originator_id,
                version=recorded.version,
                position=recorded.position,
                type=recorded.type,
                occurred_at=event.timestamp,
                recorded_at=recorded.recorded_at,
                actor=_name_of(metadata.actor),
                correlation_id=metadata.correlation_id,
                data=msgspec.Raw(recorded.data),
            )
        )

    def changes(self) -> Sequence[Changes]:
        rows, self._rows = self._rows, []
        return [Changes(TIMELINE, rows)]


def _name_of(actor: Actor) -> str:
    name = f"{actor.type}:{actor.id}"
    return f"{name} for {actor.on_behalf_of}" if actor.on_behalf_of else name


ORDER_TIMELINE_PROJECTION = Projection(
    name="order_timeline",
    version=1,
    categories=frozenset({Order.category}),
    tables=(TIMELINE,),
    fold=TimelineFold,
    file="order_timeline.sql",
)
