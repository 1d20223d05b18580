"""Random histories through the real desks: on unchanged code no decision differs."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.account.account import Account
from domain.errors import Refused
from domain.event import decode
from domain.order.events import OrderAmendRequested, OrderPlaced, OrderRefused
from domain.order.order import Order
from domain.order.terms import OrderTerms, OrderType, Side
from domain.risk.limits import Limits
from domain.risk.verdict import Verdict
from domain.use_cases.change import change
from domain.use_cases.requests import AmendOrder, PlaceOrder
from domain.use_cases.risk_desk import ChangeTrading
from domain.venue import Amendment
from replay.decisions.account_histories import AccountHistories
from tests.domain.world import (
    FixedInstruments,
    Process,
    World,
    a_fill,
    a_quote,
    an_instrument,
    context_for,
)
from tests.replay.decisions.replaying import replay

SYMBOLS = ("BTCUSDT", "ETHUSDT", "DEADUSDT")
PRICES: dict[OrderType, tuple[str, ...]] = {
    OrderType.MARKET: (),
    OrderType.LIMIT: ("limit_price",),
    OrderType.STOP_LOSS: ("stop_price",),
    OrderType.TAKE_PROFIT: ("stop_price",),
    OrderType.TRAILING_STOP: ("trailing_offset",),
    OrderType.OCO: ("limit_price", "stop_price"),
}
SHORT_OF_EVERYTHING = partial(AccountHistories, keep=1, max_accounts=1, max_waiting=2)

cents = st.integers(8_000, 12_500).map(lambda n: Decimal(n) / 100)
lots = st.integers(1, 6_000).map(lambda n: Decimal(n) / 1_000)
several = st.integers(0, 4)


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


limits = st.builds(
    Limits,
    allowed_symbols=maybe(st.just(("BTCUSDT",))),
    price_collar=maybe(st.sampled_from([Decimal("0.01"), Decimal("0.05")])),
    quote_max_age_ms=maybe(st.sampled_from([100, 1_000])),
    max_order_quantity=maybe(lots),
    max_order_value=maybe(cents),
    max_position=maybe(lots),
    max_exposure=maybe(st.sampled_from([Decimal(100), Decimal(500)])),
    max_open_orders=maybe(several),
    max_messages_per_second=maybe(several),
    duplicate_window_ms=maybe(st.sampled_from([0, 1_000, 60_000])),
    max_daily_loss=maybe(st.sampled_from([Decimal(0), Decimal(10)])),
)


@st.composite
def terms(draw: st.DrawFn) -> OrderTerms:
    kind = draw(st.sampled_from(OrderType))
    asked = OrderTerms(
        symbol=draw(st.sampled_from(SYMBOLS)),
        side=draw(st.sampled_from(Side)),
        type=kind,
        quantity=draw(lots),
        reduce_only=draw(st.booleans()),
    )
    return msgspec.structs.replace(asked, **{name: draw(cents) for name in PRICES[kind]})


class History:
    """A world of two processes, two accounts, and what a test lets happen in it."""

    def __init__(self, data: st.DataObject, collar: Decimal | None) -> None:
        self.data = data
        self.collar = collar
        self.world = World(processes=2)
        self.world.instruments = FixedInstruments(*map(an_instrument, SYMBOLS[:2]), _dead())
        self.world.quotes["DEADUSDT"] = a_quote(symbol="DEADUSDT")
        for number in range(2):
            self.world.processes[number] = Process(self.world, number + 1)
        self.world.clock.step = data.draw(st.sampled_from([timedelta(), timedelta(milliseconds=3)]))
        self.accounts: list[str] = []
        self.steps = 0

    async def begin(self) -> None:
        for name in ("alice", "bob"):
            self.accounts.append(await self.world.account(name, "900"))
        self.heard()
        if self.collar is not None or self.data.draw(st.integers(0, 9)) < 9:
            await self.world.set_limits(self.any_limits())

    async def step(self) -> None:
        self.steps += 1
        happen = self.data.draw(
            st.sampled_from(
                [
                    *(
                        self.place,
                        self.place,
                        self.place_several,
                        self.amend,
                        self.amend,
                        self.fill,
                    ),
                    *(self.set_limits, self.change_trading, self.move_market, self.change_account),
                ]
            )
        )
        await happen()

    async def place(self) -> None:
        await self._place(self.any_account(), self.data.draw(terms()), self.somewhere(), "")

    async def place_several(self) -> None:
        """At once: their accounts' and their orders' events come in any order."""
        account = self.any_account()
        orders = self.data.draw(st.lists(terms(), min_size=2, max_size=6))
        await asyncio.gather(
            *(
                self._place(account, each, self.world.processes[number % 2], str(number))
                for number, each in enumerate(orders)
            )
        )

    async def _place(self, account: str, terms: OrderTerms, process: Process, name: str) -> None:
        request = PlaceOrder(account, terms, strategy_id=self.data.draw(maybe(st.just("s"))))
        try:
            await process.orders.place(request, context_for("place", str(self.steps), name))
        except Refused:
            return

    async def amend(self) -> None:
        order = await self.any_order()
        if order is None:
            return
        amendment = Amendment(quantity=self.data.draw(lots))
        request = AmendOrder(order.id, str(self.steps), amendment)
        try:
            await self.somewhere().orders.amend(request, context_for("amend", str(self.steps)))
        except Refused:
            return
        if self.data.draw(st.booleans()):
            await self.tell(order, lambda newest: newest.amend(self.world.clock.now()))

    async def fill(self) -> None:
        order = await self.any_order()
        if order is None:
            return
        price = self.data.draw(cents)
        part = min(order.leaves_quantity, self.data.draw(lots))
        report = a_fill(order, str(self.steps), part, price, fee=Decimal("0.01"))
        report = msgspec.structs.replace(report, symbol=order.terms.symbol)
        await self.tell(order, lambda newest: newest.fill(report, self.world.clock.now()))
        await self.world.settle()

    async def set_limits(self) -> None:
        scope = self.data.draw(st.sampled_from(self.scopes()))
        await self.world.set_limits(self.any_limits(), scope, f"step {self.steps}")

    async def change_trading(self) -> None:
        scope = self.data.draw(st.sampled_from(self.scopes()))
        desk = self.world.here.risk
        call = self.data.draw(st.sampled_from([desk.halt, desk.reduce, desk.resume, desk.resume]))
        request = ChangeTrading(scope, str(self.steps), "test")
        try:
            await call(request, context_for("trading", str(self.steps)))
        except Refused:
            return
        self.heard()

    async def move_market(self) -> None:
        clock, quotes = self.world.clock, self.world.quotes
        clock.at += timedelta(milliseconds=self.data.draw(st.sampled_from([1, 900, 7_000])))
        symbol = self.data.draw(st.sampled_from(SYMBOLS))
        bid, spread = self.data.draw(cents), self.data.draw(st.integers(-1, 20))
        ago = timedelta(milliseconds=self.data.draw(st.sampled_from([0, 500, -9_000])))
        quotes[symbol] = a_quote(bid, bid + Decimal(spread) / 100, symbol=symbol, at=clock.at - ago)
        if self.data.draw(st.integers(0, 5)) == 0:
            del quotes[symbol]
        for process in self.world.processes:
            process.risk_book.is_current = self.data.draw(st.integers(0, 9)) > 0

    async def change_account(self) -> None:
        account, now = self.any_account(), self.world.clock.now()
        kind = self.data.draw(st.integers(0, 3))

        def decide(state: Account) -> None:
            if kind == 0:
                state.fail_reconciliation("test", now)
            elif kind == 1:
                state.reconcile(now)
            elif kind == 2 or not state.unacknowledged:
                state.adjust_balance("USDT", state.balance("USDT") + 5, now)
            else:
                state.acknowledge_external("seen", now)

        context = context_for("account", str(self.steps))
        await change(self.somewhere().repository, Account, account, decide, context)

    # Details

    def scopes(self) -> list[str]:
        return ["system", "client:alice", f"account:{self.accounts[1]}", "strategy:s"]

    def any_limits(self) -> Limits:
        drawn = self.data.draw(limits)
        if self.collar is None:
            return drawn
        return msgspec.structs.replace(drawn, price_collar=self.collar)

    def heard(self) -> None:
        for process in self.world.processes:
            process.hear_of_limits(self.world.store)

    def any_account(self) -> str:
        return self.data.draw(st.sampled_from(self.accounts))

    def somewhere(self) -> Process:
        return self.data.draw(st.sampled_from(self.world.processes))

    async def any_order(self) -> Order | None:
        placed = [e.stream for e in self.world.store.events if e.type == "OrderPlaced"][-4:]
        if not placed:
            return None
        stream = self.data.draw(st.sampled_from(placed))
        order = await self.world.order(stream.removeprefix("order-"))
        return order if order.is_live else None

    async def tell(self, order: Order, fact: Any) -> None:
        context = context_for("venue", str(self.steps))
        try:
            await change(self.somewhere().repository, Order, order.id, fact, context)
        except Refused:
            return


def _dead() -> Any:
    return an_instrument("DEADUSDT", trading=False)


def decisions_of(world: World) -> Sequence[OrderPlaced | OrderRefused | OrderAmendRequested]:
    events = map(decode, world.store.events)
    kinds = OrderPlaced | OrderRefused | OrderAmendRequested
    return [event for event in events if isinstance(event, kinds) and event.verdicts]


quickly = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


async def a_history(data: st.DataObject, collar: Decimal | None = None) -> World:
    """With a collar, all limits have that one, and the system has some from the beginning."""
    history = History(data, collar)
    await history.begin()
    for _ in range(data.draw(st.integers(5, 25))):
        await history.step()
    return history.world


@quickly
@given(data=st.data())
def test_on_unchanged_code_nothing_differs(data: st.DataObject) -> None:
    async def run() -> None:
        world = await a_history(data)
        report = await replay(world.store, world.instruments)
        assert report.is_clean, report
        assert report.decisions == len(decisions_of(world))
        again = await replay(world.store, world.instruments, histories=SHORT_OF_EVERYTHING)
        assert again == report

    asyncio.run(run())


COLLAR = Decimal("0.05")
OTHER = Limits(
    price_collar=COLLAR,
    max_order_quantity=Decimal(2),
    max_order_value=Decimal(150),
    max_open_orders=2,
)
BY_STATE = ("trading_state",)
"""Controls that ask a scope for other things than its limits."""


@quickly
@given(data=st.data())
def test_other_limits_turn_what_the_recorded_measures_say(data: st.DataObject) -> None:
    async def run() -> None:
        world = await a_history(data, collar=COLLAR)
        report = await replay(world.store, world.instruments, {"system": OTHER})
        assert {each.decision.position for each in report.differences} == turned(world)
        assert report.not_replayable == 0

    asyncio.run(run())


def turned(world: World) -> set[int]:
    """Positions of the decisions that OTHER would turn, had it been in force in the system."""
    found = set()
    for recorded in world.store.events:
        event = decode(recorded)
        verdicts = getattr(event, "verdicts", ())
        kept = [v for v in verdicts if v.scope != "system" or v.control in BY_STATE]
        passed = all(v.passed for v in kept) and not exceeded(verdicts)
        if verdicts and passed is not all(v.passed for v in verdicts):
            found.add(recorded.position)
    return found


def exceeded(verdicts: Sequence[Verdict]) -> bool:
    measured = {v.control: v.measured for v in verdicts}
    allowed = {
        "price_collar": OTHER.price_collar,
        "order_quantity": OTHER.max_order_quantity,
        "order_value": OTHER.max_order_value,
        "open_orders": OTHER.max_open_orders,
    }
    return any(
        Decimal(measured[control] or 0) > limit
        for control, limit in allowed.items()
        if control in measured and limit is not None
    )
