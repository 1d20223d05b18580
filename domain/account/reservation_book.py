"""The reservations of an account by order, with their totals kept beside them.

Every decision asks for the totals; adding them up anew would make an order the dearer the more
orders are working.
"""

from collections.abc import Iterator, MutableMapping
from decimal import Decimal

import msgspec

from domain.account.reservation import Reservation
from domain.decimals import ZERO
from domain.order.terms import Side


class OpenSide(msgspec.Struct, frozen=True):
    """What the orders on one side of an instrument can still trade.

    ``opening`` leaves out the reduce-only orders; ``value`` is the opening part at worst prices.
    """

    quantity: Decimal = ZERO
    opening: Decimal = ZERO
    value: Decimal = ZERO

    def plus(self, reservation: Reservation) -> "OpenSide":
        opening = reservation.opening_quantity
        return OpenSide(
            self.quantity + reservation.quantity,
            self.opening + opening,
            self.value + opening * reservation.price,
        )

    def minus(self, reservation: Reservation) -> "OpenSide":
        opening = reservation.opening_quantity
        return OpenSide(
            self.quantity - reservation.quantity,
            self.opening - opening,
            self.value - opening * reservation.price,
        )


NOTHING_OPEN = OpenSide()


class ReservationBook(MutableMapping[str, Reservation]):
    """A mapping from order id. Decimals add up exactly, so the totals never drift."""

    def __init__(self) -> None:
        self._by_order: dict[str, Reservation] = {}
        self._reserved: dict[str, Decimal] = {}
        self._sides: dict[tuple[str, Side], OpenSide] = {}

    def reserved(self, asset: str) -> Decimal:
        """All amounts in one settlement asset."""
        return self._reserved.get(asset, ZERO)

    def open_side(self, symbol: str, side: Side) -> OpenSide:
        return self._sides.get((symbol, side), NOTHING_OPEN)

    def symbols(self) -> set[str]:
        """Those with an order."""
        return {symbol for (symbol, _), open_ in self._sides.items() if open_.quantity}

    def __getitem__(self, order_id: str) -> Reservation:
        return self._by_order[order_id]

    def __setitem__(self, order_id: str, reservation: Reservation) -> None:
        if order_id in self._by_order:
            del self[order_id]
        self._by_order[order_id] = reservation
        asset = reservation.settlement_asset
        self._reserved[asset] = self.reserved(asset) + reservation.amount
        side = (reservation.symbol, reservation.side)
        self._sides[side] = self.open_side(*side).plus(reservation)

    def __delitem__(self, order_id: str) -> None:
        reservation = self._by_order.pop(order_id)
        self._reserved[reservation.settlement_asset] -= reservation.amount
        side = (reservation.symbol, reservation.side)
        self._sides[side] = self._sides[side].minus(reservation)

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_order)

    def __len__(self) -> int:
        return len(self._by_order)

    def __repr__(self) -> str:
        return f"ReservationBook({list(self._by_order.values())!r})"
