"""What a venue's answer to a request means for the order."""

from datetime import datetime

from domain.order.order import Order
from domain.venue import Accepted, Ambiguous, Outcome, Rejected


def record_submit(order: Order, outcome: Outcome, now: datetime) -> None:
    match outcome:
        case Accepted():
            order.accept(outcome.venue_order_id, outcome.at, now)
        case Rejected():
            order.reject(outcome.code, outcome.reason, now)
        case Ambiguous():
            order.lose_track(outcome.reason, now)


def record_cancel(request_id: str, order: Order, outcome: Outcome, now: datetime) -> None:
    """An accepted cancel is recorded when the venue reports it: fills may come before.

    If they filled the order, there is nothing left that the cancel could have stopped. The answer
    to a request that is not the pending one (any more) says nothing about the one that is.
    """
    if order.pending_cancel != request_id:
        return
    if not order.is_live:
        order.reject_cancel("too_late", "the order had ended", now)
        return
    match outcome:
        case Accepted():
            pass
        case Rejected():
            order.reject_cancel(outcome.code, outcome.reason, now)
        case Ambiguous():
            order.lose_track(outcome.reason, now)


def record_amend(request_id: str, order: Order, outcome: Outcome, now: datetime) -> None:
    """The answer to a request that is not the pending one (any more) changes nothing.

    What became of that one is known already: by a fill, or by the venue's records.
    """
    if order.pending_amend != request_id:
        return
    match outcome:
        case Accepted():
            order.amend(now)
            order.end_requests(now)
        case Rejected():
            order.reject_amend(outcome.code, outcome.reason, now)
        case Ambiguous():
            order.lose_track(outcome.reason, now)
