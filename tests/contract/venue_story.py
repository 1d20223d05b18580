"""Words to tell stories of orders with: what is sent, what the market does, what is heard."""

import asyncio
from decimal import Decimal
from typing import Any

import msgspec

from domain.market_data import Quote, Trade
from domain.order.terms import OrderTerms, OrderType, Side
from domain.venue import CancelReport, EndReport, FillReport, Report, VenueOrder
from tests.contract.trader import ACCOUNT
from tests.contract.venues import INSTRUMENT, VenueUnderTest

D = Decimal


def order(name: str, side: str, type_: str, quantity: str, **fields: Any) -> VenueOrder:
    linked, account_id = fields.pop("linked", None), fields.pop("account_id", ACCOUNT)
    terms = OrderTerms(
        symbol=fields.pop("symbol", INSTRUMENT.symbol),
        side=Side(side),
        type=OrderType(type_),
        quantity=D(quantity),
        **fields,
    )
    return VenueOrder(name, account_id, terms, linked)


def limit(name: str, side: str, quantity: str, price: str, **fields: Any) -> VenueOrder:
    return order(name, side, "limit", quantity, limit_price=D(price), **fields)


class Shown(msgspec.Struct, frozen=True):
    """The best bid and ask change, each with this quantity."""

    bid: str
    ask: str
    quantity: str = "10"


class Printed(msgspec.Struct, frozen=True):
    """The public trades."""

    price: str
    quantity: str = "10"


MarketMove = Shown | Printed


def move(on: VenueUnderTest, *moves: MarketMove) -> None:
    for each in moves:
        at, quantity = on.clock.now(), D(each.quantity)
        match each:
            case Shown():
                bid, ask = D(each.bid), D(each.ask)
                on.market(Quote(INSTRUMENT.symbol, bid, quantity, ask, quantity, at))
            case Printed():
                price = D(each.price)
                on.market(Trade(INSTRUMENT.symbol, 1, price, quantity, buyer_is_maker=True, at=at))


def show(on: VenueUnderTest, bid: str, ask: str, quantity: str = "10") -> None:
    move(on, Shown(bid, ask, quantity))


def print_trade(on: VenueUnderTest, price: str, quantity: str = "10") -> None:
    move(on, Printed(price, quantity))


class Heard:
    """Reports since a moment, in order."""

    def __init__(self, on: VenueUnderTest) -> None:
        self._reports = on.venue.reports()

    async def next(self) -> Report:
        return await asyncio.wait_for(anext(self._reports), 10)

    async def fill(self) -> FillReport:
        report = await self.next()
        assert isinstance(report, FillReport), report
        return report

    async def cancel(self) -> tuple[str, str]:
        report = await self.next()
        assert isinstance(report, CancelReport), report
        return report.client_order_id, report.reason

    async def end_of(self, name: str) -> tuple[str, Decimal | None]:
        """The end of an order, after whatever else is heard: its kind, and what was executed."""
        while True:
            report = await self.next()
            if isinstance(report, EndReport) and report.client_order_id == name:
                return type(report).__name__, report.cum_quantity
