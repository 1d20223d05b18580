"""The states worth getting into, told from what the log and the venue are about to take in."""

from collections.abc import Iterator

from adapters.venues.paper.entry import Entry, Opened
from domain.account.events import ReservationReleased
from domain.event import Event
from domain.order.events import (
    OrderAccepted,
    OrderCancelled,
    OrderEvent,
    OrderFilled,
    OrderRejected,
    OrderUnknown,
    OrderWithheld,
)
from domain.order.order import Order, order_id_of
from domain.risk.events import TradingResumed
from domain.risk.trading_state import TradingState
from domain.session.events import LeaderEpochStarted
from domain.venue import FillReport
from tests.simulation.story import Story


def states_of_event(story: Story, event: Event) -> Iterator[str]:
    """What this event, which is not part of the story yet, gets the system into."""
    yield f"event/{type(event).__name__}"
    if isinstance(event, OrderEvent):
        yield from _states_of_order(story, event)
    match event:
        case ReservationReleased(reason="abandoned"):
            yield "reservation/orphan_released"
        case LeaderEpochStarted() if event.epoch > 1:
            yield "leader/changed"
        case TradingResumed():
            yield from _states_of_resumption(story, event)
        case _:
            pass


def _states_of_order(story: Story, event: OrderEvent) -> Iterator[str]:
    match event:
        case OrderFilled():
            yield from _states_of_fill(story.orders[event.originator_id])
        case OrderAccepted() if story.orders[event.originator_id].unknown:
            yield "order/found"
        case OrderUnknown(reason="fills are missing"):
            yield "order/fills_missing"
        case OrderRejected(code="never_arrived" | "outside_window"):
            yield f"rejected/{event.code}"
        case OrderWithheld():
            yield f"withheld/{event.code}"
        case OrderCancelled(reason="oco"):
            yield "oco/partner_cancelled"
        case _:
            pass


def states_of_entry(story: Story, entry: Entry) -> Iterator[str]:
    if isinstance(entry, Opened | FillReport):
        order = story.orders.get(order_id_of(entry.client_order_id) or "")
        if order is not None and order.unknown:
            what = "opened" if isinstance(entry, Opened) else "filled"
            yield f"venue/{what}_while_unknown"
    if isinstance(entry, Opened):
        terms = entry.order.terms
        yield f"terms/{terms.type}"
        yield f"terms/{terms.time_in_force}"
        yield from (
            f"terms/{flag}" for flag in ("reduce_only", "post_only") if getattr(terms, flag)
        )
        if entry.order.linked_client_order_id is not None:
            yield "terms/linked"


def _states_of_fill(order: Order) -> Iterator[str]:
    if not order.accepted:
        yield "fill/before_ack"
    if order.unknown:
        yield "fill/while_unknown"
    if order.pending_cancel is not None:
        yield "fill/while_cancelling"
    if order.pending_amend is not None:
        yield "fill/while_amending"


def _states_of_resumption(story: Story, event: TradingResumed) -> Iterator[str]:
    scope = story.scopes[event.originator_id]
    if scope.state is TradingState.HALTED and not scope.halt_confirmed:
        yield "halt/lifted_unconfirmed"
