"""An account of what a venue did, kept from its inputs and outputs alone, that checks each step.

It knows nothing of the engine's inside: what it asserts are the promises made to those who send
orders, worked out a second time in the plainest way.
"""

from collections.abc import Iterator
from decimal import Decimal

from adapters.venues.paper.engine import Step
from adapters.venues.paper.entry import Amended, Opened, OrderEntry, Transferred
from domain.decimals import ZERO
from domain.fees import Liquidity
from domain.market_data import Quote, Trade
from domain.order.terms import OrderTerms, OrderType, Side
from domain.venue import (
    Accepted,
    CancelReport,
    ExpireReport,
    FillReport,
    OpenOrder,
    TriggerReport,
)
from tests.adapters.venues.paper.inputs import Input, Submit

_STOPS = (OrderType.STOP_LOSS, OrderType.TAKE_PROFIT, OrderType.TRAILING_STOP)


class Line:
    """One order, by its venue order id."""

    def __init__(self, opened: Opened, rank: int) -> None:
        self.order = opened.order
        self.terms: OrderTerms = opened.order.terms
        self.venue_order_id = opened.venue_order_id
        self.rank = rank
        self.filled = ZERO
        self.is_open = True
        self.is_triggered = False
        self.has_executed = False
        self.partner: Line | None = None

    @property
    def leaves(self) -> Decimal:
        return self.terms.quantity - self.filled

    def admits(self, price: Decimal) -> bool:
        limit = self.terms.limit_price
        return limit is None or self.terms.side.sign * (limit - price) >= 0


class Ledger:
    """Feed ``check`` with every input and its step, in order."""

    def __init__(self) -> None:
        self.lines: dict[str, Line] = {}
        self.quote: Quote | None = None
        self.displayed: dict[Side, Decimal] = {}
        self.position: dict[str, Decimal] = {}
        self.trades = 0
        self.arrivals = 0

    def check(self, given: Input, step: Step, still_open: list[OpenOrder]) -> None:
        if isinstance(given, Quote):
            self.quote = given
            self.displayed = {Side.BUY: given.ask_quantity, Side.SELL: given.bid_quantity}
        live = (line for line in self.open_lines() if self._is_live(line))
        standing = {line.venue_order_id for line in live}
        printed = given.quantity if isinstance(given, Trade) else ZERO
        for entry in step.entries:
            if isinstance(entry, FillReport):
                printed = self._check_fill(entry, given, printed)
            assert not isinstance(entry, Transferred)
            self._book(entry)
        self._check_answer(given, step)
        self._check_priority(given, step, standing)
        self._check_nothing_left_undone()
        self._check_nothing_left_standing()
        self._check_open_orders(still_open)

    def forget_market(self) -> None:
        self.quote = None
        self.displayed = {}

    def open_lines(self) -> Iterator[Line]:
        return (line for line in self.lines.values() if line.is_open)

    # One fill

    def _check_fill(self, fill: FillReport, given: Input, printed: Decimal) -> Decimal:
        line = self.lines[fill.venue_order_id]
        assert line.is_open, "an order that had ended was filled"
        assert self._is_live(line), "filled before its trigger or its other leg"
        assert ZERO < fill.quantity <= line.leaves
        assert line.admits(fill.price), "worse than its limit"
        self.trades += 1
        assert fill.trade_id == str(self.trades)
        self._check_oco(line)
        self._move_position(line, fill)
        if isinstance(given, Trade) and fill.liquidity is Liquidity.MAKER:
            return self._check_print(line, fill, given, printed)
        self._check_touch(line.terms.side, fill)
        return printed

    def _check_print(self, line: Line, fill: FillReport, trade: Trade, printed: Decimal) -> Decimal:
        assert fill.price == trade.price
        if line.terms.limit_price == trade.price:
            assert fill.quantity <= printed, "more than was traded at its price"
        return max(printed - fill.quantity, ZERO)

    def _check_touch(self, side: Side, fill: FillReport) -> None:
        assert self.quote is not None, "filled without a quote"
        assert fill.price == (self.quote.ask if side is Side.BUY else self.quote.bid)
        assert fill.quantity <= self.displayed[side], "more than was displayed"
        self.displayed[side] -= fill.quantity

    def _check_oco(self, line: Line) -> None:
        line.has_executed = True
        if line.partner is not None:
            assert not line.partner.has_executed, "both legs executed"

    def _move_position(self, line: Line, fill: FillReport) -> None:
        before = self.position.get(fill.account_id, ZERO)
        after = before + line.terms.side.sign * fill.quantity
        if line.terms.reduce_only:
            assert abs(after) < abs(before), "a reduce-only order increased the position"
            assert before * after >= 0, "a reduce-only order turned the position"
        self.position[fill.account_id] = after

    # One entry

    def _book(self, entry: OrderEntry) -> None:
        if isinstance(entry, Opened):
            assert entry.venue_order_id not in self.lines
            self.arrivals += 1
            self._open(Line(entry, self.arrivals))
            return
        line = self.lines[entry.venue_order_id]
        assert line.is_open, f"{entry} after the order's end"
        match entry:
            case FillReport():
                line.filled += entry.quantity
                line.is_open = line.leaves > ZERO
            case Amended():
                self._amend(line, entry)
            case TriggerReport():
                line.is_triggered = line.has_executed = True
                line.rank = self._next_rank()
            case CancelReport() | ExpireReport():
                assert entry.cum_quantity == line.filled
                line.is_open = False

    def _open(self, line: Line) -> None:
        line.partner = self._partner_of(line)
        if line.partner is not None:
            line.partner.partner = line
        self.lines[line.venue_order_id] = line

    def _amend(self, line: Line, amended: Amended) -> None:
        old, line.terms = line.terms, amended.terms
        same_price = (old.limit_price, old.stop_price) == (
            line.terms.limit_price,
            line.terms.stop_price,
        )
        assert line.leaves > ZERO
        if not same_price or line.terms.quantity > old.quantity:
            line.rank = self._next_rank()

    def _next_rank(self) -> int:
        self.arrivals += 1
        return self.arrivals

    # After the step

    def _check_answer(self, given: Input, step: Step) -> None:
        """An accepted order is on the books or has ended by the reports of the same step."""
        opened = [entry for entry in step.entries if isinstance(entry, Opened)]
        is_accepted = isinstance(given, Submit) and isinstance(step.outcome, Accepted)
        assert len(opened) == int(is_accepted)

    def _check_priority(self, given: Input, step: Step, standing: set[str]) -> None:
        """Who was filled as a maker left nobody better placed with something to fill."""
        by_print = isinstance(given, Trade)
        makers = [
            self.lines[entry.venue_order_id]
            for entry in step.entries
            if isinstance(entry, FillReport) and entry.liquidity is Liquidity.MAKER
        ]
        for served in makers:
            for other in self.open_lines():
                waits_for_quote = by_print and other.terms.limit_price is None
                if other.venue_order_id in standing and not waits_for_quote:
                    assert not _is_better(other, served), "served out of turn"

    def _check_nothing_left_undone(self) -> None:
        for line in self.open_lines():
            if not self._is_live(line) or self.quote is None:
                continue
            side = line.terms.side
            price = self.quote.ask if side is Side.BUY else self.quote.bid
            missed = line.admits(price) and self.displayed[side] > ZERO
            assert not missed, f"{line.order} could have been filled"

    def _check_nothing_left_standing(self) -> None:
        for line in self.open_lines():
            if line.partner is not None and not line.has_executed:
                assert line.partner.is_open, "the other leg of an OCO executed or ended"
            if line.terms.reduce_only and self._is_live(line):
                held = self.position.get(line.order.account_id, ZERO)
                assert held * line.terms.side.sign < 0, "nothing left to reduce"

    def _check_open_orders(self, still_open: list[OpenOrder]) -> None:
        told = {o.venue_order_id: (o.terms, o.cum_quantity) for o in still_open}
        assert told == {x.venue_order_id: (x.terms, x.filled) for x in self.open_lines()}

    # Look-ups

    def _is_live(self, line: Line) -> bool:
        if line.terms.type in _STOPS and not line.is_triggered:
            return False
        return line.order.linked_client_order_id is None or line.partner is not None

    def _partner_of(self, line: Line) -> Line | None:
        for other in self.open_lines():
            same_account = other.order.account_id == line.order.account_id
            if same_account and other.order.client_order_id == line.order.linked_client_order_id:
                assert other.order.linked_client_order_id == line.order.client_order_id
                return other
        return None


def _is_better(other: Line, served: Line) -> bool:
    if other.terms.side is not served.terms.side:
        return False
    if other.terms.limit_price is None or served.terms.limit_price is None:
        return other.terms.limit_price is None and served.terms.limit_price is not None
    gain = other.terms.side.sign * (other.terms.limit_price - served.terms.limit_price)
    return gain > 0 or (gain == 0 and other.rank < served.rank)
