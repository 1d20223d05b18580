"""The matching engine: pure, synchronous, deterministic.

The model, in full:

- A market order takes what the best quote displays; the rest waits for the next quote.
- A limit order takes liquidity only in the step of its arrival (or trigger, or amendment), up to
  the displayed quantity at the quote's price. What then rests is a maker: it fills when a later
  quote crosses it, by the displayed quantity at the quote's price; or when a public trade prints
  at its price, by the traded quantity; or through its price, in full. The trade's price is the
  fill's price: no price is ever made that did not stand in the market data.
- What is displayed or traded serves the venue's own orders in price-time order and is used once.
- Stops watch the prices of public trades that come after their arrival.
- Two linked orders wait for each other; when one executes, triggers or ends, the other is
  cancelled in the same step.
- A reduce-only order executes no more than the position; one that is live with nothing to reduce
  is cancelled. A stop is live once it has triggered.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from adapters.venues.paper.admission import (
    check_capabilities,
    check_ids,
    check_link,
    check_terms,
    check_window,
)
from adapters.venues.paper.amendment import amended_terms, keeps_priority
from adapters.venues.paper.book import Book
from adapters.venues.paper.entry import Amended, Busted, Entry, Opened, Transferred
from adapters.venues.paper.fee_charge import FeeCharge
from adapters.venues.paper.reject import RejectCode
from adapters.venues.paper.touch import Touch, touch_of
from adapters.venues.paper.working_order import OrderKey, Stage, WorkingOrder
from domain.decimals import ZERO
from domain.errors import Conflict, InvalidInput, Refused
from domain.fees import FeeSchedule, Liquidity
from domain.instrument import Instrument, Instruments
from domain.market_data import Quote, Trade
from domain.order.terms import OrderTerms, Side, TimeInForce
from domain.venue import (
    Accepted,
    Amendment,
    CancelReport,
    Capabilities,
    ExpireReport,
    FillReport,
    OpenOrder,
    Outcome,
    Rejected,
    SendWindow,
    StopMovedReport,
    TriggerReport,
    VenueOrder,
    VenuePosition,
)

ALL_CAPABILITIES = Capabilities(linked_orders=True, good_till_date=True, trailing_stops=True)


class Step(msgspec.Struct, frozen=True):
    """All that one input led to, in order; ``outcome`` answers a request."""

    entries: tuple[Entry, ...]
    outcome: Outcome | None = None


class MatchingEngine:
    """Continues a book. ``at`` is the venue's time of an input; it never runs backwards here."""

    def __init__(
        self,
        book: Book,
        instruments: Instruments,
        fees: FeeSchedule,
        capabilities: Capabilities = ALL_CAPABILITIES,
    ) -> None:
        self._book = book
        self._instruments = instruments
        self._capabilities = capabilities
        self._touches: dict[str, Touch] = {}
        self._fee_charge = FeeCharge(fees, instruments, self._quote_of)
        self._now = book.at
        self._entries: list[Entry] = []

    # Requests

    def submit(self, order: VenueOrder, at: datetime) -> Step:
        self._advance(at)
        try:
            check_window(order.window, at)
            self._admit(order)
        except Refused as refusal:
            return self._reject(refusal)
        venue_order_id = str(self._book.arrivals + 1)
        settlement_asset = self._instrument(order.terms.symbol).settlement_asset
        self._record(Opened(order, venue_order_id, self._now, settlement_asset))
        for key in self._now_live(order):
            self._arrive(key)
        return self._accept(venue_order_id)

    def amend(
        self,
        account_id: str,
        client_order_id: str,
        change: Amendment,
        at: datetime,
        window: SendWindow | None = None,
    ) -> Step:
        self._advance(at)
        try:
            check_window(window, at)
            working = self._open_order(account_id, client_order_id)
            terms = amended_terms(working, change)
            self._admit_amended(working, terms)
        except Refused as refusal:
            return self._reject(refusal)
        keeps = keeps_priority(working.terms, terms)
        self._record(
            Amended(client_order_id, working.venue_order_id, account_id, terms, keeps, self._now)
        )
        if not keeps:
            self._arrive(working.key)
        return self._accept(working.venue_order_id)

    def cancel(self, account_id: str, client_order_id: str, at: datetime) -> Step:
        self._advance(at)
        try:
            working = self._open_order(account_id, client_order_id)
        except Refused as refusal:
            return self._reject(refusal)
        self._cancel(working, "user")
        return self._accept(working.venue_order_id)

    # What the operator of the venue does

    def transfer(
        self, account_id: str, transfer_id: str, asset: str, amount: Decimal, at: datetime
    ) -> Step:
        """Money in, or out where ``amount`` is below zero; the same transfer again is nothing.

        Raises Conflict ``idempotency_key_reused``.
        """
        self._advance(at)
        known = self._book.wallet(account_id).transfers.get(transfer_id)
        if known is None:
            self._record(Transferred(account_id, transfer_id, asset, amount, self._now))
        elif known != (asset, amount):
            raise Conflict("idempotency_key_reused", f"transfer {transfer_id} was {known}")
        return self._done()

    def bust(self, fill: FillReport, side: Side, reason: str, at: datetime) -> Step:
        """Take back an execution, and cancel the orders that it leaves nothing to reduce."""
        self._advance(at)
        if self._book.is_busted(fill.symbol, fill.trade_id):
            refusal = Conflict(RejectCode.UNKNOWN_TRADE, f"trade {fill.trade_id} is busted already")
            return self._reject(refusal)
        settlement_asset = self._instrument(fill.symbol).settlement_asset
        self._record(Busted(fill, side, settlement_asset, reason, self._now))
        self._cancel_unreducible(fill.account_id, fill.symbol)
        return self._accept(fill.venue_order_id)

    # The market and time

    def on_quote(self, quote: Quote, at: datetime) -> Step:
        self._advance(at)
        touch = touch_of(quote)
        if touch is None or self._instruments.get(quote.symbol) is None:
            self._touches.pop(quote.symbol, None)
            return self._done()
        self._touches[quote.symbol] = touch
        for side in Side:
            self._serve_market_orders(quote.symbol, side, touch)
            self._serve_crossed_orders(quote.symbol, side, touch)
        return self._done()

    def on_trade(self, trade: Trade, at: datetime) -> Step:
        self._advance(at)
        if _is_sound(trade) and self._instruments.get(trade.symbol) is not None:
            maker_side = Side.BUY if trade.buyer_is_maker else Side.SELL
            left = self._serve_resting_orders(trade, maker_side, trade.quantity)
            self._serve_resting_orders(trade, maker_side.opposite, left)
            self._watch_stops(trade)
        return self._done()

    def advance(self, at: datetime) -> Step:
        """Time has passed: gtd orders that are due expire."""
        self._advance(at)
        return self._done()

    def forget_market(self, symbol: str | None = None) -> None:
        """What was displayed may no longer stand: nothing matches before the next quote."""
        if symbol is None:
            self._touches.clear()
        else:
            self._touches.pop(symbol, None)

    # Questions

    def open_orders(self, account_id: str) -> Sequence[OpenOrder]:
        mine = (o for o in self._book.orders() if o.order.account_id == account_id)
        return [working.as_open_order() for working in mine]

    def positions(self, account_id: str) -> Sequence[VenuePosition]:
        held = self._book.wallet(account_id).positions.values()
        return [VenuePosition(each.symbol, each.quantity, each.cost) for each in held]

    def balances(self, account_id: str) -> dict[str, Decimal]:
        return dict(self._book.wallet(account_id).balances)

    # How a step begins and ends

    def _advance(self, at: datetime) -> None:
        self._now = max(self._now, at)
        due = [self._book.get(key) for key in self._book.deadlines.keys_until(self._now)]
        expired = [working for working in due if working is not None]
        for working in expired:
            self._record(ExpireReport(*_names(working), self._now, working.cum_quantity))
        for working in expired:
            self._cancel_partner(working)

    def _record(self, entry: Entry) -> None:
        self._book.apply(entry)
        self._entries.append(entry)

    def _done(self, outcome: Outcome | None = None) -> Step:
        entries, self._entries = tuple(self._entries), []
        return Step(entries, outcome)

    def _accept(self, venue_order_id: str) -> Step:
        return self._done(Accepted(venue_order_id, self._now))

    def _reject(self, refusal: Refused) -> Step:
        return self._done(Rejected(str(refusal.code), str(refusal), self._now))

    # Admission

    def _admit(self, order: VenueOrder) -> None:
        terms = order.terms
        check_ids(order)
        check_capabilities(order, self._capabilities)
        check_terms(terms, self._instruments, self._touches.get(terms.symbol))
        if terms.expire_at is not None and terms.expire_at <= self._now:
            raise InvalidInput(RejectCode.EXPIRED, "expire_at has passed", "expire_at")
        if self._book.get((order.account_id, order.client_order_id)) is not None:
            raise Conflict(
                RejectCode.DUPLICATE_CLIENT_ORDER_ID, f"{order.client_order_id} is open already"
            )
        check_link(order, self._book.get((order.account_id, order.linked_client_order_id or "")))

    def _admit_amended(self, working: WorkingOrder, terms: OrderTerms) -> None:
        touch = self._touches.get(terms.symbol)
        check_terms(terms, self._instruments, touch)
        if terms.post_only and working.stage is Stage.LIMIT and _would_take(terms, touch):
            raise Conflict(RejectCode.WOULD_TAKE, "the new price would cross the quote")

    def _open_order(self, account_id: str, client_order_id: str) -> WorkingOrder:
        working = self._book.get((account_id, client_order_id))
        if working is None:
            raise Conflict(RejectCode.UNKNOWN_ORDER, f"{client_order_id} is not open")
        return working

    def _now_live(self, order: VenueOrder) -> tuple[OrderKey, ...]:
        """The order and, where it completes an OCO pair, the leg that came first."""
        key = (order.account_id, order.client_order_id)
        if order.linked_client_order_id is None:
            return (key,)
        return (order.account_id, order.linked_client_order_id), key

    # Arrival at the book

    def _arrive(self, key: OrderKey) -> None:
        """Let an order that has just become live take what it may, and leave if it must."""
        working = self._book.get(key)
        if working is None or working.stage in (Stage.DORMANT, Stage.STOP):
            return
        touch = self._touches.get(working.terms.symbol)
        reason = self._reason_to_leave(working, touch)
        if reason is not None:
            self._cancel(working, reason)
            return
        if touch is not None and touch.meets(working.side, working.terms.limit_price):
            self._take(working, touch, Liquidity.TAKER)
        self._leave_if_immediate(key)

    def _reason_to_leave(self, working: WorkingOrder, touch: Touch | None) -> str | None:
        terms = working.terms
        if self._executable(working) == ZERO:
            return "reduce_only"
        if terms.post_only and _would_take(terms, touch):
            return "post_only"
        if terms.time_in_force is TimeInForce.FOK:
            return "fok" if _takeable(terms, touch) < self._executable(working) else None
        return None

    def _leave_if_immediate(self, key: OrderKey) -> None:
        working = self._book.get(key)
        if working is not None and working.terms.time_in_force in _IMMEDIATE:
            self._cancel(working, str(working.terms.time_in_force))

    # Matching

    def _serve_market_orders(self, symbol: str, side: Side, touch: Touch) -> None:
        queue = self._book.queues(symbol).market[side]
        while (key := queue.head()) is not None and touch.left_for(side) > ZERO:
            self._take(self._working(key), touch, Liquidity.TAKER)

    def _serve_crossed_orders(self, symbol: str, side: Side, touch: Touch) -> None:
        queue = self._book.queues(symbol).limit[side]
        while (key := queue.head()) is not None and touch.left_for(side) > ZERO:
            working = self._working(key)
            if not touch.meets(side, working.terms.limit_price):
                return
            self._take(working, touch, Liquidity.MAKER)

    def _serve_resting_orders(self, trade: Trade, side: Side, traded: Decimal) -> Decimal:
        """Fill makers of one side from a print; what is left of the traded quantity."""
        queue = self._book.queues(trade.symbol).limit[side]
        while (key := queue.head()) is not None:
            working = self._working(key)
            depth = _depth_of_print(working, trade.price)
            if depth < ZERO or (depth == ZERO and traded == ZERO):
                break
            offered = working.leaves_quantity if depth > ZERO else traded
            filled = self._execute(working, offered, trade.price, Liquidity.MAKER)
            traded = max(traded - filled, ZERO)
        return traded

    def _watch_stops(self, trade: Trade) -> None:
        for key in self._book.queues(trade.symbol).stops.in_order():
            working = self._book.get(key)
            if working is None:
                continue
            if working.is_triggered_by(trade.price):
                self._trigger(working, trade.price)
            elif working.terms.trailing_offset is not None or working.terms.trailing_steps:
                self._trail(working, trade.price)

    def _trigger(self, working: WorkingOrder, price: Decimal) -> None:
        self._record(TriggerReport(*_names(working), price, self._now))
        self._cancel_partner(working)
        self._arrive(working.key)

    def _trail(self, working: WorkingOrder, price: Decimal) -> None:
        stop = working.trailing().observe(price).stop
        if stop is not None and stop != working.trailed_stop:
            self._record(StopMovedReport(*_names(working), stop, self._now))

    def _take(self, working: WorkingOrder, touch: Touch, liquidity: Liquidity) -> None:
        side = working.side
        offered = touch.left_for(side)
        touch.take(side, self._execute(working, offered, touch.price_for(side), liquidity))

    def _execute(
        self, working: WorkingOrder, offered: Decimal, price: Decimal, liquidity: Liquidity
    ) -> Decimal:
        """Fill up to ``offered`` and cancel what this makes impossible. The quantity filled."""
        quantity = min(offered, self._executable(working))
        if quantity > ZERO:
            self._record(self._fill(working, quantity, price, liquidity))
            self._cancel_partner(working)
            self._cancel_unreducible(working.order.account_id, working.terms.symbol)
        return quantity

    def _fill(
        self, working: WorkingOrder, quantity: Decimal, price: Decimal, liquidity: Liquidity
    ) -> FillReport:
        symbol = working.terms.symbol
        instrument = self._instrument(symbol)
        fee, fee_asset = self._fee_charge.on(instrument, quantity * price, liquidity)
        return FillReport(
            client_order_id=working.order.client_order_id,
            venue_order_id=working.venue_order_id,
            account_id=working.order.account_id,
            symbol=symbol,
            trade_id=self._book.next_trade_id(symbol),
            quantity=quantity,
            price=price,
            liquidity=liquidity,
            fee=fee,
            fee_asset=fee_asset,
            at=self._now,
        )

    def _executable(self, working: WorkingOrder) -> Decimal:
        """What is left of the order, for a reduce-only order no more than the position."""
        if not working.terms.reduce_only:
            return working.leaves_quantity
        account_id, symbol = working.order.account_id, working.terms.symbol
        reducible = self._book.reducible(account_id, symbol, working.side)
        return min(working.leaves_quantity, reducible)

    # Ends

    def _cancel(self, working: WorkingOrder, reason: str) -> None:
        self._take_off(working, reason)
        self._cancel_partner(working)

    def _cancel_partner(self, working: WorkingOrder) -> None:
        partner = self._book.get(working.partner_key) if working.partner_key else None
        if partner is not None:
            self._take_off(partner, "oco")

    def _take_off(self, working: WorkingOrder, reason: str) -> None:
        self._record(CancelReport(*_names(working), reason, self._now, working.cum_quantity))

    def _cancel_unreducible(self, account_id: str, symbol: str) -> None:
        for working in self._book.reduce_only_orders(account_id, symbol):
            is_live = working.stage in (Stage.MARKET, Stage.LIMIT)
            still_open = self._book.get(working.key) is not None
            if is_live and still_open and self._executable(working) == ZERO:
                self._cancel(working, "reduce_only")

    # Look-ups

    def _working(self, key: OrderKey) -> WorkingOrder:
        working = self._book.get(key)
        assert working is not None
        return working

    def _instrument(self, symbol: str) -> Instrument:
        instrument = self._instruments.get(symbol)
        assert instrument is not None
        return instrument

    def _quote_of(self, symbol: str) -> Quote | None:
        touch = self._touches.get(symbol)
        return None if touch is None else touch.quote


_IMMEDIATE = frozenset({TimeInForce.IOC, TimeInForce.FOK})


def _names(working: WorkingOrder) -> tuple[str, str, str]:
    """The fields every report begins with."""
    order = working.order
    return order.client_order_id, working.venue_order_id, order.account_id


def _takeable(terms: OrderTerms, touch: Touch | None) -> Decimal:
    """What is displayed and not yet taken at a price the order admits."""
    if touch is None or not touch.meets(terms.side, terms.limit_price):
        return ZERO
    return touch.left_for(terms.side)


def _would_take(terms: OrderTerms, touch: Touch | None) -> bool:
    return touch is not None and touch.meets(terms.side, terms.limit_price)


def _depth_of_print(working: WorkingOrder, price: Decimal) -> Decimal:
    """How far a trade printed through the order's limit: zero at it, below zero short of it."""
    assert working.terms.limit_price is not None
    return working.side.sign * (working.terms.limit_price - price)


def _is_sound(trade: Trade) -> bool:
    numbers = (trade.price, trade.quantity)
    return all(number.is_finite() and number > ZERO for number in numbers)
