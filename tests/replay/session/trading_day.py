"""A trading day: everything that can happen to orders, money and limits, again and again."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import msgspec

from domain.account.account import Account
from domain.errors import Refused
from domain.fees import FeeSchedule
from domain.instrument import Instrument
from domain.market_data import Quote
from domain.order.order import Order
from domain.order.terms import OrderTerms, OrderType, Side, TimeInForce
from domain.order.trailing import TrailingStep
from domain.risk.limits import Limits
from domain.use_cases.account_desk import AcknowledgeExternal, Transfer
from domain.use_cases.requests import AmendOrder, CancelOrder, PlaceOrder
from domain.use_cases.risk_desk import ChangeTrading, SetLimits
from domain.venue import Amendment, VenueOrder
from tests.end_to_end.floor import SETTLE_SECONDS, Floor
from tests.end_to_end.recorded_time import RecordedTime
from tests.replay.session.market import Market

FEES = FeeSchedule(Decimal("0.0002"), Decimal("0.0004"))
FRAMES_AN_ACT = 5
FIRST_FRAMES = 200
"""By then every symbol has a quote."""

FOUND_ELSEWHERE = 2
"""An order and a position that are not the core's."""

SMALL = 12
"""Money for an order that every venue takes."""

Act = Callable[[], Awaitable[None]]


class TradingDay:
    """``refusals`` counts what was refused, by code.

    Alice trades; Carol has little money and tight limits, Bob repeats himself; for Dora, somebody
    trades at the venue behind the core's back.
    """

    def __init__(self, floor: Floor, market: Market, clock: RecordedTime, seed: int) -> None:
        self.refusals: Counter[str] = Counter()
        self._floor = floor
        self._market = market
        self._clock = clock
        self._random = Random(seed)
        self._played = 0
        self._count = 0
        self._is_acknowledged = False
        self._symbol = market.symbols[0]
        self._resting: list[str] = []
        self._placed: list[str] = []

    @property
    def acts(self) -> Sequence[Act]:
        """In the order in which a round has them."""
        return (
            self._take,
            self._rest,
            self._amend,
            self._stop,
            self._trail,
            self._pair,
            self._expire,
            self._reduce,
            self._immediate,
            self._post,
            self._cancel,
            self._overreach,
            self._repeat,
            self._bust,
            self._transfer,
            self._change_limits,
            self._halt,
            self._reducing_only,
            self._acknowledge,
        )

    async def open(self) -> None:
        """Accounts with money in them, limits, and a market that has been seen."""
        await self._floor.set_system_limits(Limits(price_collar=Decimal("0.05")))
        self._alice = await self._floor.open_account("alice", "1000000", FEES)
        self._bob = await self._floor.open_account("bob", "50000", FEES)
        self._carol = await self._floor.open_account("carol", "400", FEES)
        self._dora = await self._floor.open_account("dora", "100000", FEES)
        await self._limit(f"account:{self._carol}", self._tight(3))
        slow = Limits(max_messages_per_second=3, duplicate_window_ms=60_000)
        await self._limit(f"account:{self._bob}", slow)
        self._play(FIRST_FRAMES)
        await self._floor.until_handled()
        await self._trade_elsewhere()

    async def do(self, act: Act) -> None:
        """One act, what follows from it, and the market after it."""
        self._symbol = self._random.choice(self._market.symbols)
        await act()
        await self._floor.until_handled()
        self._play(FRAMES_AN_ACT)

    def _play(self, count: int) -> None:
        for frame in self._market.frames[self._played : self._played + count]:
            self._clock.set(frame.received_at)
            self._floor.market(frame.payload, frame.received_at)
        self._played += count

    # Orders

    async def _take(self) -> None:
        await self._order(self._alice, Side.BUY, OrderType.MARKET, value=60)
        await self._order(self._alice, Side.SELL, OrderType.MARKET)

    async def _rest(self) -> None:
        await self._order(self._alice, Side.BUY, OrderType.LIMIT, limit_price=self._below(40))
        await self._order(self._alice, Side.SELL, OrderType.LIMIT, limit_price=self._ask(1))
        await self._order(self._alice, Side.BUY, OrderType.LIMIT, limit_price=self._ask(1))

    async def _stop(self) -> None:
        stop, take = OrderType.STOP_LOSS, OrderType.TAKE_PROFIT
        await self._order(self._alice, Side.SELL, stop, stop_price=self._bid(0))
        await self._order(
            *(self._alice, Side.BUY, stop), stop_price=self._ask(0), limit_price=self._ask(3)
        )
        await self._order(self._alice, Side.SELL, take, stop_price=self._ask(0))

    async def _trail(self) -> None:
        trailing, tick = OrderType.TRAILING_STOP, self._instrument.tick_size
        await self._order(self._alice, Side.SELL, trailing, trailing_offset=tick)
        steps = (TrailingStep(Decimal("0.99"), Decimal("0.98")),)
        await self._order(
            *(self._alice, Side.SELL, trailing), trailing_steps=steps, entry_price=self._bid(0)
        )

    async def _pair(self) -> None:
        await self._order(
            *(self._alice, Side.SELL, OrderType.OCO),
            limit_price=self._ask(1),
            stop_price=self._below(30),
        )

    async def _expire(self) -> None:
        await self._order(
            *(self._alice, Side.BUY, OrderType.LIMIT),
            limit_price=self._below(30),
            time_in_force=TimeInForce.GTD,
            expire_at=self._clock.now() + timedelta(milliseconds=50),
        )

    async def _reduce(self) -> None:
        await self._order(self._alice, Side.SELL, OrderType.MARKET, reduce_only=True)

    async def _immediate(self) -> None:
        for kind, price in ((TimeInForce.IOC, self._ask(0)), (TimeInForce.FOK, self._below(20))):
            await self._order(
                *(self._alice, Side.BUY, OrderType.LIMIT), limit_price=price, time_in_force=kind
            )

    async def _post(self) -> None:
        for price in (self._bid(-1), self._ask(0)):
            await self._order(
                *(self._alice, Side.BUY, OrderType.LIMIT), limit_price=price, post_only=True
            )

    async def _amend(self) -> None:
        """One that rests, and one that has long been decided."""
        for order_id in (*await self._live(), *self._placed[:1]):
            more = self._quantity(3 * SMALL)
            request = AmendOrder(order_id, self._name(), Amendment(more, self._below(25)))
            await self._try(lambda c, request=request: self._floor.core.orders.amend(request, c))

    async def _cancel(self) -> None:
        for order_id in (*await self._live(), *self._placed[:1]):
            request = CancelOrder(order_id, self._name(), "no longer wanted")
            await self._try(lambda c, request=request: self._floor.core.orders.cancel(request, c))

    async def _overreach(self) -> None:
        """What one control after another refuses Carol."""
        buy, limit = (self._carol, Side.BUY), OrderType.LIMIT
        await self._order(*buy, limit, limit_price=self._percent(120))
        await self._order(*buy, limit, limit_price=self._below(9), value=2_000)
        await self._order(*buy, limit, limit_price=self._below(9), value=700)
        for ticks in range(4):
            await self._order(*buy, limit, limit_price=self._below(50 + ticks))
        self._symbol = self._market.symbols[-1]
        await self._limit(f"account:{self._carol}", self._tight(3, ("NOUSDT",)))
        await self._order(*buy, OrderType.MARKET)
        await self._limit(f"account:{self._carol}", self._tight(self._random.randint(2, 5)))

    async def _repeat(self) -> None:
        """The same order twice, and too many others in a moment."""
        terms = self._terms(Side.BUY, OrderType.LIMIT, limit_price=self._below(20))
        for price in (self._below(20), *(self._below(20 + ticks) for ticks in range(4))):
            await self._place(self._bob, msgspec.structs.replace(terms, limit_price=price))

    # What is not orders

    async def _bust(self) -> None:
        """The venue takes executions back: the newest, and one of long ago."""
        filled = [order for each in self._placed if (order := await self._look(each)).fills]
        for order in {order.id: order for order in (*filled[:1], *filled[-1:])}.values():
            trade_id = next(iter(order.fills))
            symbol = order.terms.symbol
            await self._floor.venue.bust(order.account_id, symbol, trade_id, "erroneous")

    async def _transfer(self) -> None:
        amount = Decimal(self._random.randint(1, 10**9)) / 10**8
        accounts = self._floor.core.accounts
        into = Transfer(self._alice, self._name(), "USDT", amount)
        await self._try(lambda c: accounts.deposit(into, c))
        for each in (amount / 2, Decimal(10**9)):
            out = Transfer(self._alice, self._name(), "USDT", each)
            await self._try(lambda c, out=out: accounts.withdraw(out, c))

    async def _change_limits(self) -> None:
        limits = Limits(
            price_collar=Decimal(self._random.randint(2, 9)) / 100,
            max_daily_loss=Decimal(self._random.randint(1_000, 9_000)),
            max_open_orders=self._random.randint(500, 900),
        )
        await self._limit("system", limits)
        await self._limit("client:alice", Limits(max_exposure=Decimal("900000.5")))

    async def _halt(self) -> None:
        """Orders that are on their way meet the halt; later ones are refused."""
        core, change_id = self._floor.core, self._name()
        await self._order(self._alice, Side.BUY, OrderType.LIMIT, limit_price=self._below(35))
        halt = ChangeTrading("system", change_id, "drill")
        await self._try(lambda c: core.risk.halt(halt, c))
        await self._order(self._alice, Side.BUY, OrderType.MARKET)
        await core.risk_book.until_halt_confirmed("system", change_id)
        resume = ChangeTrading("system", self._name(), "drill is over")
        await self._try(lambda c: core.risk.resume(resume, c))

    async def _reducing_only(self) -> None:
        scope, risk = f"account:{self._alice}", self._floor.core.risk
        reduce = ChangeTrading(scope, self._name(), "too large")
        await self._try(lambda c: risk.reduce(reduce, c))
        await self._order(self._alice, Side.BUY, OrderType.MARKET)
        resume = ChangeTrading(scope, self._name(), "small enough")
        await self._try(lambda c: risk.resume(resume, c))

    async def _trade_elsewhere(self) -> None:
        """Money, a trade and a resting order that the core has not asked for."""
        venue, account = self._floor.venue, self._dora
        await venue.transfer(account, "by hand", "USDT", Decimal("12.34567891"))
        for name, price in (("by-hand-1", self._ask(1)), ("by-hand-2", self._below(20))):
            terms = self._terms(Side.BUY, OrderType.LIMIT, limit_price=price)
            await venue.submit(VenueOrder(name, account, terms))

    async def _acknowledge(self) -> None:
        """Once the core has found all that was done elsewhere, the account only reduces."""
        if self._is_acknowledged:
            return
        async with asyncio.timeout(SETTLE_SECONDS):
            while await self._unacknowledged() < FOUND_ELSEWHERE:  # noqa: ASYNC110  # a log
                await asyncio.sleep(0.02)
        await self._order(self._dora, Side.BUY, OrderType.MARKET)
        request = AcknowledgeExternal(self._dora, self._name(), "known to the desk")
        await self._try(lambda c: self._floor.core.accounts.acknowledge(request, c))
        self._is_acknowledged = True

    async def _unacknowledged(self) -> int:
        return (await self._floor.core.repository.look(Account, self._dora)).unacknowledged

    # Details

    async def _order(
        self, account: str, side: Side, kind: OrderType, *, value: int = SMALL, **terms: Any
    ) -> None:
        await self._place(account, self._terms(side, kind, value, **terms))

    def _terms(self, side: Side, kind: OrderType, value: int = SMALL, **terms: Any) -> OrderTerms:
        return OrderTerms(self._symbol, side, kind, self._quantity(value), **terms)

    async def _place(self, account: str, terms: OrderTerms) -> None:
        request = PlaceOrder(account, terms, strategy_id=self._random.choice((None, "grid")))
        context = self._floor.context(self._name())
        try:
            placed = await self._floor.core.orders.place(request, context)
        except Refused as refused:
            self.refusals[refused.code] += 1
            return
        if placed.code is not None:
            self.refusals[placed.code] += 1
            return
        self._placed.append(placed.order_id)
        if terms.type is OrderType.LIMIT:
            self._resting.append(placed.order_id)

    async def _try(self, command: Callable[..., Awaitable[object]]) -> None:
        try:
            await command(self._floor.context(self._name()))
        except Refused as refused:
            self.refusals[refused.code] += 1

    async def _limit(self, scope: str, limits: Limits) -> None:
        request = SetLimits(scope, self._name(), limits, "as agreed")
        await self._try(lambda c: self._floor.core.risk.set_limits(request, c))

    def _tight(self, orders: int, symbols: tuple[str, ...] | None = None) -> Limits:
        return Limits(
            allowed_symbols=symbols,
            max_open_orders=orders,
            max_order_value=Decimal(1_000),
            max_position=Decimal(100_000),
        )

    async def _live(self) -> Sequence[str]:
        """The newest order that rests, if one does."""
        self._resting = [each for each in self._resting if (await self._look(each)).is_live]
        return self._resting[-1:]

    async def _look(self, order_id: str) -> Order:
        return await self._floor.core.repository.look(Order, order_id)

    def _name(self) -> str:
        self._count += 1
        return f"{self._count}"

    @property
    def _instrument(self) -> Instrument:
        instrument = self._market.instruments.get(self._symbol)
        assert instrument is not None
        return instrument

    @property
    def _quote(self) -> Quote:
        quote = self._floor.core.quote(self._symbol)
        assert quote is not None
        return quote

    def _bid(self, ticks: int) -> Decimal:
        return self._quote.bid + ticks * self._instrument.tick_size

    def _ask(self, ticks: int) -> Decimal:
        return self._quote.ask + ticks * self._instrument.tick_size

    def _below(self, ticks: int) -> Decimal:
        """Three per cent below the market and some ticks more: it does not come there."""
        return self._percent(97) - ticks * self._instrument.tick_size

    def _percent(self, percent: int) -> Decimal:
        """Of the ask, in whole ticks."""
        tick = self._instrument.tick_size
        return self._quote.ask * percent / 100 // tick * tick

    def _quantity(self, value: int) -> Decimal:
        """For about so much money, and at least a lot."""
        lot = self._instrument.lot_size
        lots = value / self._quote.bid // lot + self._random.randint(1, 2)
        return lots * lot
