"""Daily loss and funds."""

from collections.abc import Iterator

from domain.controls.check import OrderCheck
from domain.controls.limit import at_most, unscoped
from domain.decimals import ZERO
from domain.risk.verdict import Verdict


def daily_loss(check: OrderCheck) -> Iterator[Verdict]:
    """Realised loss net of fees since midnight UTC; orders that only reduce pass."""
    loss = max(-check.account.result_on(check.now.date()), ZERO)
    scopes = () if check.is_reducing else check.scopes
    return at_most(
        "daily_loss", loss, scopes, lambda limits: limits.max_daily_loss, "max_daily_loss_exceeded"
    )


def funds(check: OrderCheck) -> Iterator[Verdict]:
    """The order's worst case against what is available without its own reservation."""
    asset = check.instrument.settlement_asset
    needed = check.account.worst_case(
        check.quantity, check.worst_price, reduce_only=check.terms.reduce_only
    )
    held = check.account.reservations.get(check.order_id)
    available = check.account.available(asset) + (held.amount if held else ZERO)
    yield unscoped("funds", available, needed, "insufficient_funds", passed=needed <= available)
