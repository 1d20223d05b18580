"""Random lawful and unlawful histories, through the real use cases, against a bookkeeper.

Two processes with caches of their own work on one log. Policies run late, twice, and with the
streams in any order. After each step everything is compared with tests/domain/ledger.py.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from domain.account.account import Account
from domain.account.events import FillReversed, FillSettled
from domain.command import CommandContext
from domain.errors import Conflict, Refused
from domain.event import decode, encode
from domain.fees import FeeSchedule
from domain.log import RecordedEvent
from domain.order.events import OrderAmendRequested, OrderCancelRequested, OrderPlaced
from domain.order.order import SEND_WINDOW, Order, VenueDataError, amended_terms, venue_client_id_of
from domain.order.terms import OrderTerms, OrderType, Side
from domain.repository import AnyAggregate
from domain.risk.limits import Limits
from domain.use_cases.account_desk import Transfer
from domain.use_cases.change import change
from domain.use_cases.requests import AmendOrder, CancelOrder, PlaceOrder
from domain.use_cases.risk_desk import ChangeTrading
from domain.venue import (
    Accepted,
    Ambiguous,
    Amendment,
    CancelReport,
    ExpireReport,
    OrderState,
    Outcome,
    Rejected,
    StopMovedReport,
    TriggerReport,
    VenueStatus,
)
from tests.domain.execution.sent import handle
from tests.domain.ledger import Book, Execution, Expected, Ledger, Pending, up
from tests.domain.world import (
    NOON,
    Process,
    World,
    a_fill,
    a_quote,
    carry_out,
    context_for,
    terms_of,
)

T = TypeVar("T")

COLLAR = Fraction(5, 100)
SYMBOLS = ("BTCUSDT", "ETHUSDT")
EXPONENT = re.compile(r"-?[0-9.]+[eE][+-]?[0-9]+")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*")
STORED_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")

cents = st.integers(8_000, 12_500).map(lambda n: Decimal(n) / 100)
lots = st.integers(1, 6_000).map(lambda n: Decimal(n) / 1_000)
sides = st.sampled_from(Side)
symbols = st.sampled_from(SYMBOLS)
fees = st.sampled_from([Decimal(0), Decimal("0.04"), Decimal("-0.0123"), Decimal("0.00000001")])
answers = st.sampled_from(
    [
        Accepted("v1", NOON),
        Accepted("v1", NOON),
        Rejected("no", "said no", NOON),
        Ambiguous("timeout"),
    ]
)


class Core(RuleBasedStateMachine):
    """One history. Small numbers of keys and trade ids make repetitions likely."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.world = World(processes=2)
        self.ledger = Ledger()
        self.asked: dict[str, PlaceOrder] = {}
        self.cursors: dict[str, int] = {}
        self.checked = 0
        self.halted = False
        self.changes = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        try:
            self.policies_catch_up()
            self.money_is_conserved()
            self.what_is_reserved_is_what_live_orders_need()
            self.every_fill_is_booked_once()
        finally:
            self.runner.close()

    # Accounts and markets

    @initialize()
    def begin(self) -> None:
        self.run(self.world.set_limits(Limits(price_collar=Decimal("0.05"))))
        rates = (("alice", "1", "0.0002", "0.0004"), ("bob", "0.1", "-0.0001", "0.0005"))
        for name, rate, maker, taker in rates:
            schedule = FeeSchedule(Decimal(maker), Decimal(taker))
            account = self.run(self.world.account(name, "9000", schedule, rate))
            book = Book(Fraction(rate), max(Fraction(maker), Fraction(taker), Fraction(0)))
            book.move("USDT", Decimal(9000))
            book.transfers.add("first")
            self.ledger.books[account] = book
        for number, account in enumerate(self.ledger.books):
            self.begin_with_an_order(f"begin-{number}", account)

    def begin_with_an_order(self, key: str, account_id: str) -> None:
        request = PlaceOrder(account_id, terms_of(quantity="3"))
        before = self.run(self.world.account_state(account_id))
        answer = self.run(self.world.here.orders.place(request, context_for("place", key)))
        assert answer.code is None
        self.asked[key] = request
        self.expect_placed(key, request, before)

    @rule(data=st.data(), number=st.integers(1, 4), amount=st.integers(-100, 90_000))
    def move_money(self, data: st.DataObject, number: int, amount: int) -> None:
        account = data.draw(st.sampled_from(sorted(self.ledger.books)))
        book = self.ledger.books[account]
        into = data.draw(st.booleans())
        transfer_id = f"{'in' if into else 'out'}-{number}-{amount}"
        transfer = Transfer(account, transfer_id, "USDT", Decimal(amount) / 100)
        desk = self.somewhere(data).accounts
        call = desk.deposit if into else desk.withdraw
        before = self.run(self.world.account_state(account)).available("USDT")
        try:
            self.run(call(transfer, context_for(account, transfer_id)))
        except Refused:
            assert transfer_id not in book.transfers
            assert amount <= 0 or (not into and transfer.amount > before)
            return
        if transfer_id not in book.transfers:
            assert amount > 0
            assert into or transfer.amount <= before
            book.transfers.add(transfer_id)
            book.move("USDT", transfer.amount if into else -transfer.amount)

    @rule(data=st.data(), bid=cents, spread=st.integers(0, 50))
    def the_market_moves(self, data: st.DataObject, bid: Decimal, spread: int) -> None:
        self.world.clock.at += timedelta(milliseconds=data.draw(st.sampled_from([1, 400, 4_000])))
        symbol = data.draw(symbols)
        self.world.quotes[symbol] = a_quote(bid, bid + Decimal(spread) / 100, symbol=symbol)
        for name, quote in self.world.quotes.items():
            self.world.quotes[name] = msgspec.structs.replace(quote, at=self.world.clock.at)

    @rule(data=st.data(), key=st.integers(0, 40))
    def the_feed_stands_still(self, data: st.DataObject, key: int) -> None:
        """After five seconds no quote is fresh any more, and nothing new goes out."""
        self.world.clock.at += timedelta(milliseconds=5_001)
        self.ask(data, f"key-{key}", self.terms(data, OrderType.LIMIT))
        for name, quote in self.world.quotes.items():
            self.world.quotes[name] = msgspec.structs.replace(quote, at=self.world.clock.at)

    @rule(data=st.data(), key=st.integers(0, 40))
    def trading_is_halted_for_a_while(self, data: st.DataObject, key: int) -> None:
        self.change_trading(self.world.here.risk.halt)
        self.halted = True
        self.ask(data, f"key-{key}", self.terms(data, OrderType.LIMIT))
        self.change_trading(self.world.here.risk.resume)
        self.halted = False

    def change_trading(self, call: Callable[[ChangeTrading, CommandContext], Any]) -> None:
        self.changes += 1
        request = ChangeTrading("system", f"c{self.changes}", "test")
        self.run(call(request, context_for("risk", str(self.changes))))
        for process in self.world.processes:
            process.hear_of_limits(self.world.store)

    # Placing

    @rule(data=st.data(), order_type=st.sampled_from(OrderType), key=st.integers(0, 40))
    def place(self, data: st.DataObject, order_type: OrderType, key: int) -> None:
        terms = self.terms(data, order_type)
        self.ask(data, f"key-{key}", terms)

    @rule(data=st.data(), key=st.integers(0, 40))
    def place_limit(self, data: st.DataObject, key: int) -> None:
        self.ask(data, f"key-{key}", self.terms(data, OrderType.LIMIT))

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def place_again(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.asked)))
        before = len(self.world.store.events)
        first = self.asked[key]
        answer = self.run(self.somewhere(data).orders.place(first, context_for("place", key)))
        assert len(self.world.store.events) == before
        assert answer.order_id == context_for("place", key).derived_id("order")

    def ask(self, data: st.DataObject, key: str, terms: OrderTerms) -> None:
        account_id = data.draw(st.sampled_from(sorted(self.ledger.books)))
        request = PlaceOrder(account_id, terms)
        before = len(self.world.store.events)
        funds = self.run(self.world.account_state(account_id))
        here = self.somewhere(data)
        try:
            answer = self.run(here.orders.place(request, context_for("place", key)))
        except Refused:
            assert len(self.world.store.events) == before
            return
        if key in self.asked:
            assert self.asked[key] == request
            assert len(self.world.store.events) == before
            return
        self.asked[key] = request
        if answer.code is None:
            assert not self.halted
            assert self.quote_is_fresh(terms.symbol)
            self.expect_placed(key, request, funds)

    def expect_placed(self, key: str, request: PlaceOrder, before: Account) -> None:
        terms, context = request.terms, context_for("place", key)
        legs = [(context.derived_id("order"), terms.limit_price, terms.stop_price)]
        if terms.type is OrderType.OCO:
            legs[0] = (legs[0][0], terms.limit_price, None)
            legs.append((context.derived_id("order/stop"), None, terms.stop_price))
        needed = Fraction(0)
        for order_id, limit, stop in legs:
            order = Expected(
                order_id=order_id,
                account_id=request.account_id,
                symbol=terms.symbol,
                sign=1 if terms.side is Side.BUY else -1,
                quantity=Fraction(terms.quantity),
                limit=None if limit is None else Fraction(limit),
                stop=None if stop is None else Fraction(stop),
                worst=self.worst(terms, limit, stop),
                reduce_only=terms.reduce_only,
            )
            self.ledger.orders[order_id] = order
            needed += order.needs(self.ledger.books[request.account_id])
        assert needed <= Fraction(before.available("USDT"))

    def worst(self, terms: OrderTerms, limit: Decimal | None, stop: Decimal | None) -> Fraction:
        """The highest price it can trade at; a market price may run away by the collar."""
        quote = self.world.quotes[terms.symbol]
        if terms.side is Side.BUY and limit is not None:
            return Fraction(limit)
        reach = [Fraction(quote.ask if terms.side is Side.BUY else quote.bid)]
        reach += [Fraction(price) for price in (stop, terms.entry_price) if price is not None]
        if terms.trailing_offset is not None:
            reach.append(Fraction(quote.ask) + Fraction(terms.trailing_offset))
        return max(up(max(reach) * (1 + COLLAR)), Fraction(limit or 0))

    def quote_is_fresh(self, symbol: str) -> bool:
        return self.world.clock.at - self.world.quotes[symbol].at <= timedelta(seconds=5)

    def terms(self, data: st.DataObject, order_type: OrderType) -> OrderTerms:
        quantity = data.draw(lots) if data.draw(st.integers(0, 9)) else Decimal("0.0005")
        symbol = data.draw(symbols)
        price = self.prices_near(symbol)
        fields: dict[str, Any] = {}
        with_limit = order_type in (OrderType.LIMIT, OrderType.OCO)
        stop_like = (OrderType.STOP_LOSS, OrderType.TAKE_PROFIT, OrderType.OCO)
        if with_limit or (order_type in stop_like and data.draw(st.booleans())):
            fields["limit_price"] = data.draw(price)
        if order_type in stop_like:
            fields["stop_price"] = data.draw(price)
        if order_type is OrderType.TRAILING_STOP:
            fields["trailing_offset"] = Decimal(data.draw(st.integers(1, 500))) / 100
        return OrderTerms(
            symbol=symbol,
            side=data.draw(sides),
            type=order_type,
            quantity=quantity,
            reduce_only=data.draw(st.integers(0, 4)) == 0,
            **fields,
        )

    def prices_near(self, symbol: str) -> st.SearchStrategy[Decimal]:
        """Most within the collar, some far from the market."""
        bid = self.world.quotes[symbol].bid
        near = st.integers(-400, 400).map(lambda n: bid + Decimal(n) / 100)
        return st.one_of(near, near, near, cents)

    # What goes to the venue

    @precondition(lambda self: self.ledger.orders)
    @rule(data=st.data(), answer=answers)
    def submit(self, data: st.DataObject, answer: Outcome) -> None:
        order = self.any_order(data)
        placed = self.first(order, OrderPlaced)
        sends = not self.sends("submit", order) and order.live
        refused = self.handle(data, placed, answer)
        if not sends:
            return
        if order.cancelling:
            order.finish("cancelled")
            return
        match answer:
            case Accepted():
                order.accepted, order.unknown = True, False
            case Rejected():
                # The same words about another order are no second problem.
                assert order.executions or not refused
                if not order.executions:
                    order.finish("rejected")
            case Ambiguous():
                order.unknown = order.live

    @precondition(lambda self: self.ledger.orders)
    @rule(data=st.data(), number=st.integers(1, 3))
    def request_cancel(self, data: st.DataObject, number: int) -> None:
        order = self.any_order(data)
        request = CancelOrder(order.order_id, f"cancel-{number}", "test")
        known = request.request_id in order.requests
        try:
            desk = self.somewhere(data).orders
            self.run(desk.cancel(request, context_for(order.order_id, request.request_id)))
        except Conflict:
            assert not known
            assert not order.live or order.cancelling
            return
        if not known:
            assert order.live
            assert not order.cancelling or order.unknown
            order.cancelling = request.request_id
            order.requests[request.request_id] = None

    @precondition(lambda self: any(o.cancelling for o in self.ledger.orders.values()))
    @rule(data=st.data(), answer=answers)
    def send_cancel(self, data: st.DataObject, answer: Outcome) -> None:
        order = self.some_order(data, lambda o: bool(o.cancelling))
        self.handle(data, self.last(order, OrderCancelRequested), answer)
        if not self.sends("submit", order):
            order.answer_unsent()
        elif isinstance(answer, Rejected) or not order.live:
            order.cancelling = None
        elif isinstance(answer, Ambiguous):
            order.unknown = True

    @precondition(lambda self: self.ledger.orders)
    @rule(data=st.data(), number=st.integers(1, 40))
    def request_amend(self, data: st.DataObject, number: int) -> None:
        order = self.any_order(data)
        quantity = self.quantity_near(data, order)
        limit = data.draw(self.prices_near(order.symbol))
        which = data.draw(st.sampled_from(["quantity", "limit", "both"]))
        amendment = Amendment(
            quantity=None if which == "limit" else quantity,
            limit_price=None if which == "quantity" else limit,
        )
        request = AmendOrder(order.order_id, f"amend-{number}", amendment)
        known = order.requests.get(request.request_id)
        before = self.run(self.world.account_state(order.account_id))
        try:
            desk = self.somewhere(data).orders
            self.run(desk.amend(request, context_for(order.order_id, request.request_id)))
        except Refused:
            assert known != amendment
            return
        if known is not None:
            assert known == amendment
            return
        assert order.live
        assert not order.cancelling
        assert not order.amending
        self.expect_amending(order, request, before)

    def quantity_near(self, data: st.DataObject, order: Expected) -> Decimal:
        now = Decimal(int(order.quantity * 1000)) / 1000
        factor = data.draw(st.sampled_from(["0.2", "0.5", "0.8", "1.2", "1.5", "2"]))
        return data.draw(st.sampled_from([(now * Decimal(factor)).quantize(Decimal("0.001")), now]))

    def expect_amending(self, order: Expected, request: AmendOrder, before: Account) -> None:
        change_to = request.amendment
        terms = self.run(self.world.order(order.order_id)).terms
        limit = change_to.limit_price
        if limit is None and order.limit is not None:
            limit = terms.limit_price
        order.requests[request.request_id] = change_to
        quantity = order.quantity
        if change_to.quantity is not None:
            quantity = Fraction(change_to.quantity)
        assert quantity > order.cum
        order.amending = Pending(
            request.request_id,
            quantity,
            None if limit is None else Fraction(limit),
            self.worst(terms, limit, terms.stop_price),
        )
        assert self.quote_is_fresh(order.symbol)
        assert not self.halted
        after = self.run(self.world.account_state(order.account_id))
        assert after.available("USDT") >= min(before.available("USDT"), Decimal(0))

    @precondition(lambda self: any(o.amending for o in self.ledger.orders.values()))
    @rule(data=st.data(), answer=answers)
    def send_amend(self, data: st.DataObject, answer: Outcome) -> None:
        order = self.some_order(data, lambda o: bool(o.amending))
        requested = self.last(order, OrderAmendRequested)
        self.handle(data, requested, answer)
        if not self.sends("submit", order):
            order.answer_unsent()
            return
        if self.now() > decode(requested).timestamp + SEND_WINDOW:
            return  # it could not arrive any more
        match answer:
            case Accepted():
                order.replaced()
                order.answer_pointless_requests()
            case Rejected():
                order.amending = None
            case Ambiguous():
                order.unknown = order.live

    # What the venue reports

    @precondition(lambda self: self.ledger.orders)
    @rule(
        data=st.data(),
        trade=st.integers(1, 6),
        price=cents,
        fee=fees,
        fee_asset=st.sampled_from(["USDT", "USDT", "BNB"]),
    )
    def fill(
        self, data: st.DataObject, trade: int, price: Decimal, fee: Decimal, fee_asset: str
    ) -> None:
        order = self.any_order(data)
        trade_id = f"{order.order_id[:8]}-{trade}"
        quantity = self.fill_quantity(data, order)
        state = self.run(self.world.order(order.order_id))
        report = a_fill(state, trade_id, quantity, price, fee=fee, fee_asset=fee_asset)
        try:
            self.run(self.somewhere(data).booking.book(report))
        except VenueDataError:
            assert order.cum + Fraction(quantity) > order.most
            return
        if trade_id not in order.executions and trade_id not in order.busted:
            assert order.cum + Fraction(quantity) <= order.most
            order.executed(trade_id, self.execution(order, quantity, price, fee, fee_asset))
        order.answer_pointless_requests()

    def fill_quantity(self, data: st.DataObject, order: Expected) -> Decimal:
        """All that is left, a part of it, or whatever."""
        left = order.most - order.cum
        how = data.draw(st.sampled_from(["all", "part", "part", "any"]))
        if how == "any" or left <= 0:
            return data.draw(lots)
        share = left if how == "all" else left / data.draw(st.integers(2, 4))
        return max(Decimal(int(share * 1000)) / 1000, Decimal("0.001"))

    @precondition(lambda self: any(o.executions for o in self.ledger.orders.values()))
    @rule(data=st.data())
    def bust(self, data: st.DataObject) -> None:
        order = self.some_order(data, lambda o: bool(o.executions))
        trade_id = data.draw(st.sampled_from(sorted(order.executions)))
        self.change_order(data, order, lambda o: o.bust_fill(trade_id, "test", self.now()))
        del order.executions[trade_id]
        order.busted.add(trade_id)

    @precondition(lambda self: any(o.executions for o in self.ledger.orders.values()))
    @rule(data=st.data(), price=cents, quantity=lots)
    def correct(self, data: st.DataObject, price: Decimal, quantity: Decimal) -> None:
        order = self.some_order(data, lambda o: bool(o.executions))
        trade_id = data.draw(st.sampled_from(sorted(order.executions)))
        state = self.run(self.world.order(order.order_id))
        corrected = a_fill(state, f"{trade_id}c", quantity, price)
        if corrected.trade_id in order.executions or corrected.trade_id in order.busted:
            return
        rest = order.cum - order.executions[trade_id].quantity
        fits = rest + Fraction(quantity) <= order.most
        try:
            self.change_order(
                data, order, lambda o: o.correct_fill(trade_id, corrected, self.now())
            )
        except VenueDataError:
            assert not fits
            return
        assert fits
        del order.executions[trade_id]
        order.busted.add(trade_id)
        execution = self.execution(order, quantity, price, Decimal(0), "USDT")
        order.executed(corrected.trade_id, execution)

    @precondition(lambda self: self.ledger.orders)
    @rule(
        data=st.data(),
        how=st.sampled_from(["cancel", "expire"]),
        missing=st.sampled_from([None, Decimal(-1), Decimal(0), Decimal(0), Decimal(1)]),
    )
    def end(self, data: st.DataObject, how: str, missing: Decimal | None) -> None:
        """The report says how much was executed in all: less than is known, as much, more."""
        order = self.any_order(data)
        head = (venue_client_id_of(order.order_id), "v1", order.account_id)
        booking = self.somewhere(data).booking
        known = self.run(self.world.order(order.order_id)).cum_quantity
        executed = None if missing is None else max(known + missing, Decimal(0))
        report: CancelReport | ExpireReport = (
            CancelReport(*head, "user", NOON, executed)
            if how == "cancel"
            else ExpireReport(*head, NOON, executed)
        )
        self.run(booking.book(report))
        if executed is None or executed > known:
            order.unknown = order.unknown or order.live
            assert not self.run(booking.has_ended(report))
            return
        order.finish("cancelled" if how == "cancel" else "expired")
        assert self.run(booking.has_ended(report))

    @precondition(lambda self: self.ledger.orders)
    @rule(data=st.data(), price=cents)
    def trigger(self, data: st.DataObject, price: Decimal) -> None:
        order = self.any_order(data)
        head = (venue_client_id_of(order.order_id), "v1", order.account_id)
        booking = self.somewhere(data).booking
        before = self.run(self.world.order(order.order_id))
        if data.draw(st.booleans()):
            self.run(booking.book(StopMovedReport(*head, price, NOON)))
        else:
            self.run(booking.book(TriggerReport(*head, price, NOON)))
            order.unknown = order.unknown and before.triggered

    @precondition(lambda self: self.ledger.orders)
    @rule(data=st.data(), status=st.sampled_from(VenueStatus))
    def venue_record(self, data: st.DataObject, status: VenueStatus) -> None:
        """What recovery books after a restart."""
        order = self.any_order(data)
        client_order_id = venue_client_id_of(order.order_id)
        before = self.run(self.world.order(order.order_id))
        terms = before.terms
        state = OrderState(
            client_order_id, "v1", order.account_id, status, Decimal(0), "venue", NOON, terms
        )
        self.run(self.somewhere(data).booking.book_state(state, NOON, before.pending_amend))
        order.accepted, order.unknown = True, False
        if before.pending_amendment and amended_terms(terms, before.pending_amendment) == terms:
            order.replaced()
            order.answer_pointless_requests()
        if status is VenueStatus.FILLED and not order.cum and order.live:
            order.finish("cancelled")
        if status in (VenueStatus.CANCELLED, VenueStatus.EXPIRED):
            order.finish(status)

    # Policies

    @precondition(lambda self: self.ledger.orders)
    @rule(data=st.data(), back=st.integers(0, 3), forward=st.integers(0, 5))
    def policies_run(self, data: st.DataObject, back: int, forward: int) -> None:
        """One stream's events, some of them again: what a crash inside a page leaves behind."""
        stream = Order.stream_of(self.any_order(data).order_id)
        events = self.world.recorded(stream)
        at = self.cursors.get(stream, 0)
        upto = min(at + forward, len(events))
        for recorded in events[max(at - back, 0) : upto]:
            self.run(carry_out(self.somewhere(data), recorded))
        self.cursors[stream] = upto

    @rule()
    def policies_catch_up(self) -> None:
        for stream, events in list(self.world.store.streams.items()):
            if stream.startswith("order-"):
                for recorded in events[self.cursors.get(stream, 0) :]:
                    self.run(carry_out(self.world.processes[-1], recorded))
                self.cursors[stream] = len(events)

    @property
    def caught_up(self) -> bool:
        streams = self.world.store.streams.items()
        return all(
            self.cursors.get(name, 0) == len(events)
            for name, events in streams
            if name.startswith("order-")
        )

    # What must be true after every step

    @invariant()
    def orders_are_as_the_venue_said(self) -> None:
        for expected in self.ledger.orders.values():
            order = self.run(self.world.order(expected.order_id))
            assert Fraction(order.cum_quantity) == expected.cum
            assert order.cum_quantity <= order.terms.quantity
            assert Fraction(order.terms.quantity) == expected.quantity
            assert order.is_live == expected.live
            assert order.status == expected.status
            if order.is_live:
                assert order.terms.quantity == order.cum_quantity + order.leaves_quantity
            else:
                assert order.leaves_quantity == 0
            assert set(order.fills) == set(expected.executions)

    @invariant()
    def money_is_conserved(self) -> None:
        if not self.caught_up:
            return
        for account_id in self.ledger.books:
            account = self.run(self.world.account_state(account_id))
            costs = sum((Fraction(p.cost) for p in account.positions.values()), Fraction(0))
            assert Fraction(account.balance("USDT")) - costs == self.ledger.cash(account_id, "USDT")
            assert Fraction(account.balance("BNB")) == self.ledger.cash(account_id, "BNB")
            for symbol in SYMBOLS:
                held = self.ledger.position(account_id, symbol)
                assert Fraction(account.position_quantity(symbol)) == held
                if held == 0 and symbol in account.positions:
                    assert account.positions[symbol].cost == 0

    @invariant()
    def what_is_reserved_is_what_live_orders_need(self) -> None:
        if not self.caught_up:
            return
        for account_id in self.ledger.books:
            account = self.run(self.world.account_state(account_id))
            assert Fraction(account.reserved("USDT")) == self.ledger.reserved(account_id)

    def every_fill_is_booked_once(self) -> None:
        settled = [
            (event.order_id, event.trade_id, type(event).__name__)
            for event in map(decode, self.world.store.events)
            if isinstance(event, FillSettled | FillReversed)
        ]
        assert len(settled) == len(set(settled))
        for order in self.ledger.orders.values():
            for trade_id in order.executions.keys() | order.busted:
                assert (order.order_id, trade_id, "FillSettled") in settled
            for trade_id in order.busted:
                assert (order.order_id, trade_id, "FillReversed") in settled

    @invariant()
    def nothing_is_sent_twice(self) -> None:
        sent = [client_id for what, client_id in self.world.venue.sent if what == "submit"]
        assert len(sent) == len(set(sent))

    @invariant()
    def caches_hold_what_the_log_says(self) -> None:
        for process in self.world.processes:
            for account_id in self.ledger.books:
                cached, folded = self.compare(process, Account, account_id)
                assert cached.reserved("USDT") == folded.reserved("USDT")
                assert cached.available("USDT") == folded.available("USDT")
            for order_id in self.ledger.orders:
                self.compare(process, Order, order_id)

    def compare(
        self, process: Process, kind: type[AnyAggregate], aggregate_id: str
    ) -> tuple[AnyAggregate, AnyAggregate]:
        cached = self.run(process.repository.load(kind, aggregate_id))
        process.repository.give_back(cached)
        folded = kind.empty(aggregate_id)
        for recorded in self.world.recorded(folded.stream)[: cached.version]:
            decode(recorded).mutate(folded)
        assert cached == folded
        return cached, folded

    @invariant()
    def events_are_stored_in_plain_form(self) -> None:
        for recorded in self.world.store.events[self.checked :]:
            event = decode(recorded)
            assert encode(event) == recorded.data
            for text in texts_in(msgspec.json.decode(recorded.data)):
                assert not EXPONENT.fullmatch(text)
                assert not TIME.fullmatch(text) or STORED_TIME.fullmatch(text)
        self.checked = len(self.world.store.events)

    # Details

    def somewhere(self, data: st.DataObject) -> Process:
        return data.draw(st.sampled_from(self.world.processes))

    def now(self) -> datetime:
        return self.world.clock.now()

    def any_order(self, data: st.DataObject) -> Expected:
        """Mostly one that works, where there is one."""
        mostly = self.any_live() and data.draw(st.integers(0, 4))
        return self.some_order(data, lambda order: order.live or not mostly)

    def some_order(self, data: st.DataObject, wanted: Callable[[Expected], bool]) -> Expected:
        """One of the latest: much happens to few orders, rather than little to many."""
        latest = [order for order in reversed(self.ledger.orders.values()) if wanted(order)][:4]
        return data.draw(st.sampled_from(latest))

    def any_live(self) -> bool:
        return any(order.live for order in self.ledger.orders.values())

    def handle(self, data: st.DataObject, recorded: RecordedEvent, answer: Outcome) -> bool:
        """Let the execution worker see an event; True if what the venue said cannot be."""
        self.world.venue.outcomes.clear()
        self.world.venue.outcomes.append(answer)
        before = self.problems()
        self.run(handle(self.somewhere(data), recorded))
        return self.problems() > before

    def problems(self) -> int:
        return sum(event.type == "VenueDataProblem" for event in self.world.store.events)

    def change_order(
        self, data: st.DataObject, order: Expected, decide: Callable[[Order], None]
    ) -> None:
        key = str(len(self.world.store.events))
        repository = self.somewhere(data).repository
        self.run(change(repository, Order, order.order_id, decide, context_for("venue", key)))

    def sends(self, what: str, order: Expected) -> int:
        return self.world.venue.sent.count((what, venue_client_id_of(order.order_id)))

    def first(self, order: Expected, kind: type) -> RecordedEvent:
        return self.records(order, kind)[0]

    def last(self, order: Expected, kind: type) -> RecordedEvent:
        return self.records(order, kind)[-1]

    def records(self, order: Expected, kind: type) -> list[RecordedEvent]:
        stream = self.world.recorded(Order.stream_of(order.order_id))
        return [recorded for recorded in stream if recorded.type == kind.__name__]

    @staticmethod
    def execution(
        order: Expected, quantity: Decimal, price: Decimal, fee: Decimal, fee_asset: str
    ) -> Execution:
        return Execution(
            order.sign, order.symbol, Fraction(quantity), Fraction(price), Fraction(fee), fee_asset
        )


def texts_in(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for item in value for text in texts_in(item)]
    return []


TestCore = Core.TestCase
TestCore.settings = settings(
    max_examples=100,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
