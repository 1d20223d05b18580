"""The queues in which one symbol's working orders stand."""

from decimal import Decimal

from adapters.venues.paper.queue import Queue
from adapters.venues.paper.working_order import Stage, WorkingOrder
from domain.decimals import ZERO
from domain.order.terms import Side


class SymbolQueues:
    """Market orders by time, limit orders by price and time, stops by time."""

    def __init__(self) -> None:
        self.market = {side: Queue[Decimal]() for side in Side}
        self.limit = {side: Queue[Decimal]() for side in Side}
        self.stops = Queue[Decimal]()

    def add(self, working: WorkingOrder) -> None:
        queue = self._queue_of(working)
        if queue is not None:
            queue.add(_rank_of(working), working.priority, working.key)

    def remove(self, working: WorkingOrder) -> None:
        queue = self._queue_of(working)
        if queue is not None:
            queue.remove(_rank_of(working), working.priority, working.key)

    def _queue_of(self, working: WorkingOrder) -> Queue[Decimal] | None:
        match working.stage:
            case Stage.DORMANT:
                return None
            case Stage.STOP:
                return self.stops
            case Stage.MARKET:
                return self.market[working.side]
            case Stage.LIMIT:
                return self.limit[working.side]


def _rank_of(working: WorkingOrder) -> Decimal:
    """Lowest is best: the highest buyer, the lowest seller; all else by priority alone."""
    if working.stage is not Stage.LIMIT:
        return ZERO
    assert working.terms.limit_price is not None
    return -working.terms.limit_price if working.side is Side.BUY else working.terms.limit_price
