"""The order state change matrices of FIX 4.4, Appendix D, as far as they apply.

Each step is something that happens and what must be true after it: status, order quantity,
cumulated and leaves quantity. A cancel or replace request is pending for the core from the moment
it is made, so a "pending" row stands where FIX has the client's request. Left out: done for day,
restatement, status requests and stopped orders, which these venues do not have.
"""

from collections.abc import Callable
from decimal import Decimal

import pytest

from domain.order.order import Order
from domain.order.status import OrderStatus as S
from tests.domain.order.orders import ask_for, placed
from tests.domain.world import NOON, a_fill

Action = Callable[[Order], None]
Step = tuple[Action, S, int, int, int]


def submit(order: Order) -> None:
    order.submit(1, NOON)


def accept(order: Order) -> None:
    order.accept("v", NOON, NOON)


def reject(order: Order) -> None:
    order.reject("no", "not today", NOON)


def trade(trade_id: str, quantity: int) -> Action:
    return lambda order: order.fill(a_fill(order, trade_id, str(quantity)), NOON)


def bust(trade_id: str) -> Action:
    return lambda order: order.bust_fill(trade_id, "erroneous", NOON)


def correct(trade_id: str, new_id: str, quantity: int) -> Action:
    return lambda order: order.correct_fill(trade_id, a_fill(order, new_id, str(quantity)), NOON)


def ask_cancel(order: Order) -> None:
    order.request_cancel("c", "client", NOON)


def cancel(order: Order) -> None:
    order.cancel("user", NOON)


def no_cancel(order: Order) -> None:
    order.reject_cancel("too_late", "too late to cancel", NOON)


def ask(request_id: str, **changes: str) -> Action:
    return lambda order: ask_for(order, request_id, **changes)


def amend(order: Order) -> None:
    order.amend(NOON)


def no_amend(order: Order) -> None:
    order.reject_amend("no", "not today", NOON)


def expire(order: Order) -> None:
    order.expire(NOON)


def lose_track(order: Order) -> None:
    order.lose_track("timeout", NOON)


SENT: Step = (submit, S.PENDING_NEW, 10000, 0, 10000)
NEW: Step = (accept, S.NEW, 10000, 0, 10000)
A_FIFTH: Step = (trade("1", 2000), S.PARTIALLY_FILLED, 10000, 2000, 8000)

MATRICES: dict[str, list[Step]] = {
    "A.1.a filled in three executions": [
        SENT,
        NEW,
        A_FIFTH,
        (trade("2", 1000), S.PARTIALLY_FILLED, 10000, 3000, 7000),
        (trade("3", 7000), S.FILLED, 10000, 10000, 0),
    ],
    "A.1.a rejected instead of acknowledged": [SENT, (reject, S.REJECTED, 10000, 0, 0)],
    "a fill overtakes the acknowledgement": [
        SENT,
        A_FIFTH,
        (accept, S.PARTIALLY_FILLED, 10000, 2000, 8000),
        (trade("2", 8000), S.FILLED, 10000, 10000, 0),
    ],
    "filled before the acknowledgement": [
        SENT,
        (trade("1", 10000), S.FILLED, 10000, 10000, 0),
        (accept, S.FILLED, 10000, 10000, 0),
    ],
    "B.1.a cancel of an order without fills": [
        SENT,
        NEW,
        (ask_cancel, S.PENDING_CANCEL, 10000, 0, 10000),
        (cancel, S.CANCELLED, 10000, 0, 0),
    ],
    "B.1.a cancel of an order without fills, refused": [
        SENT,
        NEW,
        (ask_cancel, S.PENDING_CANCEL, 10000, 0, 10000),
        (no_cancel, S.NEW, 10000, 0, 10000),
    ],
    "B.1.b executions while the cancel is pending": [
        SENT,
        NEW,
        A_FIFTH,
        (ask_cancel, S.PENDING_CANCEL, 10000, 2000, 8000),
        (trade("2", 3000), S.PENDING_CANCEL, 10000, 5000, 5000),
        (cancel, S.CANCELLED, 10000, 5000, 0),
    ],
    "B.1.b executions while the cancel is pending, refused": [
        SENT,
        NEW,
        A_FIFTH,
        (ask_cancel, S.PENDING_CANCEL, 10000, 2000, 8000),
        (trade("2", 3000), S.PENDING_CANCEL, 10000, 5000, 5000),
        (no_cancel, S.PARTIALLY_FILLED, 10000, 5000, 5000),
    ],
    "B.1.c filled before the cancel is looked at": [
        SENT,
        NEW,
        A_FIFTH,
        (trade("2", 3000), S.PARTIALLY_FILLED, 10000, 5000, 5000),
        (ask_cancel, S.PENDING_CANCEL, 10000, 5000, 5000),
        (trade("3", 5000), S.PENDING_CANCEL, 10000, 10000, 0),
        (no_cancel, S.FILLED, 10000, 10000, 0),
    ],
    "B.1.d cancel before the acknowledgement": [
        SENT,
        (ask_cancel, S.PENDING_CANCEL, 10000, 0, 10000),
        (accept, S.PENDING_CANCEL, 10000, 0, 10000),
        (cancel, S.CANCELLED, 10000, 0, 0),
    ],
    "B.1.e cancel of an order that is rejected meanwhile": [
        SENT,
        (ask_cancel, S.PENDING_CANCEL, 10000, 0, 10000),
        (reject, S.REJECTED, 10000, 0, 0),
        (no_cancel, S.REJECTED, 10000, 0, 0),
    ],
    "C.1.a larger quantity, no fills": [
        SENT,
        NEW,
        (ask("y", quantity="11000"), S.PENDING_REPLACE, 10000, 0, 10000),
        (amend, S.NEW, 11000, 0, 11000),
        (trade("1", 11000), S.FILLED, 11000, 11000, 0),
    ],
    "C.1.a larger quantity, no fills, refused": [
        SENT,
        NEW,
        (ask("y", quantity="11000"), S.PENDING_REPLACE, 10000, 0, 10000),
        (no_amend, S.NEW, 10000, 0, 10000),
    ],
    "C.1.b larger quantity, an execution while pending": [
        SENT,
        NEW,
        (trade("1", 1000), S.PARTIALLY_FILLED, 10000, 1000, 9000),
        (ask("y", quantity="12000"), S.PENDING_REPLACE, 10000, 1000, 9000),
        (trade("2", 100), S.PENDING_REPLACE, 10000, 1100, 8900),
        (amend, S.PARTIALLY_FILLED, 12000, 1100, 10900),
        (trade("3", 10900), S.FILLED, 12000, 12000, 0),
    ],
    "C.1.b larger quantity, an execution while pending, refused": [
        SENT,
        NEW,
        (trade("1", 1000), S.PARTIALLY_FILLED, 10000, 1000, 9000),
        (ask("y", quantity="12000"), S.PENDING_REPLACE, 10000, 1000, 9000),
        (trade("2", 100), S.PENDING_REPLACE, 10000, 1100, 8900),
        (no_amend, S.PARTIALLY_FILLED, 10000, 1100, 8900),
    ],
    "C.1.c filled while the larger quantity is pending: it works again": [
        SENT,
        NEW,
        (ask("y", quantity="12000"), S.PENDING_REPLACE, 10000, 0, 10000),
        (trade("1", 10000), S.PENDING_REPLACE, 10000, 10000, 0),
        (amend, S.PARTIALLY_FILLED, 12000, 10000, 2000),
        (trade("2", 2000), S.FILLED, 12000, 12000, 0),
    ],
    "C.1.c filled while the larger quantity is pending, refused": [
        SENT,
        NEW,
        (ask("y", quantity="12000"), S.PENDING_REPLACE, 10000, 0, 10000),
        (trade("1", 10000), S.PENDING_REPLACE, 10000, 10000, 0),
        (no_amend, S.FILLED, 10000, 10000, 0),
    ],
    "executions on the new quantity overtake the venue's answer": [
        SENT,
        NEW,
        (ask("y", quantity="12000"), S.PENDING_REPLACE, 10000, 0, 10000),
        (trade("1", 10000), S.PENDING_REPLACE, 10000, 10000, 0),
        (trade("2", 1500), S.PARTIALLY_FILLED, 12000, 11500, 500),
        (amend, S.PARTIALLY_FILLED, 12000, 11500, 500),
        (trade("3", 500), S.FILLED, 12000, 12000, 0),
    ],
    "C.2.a other price, refused because it has filled": [
        SENT,
        NEW,
        (ask("y", limit_price="99"), S.PENDING_REPLACE, 10000, 0, 10000),
        (trade("1", 10000), S.PENDING_REPLACE, 10000, 10000, 0),
        (no_amend, S.FILLED, 10000, 10000, 0),
    ],
    "C.3.a smaller quantity, above what is executed": [
        SENT,
        NEW,
        (trade("1", 1000), S.PARTIALLY_FILLED, 10000, 1000, 9000),
        (ask("y", quantity="8000"), S.PENDING_REPLACE, 10000, 1000, 9000),
        (trade("2", 500), S.PENDING_REPLACE, 10000, 1500, 8500),
        (trade("3", 100), S.PENDING_REPLACE, 10000, 1600, 8400),
        (amend, S.PARTIALLY_FILLED, 8000, 1600, 6400),
        (trade("4", 6400), S.FILLED, 8000, 8000, 0),
    ],
    "C.3.b smaller quantity, just what is executed by then": [
        SENT,
        NEW,
        (ask("y", quantity="7000"), S.PENDING_REPLACE, 10000, 0, 10000),
        (trade("1", 7000), S.PENDING_REPLACE, 10000, 7000, 3000),
        (amend, S.FILLED, 7000, 7000, 0),
    ],
    "C.3.c smaller quantity, below what is executed by then": [
        SENT,
        NEW,
        (ask("y", quantity="7000"), S.PENDING_REPLACE, 10000, 0, 10000),
        (trade("1", 8000), S.PENDING_REPLACE, 10000, 8000, 2000),
        (amend, S.FILLED, 8000, 8000, 0),
    ],
    "D.1.a two replacements, one after the other": [
        SENT,
        NEW,
        (ask("y", quantity="8000"), S.PENDING_REPLACE, 10000, 0, 10000),
        (trade("1", 1000), S.PENDING_REPLACE, 10000, 1000, 9000),
        (amend, S.PARTIALLY_FILLED, 8000, 1000, 7000),
        (ask("z", quantity="6000"), S.PENDING_REPLACE, 8000, 1000, 7000),
        (trade("2", 500), S.PENDING_REPLACE, 8000, 1500, 6500),
        (amend, S.PARTIALLY_FILLED, 6000, 1500, 4500),
        (trade("3", 4500), S.FILLED, 6000, 6000, 0),
    ],
    "D.1.c a refused replacement, then one that is taken": [
        SENT,
        NEW,
        (ask("y", quantity="8000"), S.PENDING_REPLACE, 10000, 0, 10000),
        (no_amend, S.NEW, 10000, 0, 10000),
        (ask("z", quantity="6000"), S.PENDING_REPLACE, 10000, 0, 10000),
        (amend, S.NEW, 6000, 0, 6000),
    ],
    "D.2.c a cancel while a replacement is pending": [
        SENT,
        NEW,
        A_FIFTH,
        (ask("y", quantity="8000"), S.PENDING_REPLACE, 10000, 2000, 8000),
        (ask_cancel, S.PENDING_CANCEL, 10000, 2000, 8000),
        (no_amend, S.PENDING_CANCEL, 10000, 2000, 8000),
        (cancel, S.CANCELLED, 10000, 2000, 0),
    ],
    "D.2.c a cancel while a replacement is pending, refused": [
        SENT,
        NEW,
        A_FIFTH,
        (ask("y", quantity="8000"), S.PENDING_REPLACE, 10000, 2000, 8000),
        (ask_cancel, S.PENDING_CANCEL, 10000, 2000, 8000),
        (no_cancel, S.PENDING_REPLACE, 10000, 2000, 8000),
        (amend, S.PARTIALLY_FILLED, 8000, 2000, 6000),
    ],
    "E.1.a the venue cancels unasked": [
        SENT,
        NEW,
        A_FIFTH,
        (cancel, S.CANCELLED, 10000, 2000, 0),
    ],
    "F.1.a rejected for a duplicate id": [SENT, (reject, S.REJECTED, 10000, 0, 0)],
    "H good till date, expired with a part filled": [
        SENT,
        NEW,
        A_FIFTH,
        (expire, S.EXPIRED, 10000, 2000, 0),
    ],
    "I.1.a fill or kill, killed": [SENT, NEW, (cancel, S.CANCELLED, 10000, 0, 0)],
    "I.2.a immediate or cancel, the rest cancelled": [
        SENT,
        NEW,
        (trade("1", 1000), S.PARTIALLY_FILLED, 10000, 1000, 9000),
        (cancel, S.CANCELLED, 10000, 1000, 0),
    ],
    "J.1.b bust and new execution on a cancelled order": [
        SENT,
        NEW,
        (trade("b", 5000), S.PARTIALLY_FILLED, 10000, 5000, 5000),
        (ask_cancel, S.PENDING_CANCEL, 10000, 5000, 5000),
        (cancel, S.CANCELLED, 10000, 5000, 0),
        (bust("b"), S.CANCELLED, 10000, 0, 0),
        (trade("f", 4000), S.CANCELLED, 10000, 4000, 0),
    ],
    "J correction and bust on an expired order": [
        SENT,
        NEW,
        (trade("b", 5000), S.PARTIALLY_FILLED, 10000, 5000, 5000),
        (expire, S.EXPIRED, 10000, 5000, 0),
        (correct("b", "d", 4000), S.EXPIRED, 10000, 4000, 0),
        (bust("d"), S.EXPIRED, 10000, 0, 0),
    ],
    "J bust and correction on a working order": [
        SENT,
        NEW,
        (trade("b", 5000), S.PARTIALLY_FILLED, 10000, 5000, 5000),
        (correct("b", "d", 6000), S.PARTIALLY_FILLED, 10000, 6000, 4000),
        (bust("d"), S.NEW, 10000, 0, 10000),
        (trade("e", 10000), S.FILLED, 10000, 10000, 0),
    ],
    "J bust on a filled order: what is missing does not work any more": [
        SENT,
        NEW,
        A_FIFTH,
        (trade("2", 8000), S.FILLED, 10000, 10000, 0),
        (bust("1"), S.CANCELLED, 10000, 8000, 0),
        (trade("3", 2000), S.FILLED, 10000, 10000, 0),
    ],
    "an order whose answer is lost, found working": [
        SENT,
        (lose_track, S.UNKNOWN, 10000, 0, 10000),
        (accept, S.NEW, 10000, 0, 10000),
    ],
    "an order whose answer is lost, found by its fill": [
        SENT,
        (lose_track, S.UNKNOWN, 10000, 0, 10000),
        A_FIFTH,
    ],
    "a cancel whose answer is lost, the order found working": [
        SENT,
        NEW,
        (ask_cancel, S.PENDING_CANCEL, 10000, 0, 10000),
        (lose_track, S.UNKNOWN, 10000, 0, 10000),
        (accept, S.PENDING_CANCEL, 10000, 0, 10000),
        (no_cancel, S.NEW, 10000, 0, 10000),
    ],
    "a cancel whose answer is lost, reported later": [
        SENT,
        NEW,
        (ask_cancel, S.PENDING_CANCEL, 10000, 0, 10000),
        (lose_track, S.UNKNOWN, 10000, 0, 10000),
        (cancel, S.CANCELLED, 10000, 0, 0),
    ],
}


@pytest.mark.parametrize("name", MATRICES)
def test_matrix(name: str) -> None:
    order = placed()
    for number, (action, status, quantity, cum, leaves) in enumerate(MATRICES[name], start=1):
        action(order)
        seen = (order.status, order.terms.quantity, order.cum_quantity, order.leaves_quantity)
        assert seen == (status, Decimal(quantity), Decimal(cum), Decimal(leaves)), number


@pytest.mark.parametrize("name", MATRICES)
def test_saying_everything_twice_changes_nothing(name: str) -> None:
    """The venue's facts are repeated after reconnects; each of them is one fact."""
    once, twice = placed(), placed()
    for action, *_ in MATRICES[name]:
        action(once)
        action(twice)
        before = twice.version
        action(twice)
        assert twice.version == before
    assert once == twice
