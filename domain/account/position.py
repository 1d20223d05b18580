"""A position: signed quantity and its exact cost, from which average price and profit follow."""

from decimal import Decimal

import msgspec

from domain.decimals import ZERO, money
from domain.order.terms import Side


class Position(msgspec.Struct, frozen=True, gc=False):
    """Quantity is above zero for long, below for short; ``cost`` has the same sign.

    The cost, not the average price, is what is kept: an average would have to be rounded, and
    money would leak at each partial close. ``settlement_asset`` is what profit is paid in.
    """

    symbol: str
    settlement_asset: str
    quantity: Decimal = ZERO
    cost: Decimal = ZERO

    @property
    def average_price(self) -> Decimal | None:
        return money(self.cost / self.quantity) if self.quantity else None

    def traded(self, side: Side, quantity: Decimal, price: Decimal) -> tuple["Position", Decimal]:
        """The position after a trade, and the profit it realised.

        The part that closes is charged its share of the cost; the share is rounded to MONEY_STEP
        and the remainder stays in the position, so that over its life nothing is lost.
        """
        closing = self._closing_quantity(side, quantity)
        after_close, profit = self._closed(closing, price)
        opening = (quantity - closing) * side.sign
        opened = msgspec.structs.replace(
            after_close,
            quantity=after_close.quantity + opening,
            cost=after_close.cost + opening * price,
        )
        return opened, profit

    def _closing_quantity(self, side: Side, quantity: Decimal) -> Decimal:
        closes = self.quantity * side.sign < ZERO
        return min(abs(self.quantity), quantity) if closes else ZERO

    def _share(self, signed: Decimal) -> Decimal:
        """The cost of a part, rounded; never more than there is, however small the position."""
        share = money(self.cost * signed / self.quantity)
        return self.cost if abs(share) > abs(self.cost) else share

    def _closed(self, quantity: Decimal, price: Decimal) -> tuple["Position", Decimal]:
        if quantity == ZERO:
            return self, ZERO
        is_long = self.quantity > ZERO
        signed = quantity if is_long else -quantity
        whole = quantity == abs(self.quantity)
        cost = self.cost if whole else self._share(signed)
        profit = signed * price - cost
        rest = ZERO if whole else self.quantity - signed
        return msgspec.structs.replace(self, quantity=rest, cost=self.cost - cost), profit
