"""One order of each kind that waits, and what makes it live, fill in part, and fill."""

from datetime import timedelta
from decimal import Decimal

import msgspec

from domain.order.terms import OrderType, TimeInForce
from domain.order.trailing import TrailingStep
from domain.venue import Amendment, VenueOrder
from tests.contract.trader import accepted
from tests.contract.venue_story import MarketMove, Printed, Shown, limit, move, order
from tests.contract.venues import VenueUnderTest
from tests.doubles.manual_clock import START

D = Decimal
QUANTITY = D(4)
PART = D("1.5")

_NEXT_YEAR = {"time_in_force": TimeInForce.GTD, "expire_at": START + timedelta(days=365)}


class Case(msgspec.Struct, frozen=True):
    """The order is ``x``, of QUANTITY. ``part`` fills PART of it, then ``rest`` the rest.

    ``wake`` sets off its trigger. ``partner`` is the other leg of an OCO pair, ``reduces`` says
    that a position must be there.
    """

    name: str
    placed: VenueOrder
    part: MarketMove
    rest: MarketMove
    wake: tuple[MarketMove, ...] = ()
    partner: VenueOrder | None = None
    reduces: bool = False

    async def place(self, on: VenueUnderTest) -> str:
        """Send what it takes; the venue's id of ``x``."""
        if self.reduces:
            await open_position(on)
        placed = await accepted(on.trader.submit(self.placed))
        if self.partner is not None:
            await accepted(on.trader.submit(self.partner))
        return placed.venue_order_id

    def amendments(self) -> list[Amendment]:
        """What can be asked of it while it waits: each value that it has, and several at once."""
        terms = self.placed.terms
        changes = [Amendment(quantity=D(3)), Amendment(quantity=D(5))]
        if terms.limit_price is not None:
            changes.append(Amendment(limit_price=terms.limit_price + D("0.1")))
            changes.append(Amendment(quantity=D(3), limit_price=terms.limit_price + D("0.1")))
        if terms.stop_price is not None and terms.type is not OrderType.TRAILING_STOP:
            changes.append(Amendment(stop_price=terms.stop_price + D("0.1")))
        return changes


async def open_position(on: VenueUnderTest) -> None:
    """Long by QUANTITY, with no quote left to take from."""
    await accepted(on.trader.submit(limit("position", "buy", str(QUANTITY), "10.0")))
    move(on, Printed("9.9"))
    assert (await on.trader.status("position"))[0] == "filled"


def _sell(type_: str, **fields: object) -> VenueOrder:
    return order("x", "sell", type_, str(QUANTITY), **fields)


_BUY_SOME = (Printed("9.0", "1.5"), Printed("8.9"))
_SELL_SOME = (Printed("11.0", "1.5"), Printed("11.1"))
_TAKE_SOME = (Shown("8.8", "9.2", "1.5"), Shown("8.7", "9.1"))

CASES = [
    Case("market", order("x", "buy", "market", "4"), *_TAKE_SOME),
    Case("limit_buy", limit("x", "buy", "4", "9.0"), *_BUY_SOME),
    Case("limit_sell", limit("x", "sell", "4", "11.0"), *_SELL_SOME),
    Case("post_only", limit("x", "buy", "4", "9.0", post_only=True), *_BUY_SOME),
    Case("good_till_date", limit("x", "buy", "4", "9.0", **_NEXT_YEAR), *_BUY_SOME),
    Case("stop_loss", _sell("stop_loss", stop_price=D(9)), *_TAKE_SOME, (Printed("9.0"),)),
    Case(
        "stop_loss_limit",
        _sell("stop_loss", stop_price=D(9), limit_price=D("8.5")),
        Printed("8.5", "1.5"),
        Printed("8.6"),
        (Printed("9.0"),),
    ),
    Case("take_profit", _sell("take_profit", stop_price=D(11)), *_TAKE_SOME, (Printed("11.0"),)),
    Case(
        "take_profit_limit",
        _sell("take_profit", stop_price=D(11), limit_price=D(11)),
        *_SELL_SOME,
        (Printed("11.0"),),
    ),
    Case(
        "trailing_stop",
        _sell("trailing_stop", trailing_offset=D(1)),
        *_TAKE_SOME,
        (Printed("12.0"), Printed("11.0")),
    ),
    Case(
        "trailing_steps",
        _sell(
            "trailing_stop",
            entry_price=D(10),
            trailing_steps=(TrailingStep(D("1.5"), D("1.2")),),
        ),
        *_TAKE_SOME,
        (Printed("15.0"), Printed("12.0")),
    ),
    Case(
        "reduce_only",
        limit("x", "sell", "4", "11.0", reduce_only=True),
        *_SELL_SOME,
        reduces=True,
    ),
    Case(
        "oco_limit_leg",
        limit("x", "sell", "4", "11.0", linked="y"),
        *_SELL_SOME,
        partner=order("y", "sell", "stop_loss", "4", stop_price=D(9), linked="x"),
    ),
    Case(
        "oco_stop_leg",
        _sell("stop_loss", stop_price=D(9), linked="y"),
        *_TAKE_SOME,
        (Printed("9.0"),),
        partner=limit("y", "sell", "4", "11.0", linked="x"),
    ),
]
NAMES = [case.name for case in CASES]
