"""What an order asks for, apart from who asks and what became of it."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from domain.decimals import ZERO
from domain.errors import InvalidInput
from domain.order.trailing import TrailingStep


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    TRAILING_STOP = "trailing_stop"
    OCO = "oco"


class TimeInForce(StrEnum):
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    GTD = "gtd"


class OrderTerms(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The order as asked for. Prices in the quote asset, quantity in the base asset.

    - ``limit``: rests at ``limit_price``.
    - ``stop_loss``, ``take_profit``: triggered at ``stop_price``; then a market order, or a limit
      order where ``limit_price`` is given.
    - ``trailing_stop``: a stop that follows the best price since it was placed at a distance of
      ``trailing_offset``; or, with ``trailing_steps``, jumps at profit steps over ``entry_price``.
    - ``oco``: a limit order at ``limit_price`` and a stop at ``stop_price``; one cancels the other.
    """

    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trailing_offset: Decimal | None = None
    trailing_steps: tuple[TrailingStep, ...] = ()
    entry_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expire_at: datetime | None = None
    reduce_only: bool = False
    post_only: bool = False

    def check(self) -> None:
        """Raise InvalidInput unless the fields make one consistent order."""
        self._check_numbers()
        self._check_required()
        self._check_unused()
        self._check_lifetime()

    @property
    def executes_at_market(self) -> bool:
        """True if no price of its own bounds what it pays."""
        return self.limit_price is None

    def _check_numbers(self) -> None:
        for name in ("quantity", "limit_price", "stop_price", "trailing_offset", "entry_price"):
            value: Decimal | None = getattr(self, name)
            if value is not None and not _is_positive(value):
                raise InvalidInput("not_positive", f"{name} must be above zero", name)
        for step in self.trailing_steps:
            if not _is_positive(step.reach) or not _is_positive(step.lift):
                raise InvalidInput("not_positive", "a step must be above zero", "trailing_steps")

    def _check_required(self) -> None:
        for name in _REQUIRED[self.type]:
            if getattr(self, name) is None:
                raise InvalidInput("missing_field", f"a {self.type} order needs {name}", name)
        if self.type is OrderType.TRAILING_STOP and not self._trails_one_way():
            raise InvalidInput(
                "invalid_trailing",
                "a trailing stop takes either trailing_offset, or trailing_steps with entry_price",
                "trailing_offset",
            )

    def _trails_one_way(self) -> bool:
        by_steps = (bool(self.trailing_steps), self.entry_price is not None)
        return by_steps == ((False, False) if self.trailing_offset is not None else (True, True))

    def _check_unused(self) -> None:
        for name in ("limit_price", "stop_price", "trailing_offset", "entry_price"):
            if getattr(self, name) is not None and name not in _ADMITTED[self.type]:
                raise InvalidInput("unexpected_field", f"a {self.type} order takes no {name}", name)
        if self.trailing_steps and self.type is not OrderType.TRAILING_STOP:
            raise InvalidInput(
                "unexpected_field", f"a {self.type} order takes no trailing_steps", "trailing_steps"
            )
        if self.post_only and self.type is not OrderType.LIMIT:
            raise InvalidInput(
                "unexpected_field", "only a limit order can be post_only", "post_only"
            )

    def _check_lifetime(self) -> None:
        if (self.time_in_force is TimeInForce.GTD) != (self.expire_at is not None):
            raise InvalidInput(
                "invalid_expiry", "expire_at goes with gtd and only gtd", "expire_at"
            )
        immediate = self.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
        if immediate and self.post_only:
            raise InvalidInput(
                "invalid_time_in_force", "a post_only order cannot be immediate", "time_in_force"
            )
        if immediate and self.type not in (OrderType.MARKET, OrderType.LIMIT):
            raise InvalidInput(
                "invalid_time_in_force",
                f"a {self.type} order waits for its trigger: it cannot be {self.time_in_force}",
                "time_in_force",
            )


def _is_positive(value: Decimal) -> bool:
    return value.is_finite() and value > ZERO


_REQUIRED: dict[OrderType, tuple[str, ...]] = {
    OrderType.MARKET: (),
    OrderType.LIMIT: ("limit_price",),
    OrderType.STOP_LOSS: ("stop_price",),
    OrderType.TAKE_PROFIT: ("stop_price",),
    OrderType.TRAILING_STOP: (),
    OrderType.OCO: ("limit_price", "stop_price"),
}

_ADMITTED: dict[OrderType, frozenset[str]] = {
    OrderType.MARKET: frozenset(),
    OrderType.LIMIT: frozenset({"limit_price"}),
    OrderType.STOP_LOSS: frozenset({"stop_price", "limit_price"}),
    OrderType.TAKE_PROFIT: frozenset({"stop_price", "limit_price"}),
    OrderType.TRAILING_STOP: frozenset({"trailing_offset", "entry_price", "stop_price"}),
    OrderType.OCO: frozenset({"limit_price", "stop_price"}),
}
