"""The reservations of an account by order, with their totals kept beside them.

Every decision asks for the totals; adding them up anew would make an order the dearer the more
orders are working. They are counted when they are first asked for, so that folding an account from
its events does not count what nobody asks.
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
        self._counted = False
        self._reserved: dict[str, Decimal] = {}
        self._sides: dict[tuple[str, Side], OpenSide] = {}

    def reserved(self, asset: str) -> Decimal:
        """All amounts in one settlement asset."""
        self._count()
        return self._reserved.get(asset, ZERO)

    def open_side(self, symbol: str, side: Side) -> OpenSide:
        self._count()
        return self._sides.get((symbol, side), NOTHING_OPEN)

    def symbols(self) -> set[str]:
        """Those with an order."""
        self._count()
        return {symbol for (symbol, _), open_ in self._sides.items() if open_.quantity}

    def __getitem__(self, order_id: str) -> Reservation:
        return self._by_order[order_id]

    def __setitem__(self, order_id: str, reservation: Reservation) -> None:
        if self._counted:
            before = self._by_order.get(order_id)
            if before is not None:
                self._subtract(before)
            self._add(reservation)
        self._by_order[order_id] = reservation

    def __delitem__(self, order_id: str) -> None:
        reservation = self._by_order.pop(order_id)
        if self._counted:
            self._subtract(reservation)

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_order)

    def __len__(self) -> int:
        return len(self._by_order)

    def _count(self) -> None:
        if not self._counted:
            self._counted = True
            for reservation in self._by_order.values():
                self._add(reservation)

    def _add(self, reservation: Reservation) -> None:
        asset, side = reservation.settlement_asset, (reservation.symbol, reservation.side)
        self._reserved[asset] = self._reserved.get(asset, ZERO) + reservation.amount
        self._sides[side] = self._sides.get(side, NOTHING_OPEN).plus(reservation)

    def _subtract(self, reservation: Reservation) -> None:
        asset, side = reservation.settlement_asset, (reservation.symbol, reservation.side)
        self._reserved[asset] -= reservation.amount
        self._sides[side] = self._sides[side].minus(reservation)

    def __repr__(self) -> str:
        return f"ReservationBook({list(self._by_order.values())!r})"
