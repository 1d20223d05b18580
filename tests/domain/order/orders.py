"""Orders for tests, without desks or a log."""

from datetime import timedelta
from decimal import Decimal

from domain.order.order import NewOrder, Order
from domain.order.terms import OrderTerms
from domain.risk.verdict import Verdict
from domain.venue import Amendment
from tests.domain.world import NOON, terms_of

ORDER_ID = "0f0e0d0c-0b0a-4908-8706-050403020100"
PASSED = (Verdict("funds", passed=True, scope="-", limit_version=0),)


def new_order(terms: OrderTerms) -> NewOrder:
    return NewOrder(
        account_id="alice",
        client_id="client",
        client_order_id="mine",
        terms=terms,
        worst_price=Decimal(100),
        settlement_asset="USDT",
        correlation_id="c",
    )


def placed(quantity: str = "10000", terms: OrderTerms | None = None) -> Order:
    """An order that every control passed, not sent yet."""
    order = Order.empty(ORDER_ID)
    order.place(new_order(terms or terms_of(quantity=quantity)), PASSED, NOON)
    return order


def working(quantity: str = "10000") -> Order:
    """An order that the venue has acknowledged."""
    order = placed(quantity)
    order.submit(1, NOON)
    order.accept("v", NOON, NOON)
    return order


def ask_for(order: Order, request_id: str, **changes: str) -> None:
    """Request an amendment of quantity or prices."""
    amendment = Amendment(**{name: Decimal(value) for name, value in changes.items()})
    order.request_amend(request_id, amendment, Decimal(100), PASSED, NOON + timedelta(seconds=1))
