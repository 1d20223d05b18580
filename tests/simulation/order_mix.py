"""Orders of every kind, near the market, small and large."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TypeVar

from domain.clock import Clock
from domain.instrument import Instrument
from domain.market_data import Quote
from domain.order.order import Order
from domain.order.terms import OrderTerms, OrderType, Side, TimeInForce
from domain.order.trailing import TrailingStep
from domain.venue import Amendment

Drawn = TypeVar("Drawn")

_TYPES = {
    OrderType.MARKET: 4,
    OrderType.LIMIT: 8,
    OrderType.STOP_LOSS: 2,
    OrderType.TAKE_PROFIT: 2,
    OrderType.TRAILING_STOP: 2,
    OrderType.OCO: 5,
}
_LIFETIMES = {
    TimeInForce.GTC: 6,
    TimeInForce.GTD: 3,
    TimeInForce.IOC: 2,
    TimeInForce.FOK: 1,
}


class OrderMix:
    """Draws terms and amendments around the newest quotes."""

    def __init__(
        self,
        instruments: tuple[Instrument, ...],
        quote: Callable[[str], Quote | None],
        clock: Clock,
        dice: Random,
    ) -> None:
        self._instruments = {instrument.symbol: instrument for instrument in instruments}
        self._quote = quote
        self._clock = clock
        self._dice = dice

    def terms(self) -> OrderTerms:
        """Most of them pass every control; some do not."""
        dice = self._dice
        symbol = dice.choice(tuple(self._instruments))
        order_type = self._weighted(_TYPES)
        side = dice.choice(tuple(Side))
        lifetime = self._lifetime(order_type)
        rests = order_type is OrderType.LIMIT and lifetime in (TimeInForce.GTC, TimeInForce.GTD)
        return OrderTerms(
            symbol=symbol,
            side=side,
            type=order_type,
            quantity=self._quantity(symbol),
            time_in_force=lifetime,
            expire_at=self._expiry() if lifetime is TimeInForce.GTD else None,
            reduce_only=dice.random() < 0.12,
            post_only=rests and dice.random() < 0.15,
            **self._prices(order_type, side, symbol),  # type: ignore[arg-type]  # by field name
        )

    def amendment(self, order: Order) -> Amendment:
        """Another quantity, or another price where the order has one."""
        terms = order.terms
        if terms.limit_price is not None and self._dice.random() < 0.5:
            return Amendment(limit_price=self._near(terms.symbol, self._dice.randint(-6, 6)))
        if terms.type in (OrderType.STOP_LOSS, OrderType.TAKE_PROFIT) and self._dice.random() < 0.5:
            return Amendment(stop_price=self._near(terms.symbol, self._dice.randint(-12, 12)))
        return Amendment(quantity=self._quantity(terms.symbol))

    def _lifetime(self, order_type: OrderType) -> TimeInForce:
        if order_type in (OrderType.MARKET, OrderType.LIMIT):
            return self._weighted(_LIFETIMES)
        return self._weighted({TimeInForce.GTC: 3, TimeInForce.GTD: 1})

    def _expiry(self) -> datetime:
        return self._clock.now() + timedelta(seconds=self._dice.uniform(1, 25))

    def _prices(self, order_type: OrderType, side: Side, symbol: str) -> Mapping[str, object]:
        dice = self._dice
        match order_type:
            case OrderType.LIMIT:
                return {"limit_price": self._near(symbol, -side.sign * dice.randint(-3, 6))}
            case OrderType.STOP_LOSS:
                stop = {"stop_price": self._near(symbol, side.sign * dice.randint(1, 10))}
                worst = {"limit_price": self._near(symbol, side.sign * 14)}
                return {**stop, **worst} if dice.random() < 0.4 else stop
            case OrderType.TAKE_PROFIT:
                return {"stop_price": self._near(symbol, -side.sign * dice.randint(1, 10))}
            case OrderType.TRAILING_STOP:
                return self._trail(side, symbol)
            case OrderType.OCO:
                return {
                    "limit_price": self._near(symbol, -side.sign * dice.randint(1, 4)),
                    "stop_price": self._near(symbol, side.sign * dice.randint(1, 4)),
                }
            case _:
                return {}

    def _trail(self, side: Side, symbol: str) -> Mapping[str, object]:
        tick = self._instruments[symbol].tick_size
        if self._dice.random() < 0.7:
            return {"trailing_offset": self._dice.randint(2, 10) * tick}
        better, lift = ("1.01", "1.002") if side is Side.SELL else ("0.99", "0.998")
        return {
            "entry_price": self._near(symbol, 0),
            "trailing_steps": (TrailingStep(Decimal(better), Decimal(lift)),),
        }

    def _near(self, symbol: str, ticks: int) -> Decimal:
        quote = self._quote(symbol)
        tick = self._instruments[symbol].tick_size
        price = (quote.bid if quote else 100 * tick) + ticks * tick
        return max(price, tick)

    def _quantity(self, symbol: str) -> Decimal:
        return self._dice.randint(1, 15) * self._instruments[symbol].lot_size

    def _weighted(self, weights: Mapping[Drawn, int]) -> Drawn:
        return self._dice.choices(tuple(weights), tuple(weights.values()))[0]
