"""Limits on what may be traded in one scope."""

from decimal import Decimal

import msgspec

from domain.decimals import ZERO
from domain.errors import InvalidInput

MAX_DUPLICATE_WINDOW_MS = 60_000
"""How far back an account remembers the orders it sent."""


class Limits(msgspec.Struct, frozen=True, omit_defaults=True):
    """None does not limit. Quantities in the base asset, values in the settlement asset.

    ``price_collar`` is the largest distance from the quote as a fraction: 0.05 is 5 %.
    """

    allowed_symbols: tuple[str, ...] | None = None
    price_collar: Decimal | None = None
    quote_max_age_ms: int | None = None
    max_order_quantity: Decimal | None = None
    max_order_value: Decimal | None = None
    max_position: Decimal | None = None
    max_exposure: Decimal | None = None
    max_open_orders: int | None = None
    max_messages_per_second: int | None = None
    duplicate_window_ms: int | None = None
    max_daily_loss: Decimal | None = None

    def check(self) -> None:
        """Raises InvalidInput ``invalid_limit``, ``negative_limit``, ``window_too_long``."""
        for name, value in msgspec.structs.asdict(self).items():
            if isinstance(value, Decimal) and not value.is_finite():
                raise InvalidInput("invalid_limit", f"{name} must be a finite number", name)
            if isinstance(value, Decimal | int) and value < ZERO:
                raise InvalidInput("negative_limit", f"{name} must not be negative", name)
        if (self.duplicate_window_ms or 0) > MAX_DUPLICATE_WINDOW_MS:
            raise InvalidInput(
                "window_too_long",
                f"orders are remembered for {MAX_DUPLICATE_WINDOW_MS} ms",
                "duplicate_window_ms",
            )
