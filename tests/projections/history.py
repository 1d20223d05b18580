"""Lawful random histories: accounts, orders, limits and sessions through the real aggregates."""

import random
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from domain.account.account import Account, Execution
from domain.account.position import Position
from domain.aggregate import Aggregate
from domain.command import Actor, ActorType, Metadata
from domain.errors import Refused
from domain.event import Event, encode
from domain.fees import FeeSchedule, Liquidity
from domain.instrument import Instrument
from domain.log import EventLog, NewEvent
from domain.order.events import FillBusted, OrderAmendAbandoned, OrderFilled
from domain.order.fill import Fill
from domain.order.order import NewOrder, Order
from domain.order.terms import OrderTerms, OrderType, Side, TimeInForce
from domain.order.trailing import TrailingStep
from domain.risk.limits import Limits
from domain.risk.risk_limits import RiskLimits
from domain.risk.verdict import Verdict
from domain.session.session import Session
from domain.venue import Amendment, FillReport, OpenOrder

START = datetime(2026, 1, 1, tzinfo=UTC)
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SUSHIUSDT")
PASSED = (Verdict(control="funds", passed=True, scope="system", limit_version=1),)
FAILED = (
    Verdict(
        control="collar",
        passed=False,
        scope="system",
        limit_version=1,
        code="price_collar",
        message="0.2 from the quote",
    ),
)


def instrument(symbol: str) -> Instrument:
    return Instrument(
        symbol=symbol,
        base_asset=symbol.removesuffix("USDT"),
        quote_asset="USDT",
        settlement_asset="USDT",
        tick_size=Decimal("0.01"),
        min_price=Decimal("0.01"),
        max_price=Decimal(0),
        lot_size=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        max_quantity=Decimal(1000),
        market_max_quantity=Decimal(1000),
        min_notional=Decimal(5),
    )


class History:
    """``step`` makes something lawful happen and returns the new events in log order."""

    def __init__(self, seed: int, accounts: int = 3) -> None:
        self.random = random.Random(seed)
        self.now = START
        self.accounts: list[Account] = []
        self.orders: list[Order] = []
        self.risks: dict[str, RiskLimits] = {}
        self.session: Session = Session.empty("paper")
        self._new: list[Event] = []
        self._streams: list[str] = []
        self._count = 0
        for _ in range(accounts):
            self._open_account()

    def step(self) -> list[tuple[str, Event]]:
        self.now += timedelta(microseconds=self.random.randrange(1, 2_000_000))
        with suppress(Refused):  # what the core refuses leaves no event
            self.random.choice(_STEPS)(self)
        return self.taken()

    def taken(self) -> list[tuple[str, Event]]:
        """The events since the last call."""
        taken = list(zip(self._streams, self._new, strict=True))
        self._streams, self._new = [], []
        return taken

    def events(self, count: int) -> Iterator[tuple[str, Event]]:
        """About ``count`` events."""
        made = 0
        while made < count:
            step = self.step()
            made += len(step)
            yield from step

    # What can happen

    def place(self) -> None:
        account = self.random.choice(self.accounts)
        terms = self._terms()
        order: Order = Order.empty(self._id())
        new = self._new_order(account, terms)
        account.reserve(
            order.id,
            instrument(terms.symbol),
            terms.side,
            terms.quantity,
            new.worst_price,
            reduce_only=terms.reduce_only,
            fingerprint=f"{terms.symbol}{terms.quantity}",
            now=self.now,
        )
        order.place(new, PASSED, self.now)
        self._take(account, order)
        self.orders.append(order)
        if self.random.random() < 0.9:
            order.submit(1, self.now)
            self._take(order)

    def refuse(self) -> None:
        order: Order = Order.empty(self._id())
        order.refuse(
            self._new_order(self.random.choice(self.accounts), self._terms()), FAILED, self.now
        )
        self.orders.append(order)
        self._take(order)

    def withhold(self) -> None:
        unsent = [order for order in self.orders if order.is_live and not order.submitted]
        if unsent:
            order = self.random.choice(unsent)
            order.withhold("trading_halted", "trading in system was halted", self.now)
            self.release(order)

    def abandon(self) -> None:
        """A placement stopped between its reservation and its order."""
        account, terms = self.random.choice(self.accounts), self._terms()
        order: Order = Order.empty(self._id())
        account.reserve(
            order.id,
            instrument(terms.symbol),
            terms.side,
            terms.quantity,
            self._price(),
            reduce_only=terms.reduce_only,
            fingerprint="gone",
            now=self.now,
        )
        order.abandon(account.id, self.now)
        self._take(account, order)
        account.release(order.id, "abandoned", self.now)
        self._take(account)

    def accept(self) -> None:
        order = self._order()
        order.accept(f"v-{self._number()}", self.now, self.now)
        self._take(order)

    def reject(self) -> None:
        order = self._order()
        if not order.accepted:
            order.reject("insufficient_margin", "Margin ist nicht ausreichend 🚫", self.now)
            self.release(order)

    def lose_track(self) -> None:
        order = self._order()
        order.lose_track("no answer within 5 s", self.now)
        self._take(order)

    def trigger(self) -> None:
        order = self._order()
        order.trigger(self._price(), self.now, self.now)
        self._take(order)

    def move_stop(self) -> None:
        order = self._order()
        if order.terms.type is OrderType.TRAILING_STOP:
            order.move_stop(self._price(), self.now)
            self._take(order)

    def fill(self) -> None:
        order = self._order()
        left = order.terms.quantity - order.cum_quantity
        if left <= 0:
            return
        part = left if self.random.random() < 0.5 else max(_lots(left / 3), Decimal("0.001"))
        order.fill(self._fill_report(order, min(part, left)), self.now)
        self._settle(order)

    def bust(self) -> None:
        order = self._order()
        if order.fills:
            trade = self.random.choice(sorted(order.fills))
            if self.random.random() < 0.5:
                order.bust_fill(trade, "trade cancelled by the venue", self.now)
            else:
                corrected = self._fill_report(order, order.fills[trade].quantity)
                order.correct_fill(trade, corrected, self.now)
            self._settle(order)

    def request_cancel(self) -> None:
        order = self._order()
        order.request_cancel(f"c-{self._number()}", "user", self.now)
        self._take(order)

    def cancel(self) -> None:
        order = self._order()
        order.cancel("user", self.now)
        self.release(order)

    def reject_cancel(self) -> None:
        order = self._order()
        order.reject_cancel("too_late", "already filled", self.now)
        self._take(order)

    def request_amend(self) -> None:
        order = self._order()
        quantity = order.terms.quantity + self.random.choice((-1, 1, 2)) * Decimal("0.010")
        if quantity > 0:
            amendment = Amendment(quantity=quantity)
            order.request_amend(
                f"a-{self._number()}", amendment, order.worst_price, PASSED, self.now
            )
            self._take(order)

    def amend(self) -> None:
        order = self._order()
        account = self._account(order)
        order.amend(self.now)
        if order.pending and order.id in account.reservations:
            account.amend_reservation(
                order.id, order.version, order.leaves_quantity, order.worst_price, self.now
            )
        self._take(order, account)

    def reject_amend(self) -> None:
        order = self._order()
        order.reject_amend("unknown_order", "order does not exist", self.now)
        self._take(order)

    def abandon_amendment(self) -> None:
        """An amendment stopped between its reservation and its request."""
        order = self._order()
        account = self._account(order)
        if order.is_live and order.id in account.reservations:
            order.abandon_amendment(f"a-{self._number()}", self.now)
            abandoned = order.pending[-1]
            assert isinstance(abandoned, OrderAmendAbandoned)
            account.resize_reservation(
                order.id,
                order.version,
                abandoned.leaves_quantity,
                abandoned.worst_price,
                self.now,
            )
            self._take(order, account)

    def expire(self) -> None:
        order = self._order()
        if order.terms.time_in_force is TimeInForce.GTD:
            order.expire(self.now)
            self.release(order)

    def deposit(self) -> None:
        account = self.random.choice(self.accounts)
        asset = self.random.choice(("USDT", "BNB"))
        amount = Decimal(self.random.randrange(1, 10**14)).scaleb(-8)
        account.deposit(f"t-{self._number()}", asset, amount, self.now)
        self._take(account)

    def withdraw(self) -> None:
        account = self.random.choice(self.accounts)
        account.withdraw(
            f"t-{self._number()}",
            "USDT",
            Decimal(self.random.randrange(1, 10**12)).scaleb(-8),
            self.now,
        )
        self._take(account)

    def find_external_order(self) -> None:
        account = self.random.choice(self.accounts)
        number = self._number()
        found = OpenOrder(
            client_order_id=self.random.choice(("", f"web-{number}")),
            venue_order_id=f"e-{number}",
            account_id=account.id,
            terms=self._terms(),
            cum_quantity=Decimal(0),
        )
        account.find_external_order(found, self.now)
        self._take(account)

    def find_external_position(self) -> None:
        account = self.random.choice(self.accounts)
        quantity = Decimal(self.random.randrange(1, 4))
        account.find_external_position("DOGEUSDT", quantity, self.now)
        self._take(account)

    def adjust_position(self) -> None:
        account = self.random.choice(self.accounts)
        quantity = Decimal(self.random.randrange(-3, 4)).scaleb(-1)
        cost = quantity * self._price()
        symbol = self.random.choice(SYMBOLS)
        account.adjust_position(Position(symbol, "USDT", quantity, cost), self.now)
        self._take(account)

    def adjust_balance(self) -> None:
        account = self.random.choice(self.accounts)
        asset = self.random.choice(("USDT", "USDT", "ETH"))
        found = account.balance(asset) + Decimal(self.random.randrange(-100, 1_000)).scaleb(-2)
        account.adjust_balance(asset, found, self.now)
        self._take(account)

    def acknowledge(self) -> None:
        account = self.random.choice(self.accounts)
        account.acknowledge_external("my own trade", self.now, f"k-{self._number()}")
        self._take(account)

    def flag_both_filled(self) -> None:
        order = self._order()
        if order.linked_order_id is not None and order.cum_quantity:
            account = self._account(order)
            account.flag_oco_both_filled(
                order.id, order.linked_order_id, order.cum_quantity, self.now
            )
            self._take(account)

    def fail_reconciliation(self) -> None:
        account = self.random.choice(self.accounts)
        account.fail_reconciliation("the venue does not answer", self.now)
        self._take(account)

    def reconcile(self) -> None:
        account = self.random.choice(self.accounts)
        account.reconcile(self.now)
        self._take(account)

    def lead(self) -> None:
        self.session.start_epoch(self.session.epoch + self.random.randrange(3), self.now)
        self._take(self.session)

    def say_what_cannot_be(self) -> None:
        raw = self.random.choice(('{"qty": NaN}', "<html>502</html>", "a \x00 in it", "🚫"))
        self.session.note_problem("unreadable", "not a report: \x00", raw, self.now)
        self._take(self.session)

    def confirm_halt(self) -> None:
        for risk in self.risks.values():
            risk.confirm_halt(self.now)
            self._take(risk)

    def change_risk(self) -> None:
        scope = self.random.choice(("system", f"account:{self.accounts[0].id}", "strategy:grid"))
        risk = self.risks.setdefault(scope, RiskLimits.empty(scope))
        change, number = self.random.randrange(4), f"r-{self._number()}"
        if change == 0:
            limits = Limits(
                allowed_symbols=SYMBOLS[: self.random.randrange(1, 4)],
                price_collar=Decimal("0.05"),
                max_order_value=Decimal(self.random.randrange(1, 10**9)) / 1000,
            )
            risk.set_limits(number, limits, "review", self.now)
        elif change == 1:
            risk.halt(number, "drill", self.now)
        elif change == 2:
            risk.reduce(number, "volatile", self.now)
        else:
            risk.resume(number, "over", self.now)
        self._take(risk)

    # Details

    def _open_account(self) -> None:
        account: Account = Account.empty(self._id())
        fees = FeeSchedule(
            maker=Decimal("-0.0001"),
            taker=Decimal("0.0004"),
            asset=self.random.choice((None, "BNB")),
        )
        rate = self.random.choice((Decimal(1), Decimal("0.1"), Decimal("0.05")))
        account.open(f"client-{self._number()}", "paper", rate, fees, self.now)
        account.deposit(f"t-{self._number()}", "USDT", Decimal("100000.000"), self.now)
        self.accounts.append(account)
        self._take(account)

    def _new_order(self, account: Account, terms: OrderTerms) -> NewOrder:
        return NewOrder(
            account_id=account.id,
            client_id=account.client_id,
            client_order_id=f"o-{self._number()}",
            terms=terms,
            worst_price=terms.limit_price or Decimal("105.37"),
            settlement_asset="USDT",
            correlation_id="corr-1",
            strategy_id=self.random.choice((None, "grid")),
            linked_order_id=self.random.choice((None, self._id())),
        )

    def _terms(self) -> OrderTerms:
        kind = self.random.choice(("market", "limit", "limit", "limit", "stop", "trail", "steps"))
        common = {
            "symbol": self.random.choice(SYMBOLS),
            "side": self.random.choice(tuple(Side)),
            "quantity": Decimal(self.random.randrange(1, 50_000)).scaleb(-3),
            "reduce_only": self.random.random() < 0.1,
        }
        special: dict[str, object] = {
            "market": {"type": OrderType.MARKET},
            "limit": self._limit_terms(),
            "stop": {"type": OrderType.STOP_LOSS, "stop_price": self._price()},
            "trail": {"type": OrderType.TRAILING_STOP, "trailing_offset": Decimal("1.5")},
            "steps": {
                "type": OrderType.TRAILING_STOP,
                "trailing_steps": (TrailingStep(Decimal("1.5"), Decimal("1.5")),),
                "entry_price": self._price(),
            },
        }
        return msgspec.convert(common | special[kind], OrderTerms)  # type: ignore[operator]  # all are dicts

    def _limit_terms(self) -> dict[str, object]:
        gtd = self.random.random() < 0.3
        return {
            "type": OrderType.LIMIT,
            "limit_price": self._price(),
            "time_in_force": TimeInForce.GTD if gtd else TimeInForce.GTC,
            "expire_at": self.now + timedelta(days=1) if gtd else None,
            "post_only": self.random.random() < 0.2,
        }

    def _fill_report(self, order: Order, quantity: Decimal) -> FillReport:
        price = self._price()
        account = self._account(order)
        liquidity = self.random.choice(tuple(Liquidity))
        return FillReport(
            client_order_id=order.client_order_id,
            venue_order_id=order.venue_order_id or "",
            account_id=order.account_id,
            symbol=order.terms.symbol,
            trade_id=f"x-{self._number()}",
            quantity=quantity,
            price=price,
            liquidity=liquidity,
            fee=account.fees.fee(quantity * price, liquidity),
            fee_asset=account.fees.asset or "USDT",
            at=self.now,
        )

    def _settle(self, order: Order) -> None:
        account = self._account(order)
        booked = list(order.pending)
        self._take(order)
        for event in booked:
            if isinstance(event, OrderFilled):
                account.settle(_execution(order, event, _fill_of(event)), self.now)
            elif isinstance(event, FillBusted):
                account.reverse(_execution(order, event, event.fill), self.now)
        self._take(account)
        if not order.is_live:
            self.release(order)

    def release(self, order: Order) -> None:
        account = self._account(order)
        if not order.is_live:
            account.release(order.id, str(order.status), self.now)
        self._take(order, account)

    def _order(self) -> Order:
        """Mostly a recent one."""
        if not self.orders:
            self.place()
        if not self.orders:
            self.refuse()
        recent = self.orders[-20:] if self.random.random() < 0.9 else self.orders
        return self.random.choice(recent)

    def _account(self, order: Order) -> Account:
        return next(account for account in self.accounts if account.id == order.account_id)

    def _take(self, *aggregates: Aggregate) -> None:
        for aggregate in aggregates:
            for event in aggregate.collect_events():
                assert isinstance(event, Event)
                self._new.append(event)
                self._streams.append(aggregate.stream)

    def _price(self) -> Decimal:
        return Decimal(self.random.randrange(9_000, 11_000)).scaleb(-2)

    def _number(self) -> int:
        self._count += 1
        return self._count

    def _id(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))


_STEPS = (
    *(History.place, History.accept, History.fill, History.fill) * 4,
    History.refuse,
    History.reject,
    History.lose_track,
    History.trigger,
    History.move_stop,
    History.bust,
    *(History.request_cancel, History.cancel) * 2,
    History.reject_cancel,
    *(History.request_amend, History.amend) * 2,
    History.reject_amend,
    History.abandon_amendment,
    History.expire,
    History.deposit,
    History.withdraw,
    *(History.change_risk, History.confirm_halt) * 2,
    History.withhold,
    History.abandon,
    History.find_external_order,
    History.find_external_position,
    History.adjust_position,
    History.adjust_balance,
    *(History.acknowledge,) * 2,
    History.flag_both_filled,
    History.fail_reconciliation,
    History.reconcile,
    History.lead,
    History.say_what_cannot_be,
)


def _fill_of(event: OrderFilled) -> Fill:
    return Fill(
        number=event.execution_number,
        trade_id=event.trade_id,
        quantity=event.quantity,
        price=event.price,
        liquidity=event.liquidity,
        fee=event.fee,
        fee_asset=event.fee_asset,
        executed_at=event.executed_at,
    )


def _execution(order: Order, event: OrderFilled | FillBusted, fill: Fill) -> Execution:
    return Execution(
        order_id=order.id,
        order_version=event.originator_version,
        number=event.execution_number,
        trade_id=fill.trade_id,
        symbol=order.terms.symbol,
        settlement_asset=order.settlement_asset,
        side=order.terms.side,
        quantity=fill.quantity,
        price=fill.price,
        fee=fill.fee,
        fee_asset=fill.fee_asset,
        executed_at=fill.executed_at,
    )


def _lots(quantity: Decimal) -> Decimal:
    return quantity.quantize(Decimal("0.001"))


_METADATA = msgspec.json.encode(
    Metadata(
        correlation_id="corr-1",
        command_id=UUID(int=1),
        actor=Actor(type=ActorType.HUMAN, id="alice", channel="api"),
        schema_version=1,
        code_version="test",
    )
)


def new_event(event: Event, number: int) -> NewEvent:
    return NewEvent(UUID(int=number), type(event).__name__, encode(event), _METADATA)


async def append_all(log: EventLog, events: Sequence[tuple[str, Event]]) -> None:
    """Each event by itself, under an id that follows from where it stands."""
    for stream, event in events:
        number = uuid5(NAMESPACE_URL, f"{stream}@{event.originator_version}").int
        await log.append(
            stream,
            [new_event(event, number)],
            expected_version=event.originator_version - 1,
        )
