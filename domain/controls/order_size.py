"""Maximum order quantity and maximum order value: the fat finger."""

from collections.abc import Iterator

from domain.controls.check import OrderCheck
from domain.controls.limit import at_most
from domain.risk.verdict import Verdict


def order_quantity(check: OrderCheck) -> Iterator[Verdict]:
    return at_most(
        "order_quantity",
        check.quantity,
        check.scopes,
        lambda limits: limits.max_order_quantity,
        "max_order_quantity_exceeded",
    )


def order_value(check: OrderCheck) -> Iterator[Verdict]:
    """At the worst price the order can fill at."""
    return at_most(
        "order_value",
        check.value,
        check.scopes,
        lambda limits: limits.max_order_value,
        "max_order_value_exceeded",
    )
