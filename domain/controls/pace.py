"""Open orders, messages a second, and equal orders in a short window."""

from collections.abc import Iterator
from datetime import timedelta

from domain.account.account import MESSAGE_MEMORY
from domain.controls.check import OrderCheck
from domain.controls.fingerprint import fingerprint
from domain.controls.limit import at_most, unscoped, verdict
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
    windows = [(s, s.limits.duplicate_window_ms) for s in check.scopes]
    limited = [(scope, window) for scope, window in windows if window is not None]
    for scope, window in limited:
        equal = _equal_orders(check, timedelta(milliseconds=window))
        limit = f"none in {window} ms"
        yield verdict("duplicate_order", scope, limit, equal, "duplicate_order", passed=not equal)
    if not limited:
        equal = _equal_orders(check, MESSAGE_MEMORY)
        yield unscoped("duplicate_order", None, equal, "duplicate_order", passed=True)


def _equal_orders(check: OrderCheck, window: timedelta) -> int:
    own = fingerprint(check.terms)
    since = check.now - window
    return sum(
        1
        for message in check.account.messages
        if message.at > since and message.fingerprint == own and message.order_id != check.order_id
    )
