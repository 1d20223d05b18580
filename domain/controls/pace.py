"""Open orders, messages a second, and equal orders in a short window."""

from collections.abc import Iterator
from datetime import timedelta

from domain.controls.check import OrderCheck
from domain.controls.fingerprint import fingerprint
from domain.controls.limit import at_most, verdict
from domain.risk.verdict import Verdict

_SECOND = timedelta(seconds=1)


def open_orders(check: OrderCheck) -> Iterator[Verdict]:
    return at_most(
        "open_orders",
        check.other_orders + 1,
        check.scopes,
        lambda limits: limits.max_open_orders,
        "max_open_orders_exceeded",
    )


def message_rate(check: OrderCheck) -> Iterator[Verdict]:
    """New and amended orders of this account in the last second, this one included.

    Cancels do not count: nothing may stand in the way of taking risk off.
    """
    since = check.now - _SECOND
    recent = sum(1 for message in check.account.messages if message.at > since)
    return at_most(
        "message_rate",
        recent + 1,
        check.scopes,
        lambda limits: limits.max_messages_per_second,
        "message_rate_exceeded",
    )


def duplicate_order(check: OrderCheck) -> Iterator[Verdict]:
    """Another order of this account with the same terms inside the window (15c3-5)."""
    own = fingerprint(check.terms)
    for scope in check.scopes:
        window = scope.limits.duplicate_window_ms
        if window is None:
            continue
        since = check.now - timedelta(milliseconds=window)
        equal = sum(
            1
            for message in check.account.messages
            if message.at > since
            and message.fingerprint == own
            and message.order_id != check.order_id
        )
        yield verdict(
            "duplicate_order",
            scope,
            f"none in {window} ms",
            equal,
            "duplicate_order",
            passed=not equal,
        )
