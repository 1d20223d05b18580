"""A small world for the domain's tests: a clock, instruments, quotes and desks on one log."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from domain.account.account import Account
from domain.aggregate import Aggregate
from domain.command import Actor, ActorType, CommandContext, Metadata, command_id_for
from domain.event import Event, decode
from domain.execution.booking import Booking
from domain.execution.inquiry import Inquiry
from domain.execution.submission import Submission
from domain.execution.trading_gate import TradingGate
from domain.execution.venue_problems import VenueProblems
from domain.fees import FeeSchedule, Liquidity
from domain.instrument import Instrument
from domain.log import RecordedEvent
from domain.market_data import Quote
from domain.order.order import Order, venue_client_id_of
from domain.order.terms import OrderTerms, OrderType, Side
from domain.policies.registry import commands_for
from domain.repository import AnyAggregate, Repository
from domain.risk.limits import Limits
from domain.risk.risk_book import RiskBook
from domain.use_cases.account_desk import AccountDesk, OpenAccount, Transfer
from domain.use_cases.decision import DecisionMaker
from domain.use_cases.order_desk import OrderDesk
from domain.use_cases.requests import PlaceOrder
from domain.use_cases.result import PlacedOrder
from domain.use_cases.risk_desk import RiskDesk, SetLimits
from domain.use_cases.settlement_desk import SettlementDesk
from domain.venue import FillReport
from tests.domain.scripted_venue import ScriptedVenue
from tests.doubles.memory_log import MemoryEventLog, MemoryStore

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
FEES = FeeSchedule(maker=Decimal("0.0002"), taker=Decimal("0.0004"))


class SteppingClock:
    """Stands at a time until it is moved; ``step`` passes at every look."""

    def __init__(self, at: datetime = NOON, step: timedelta = timedelta()) -> None:
        self.at = at
        self.step = step

    def now(self) -> datetime:
        self.at += self.step
        return self.at

    def monotonic(self) -> float:
        return (self.at - NOON).total_seconds()

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        await asyncio.sleep(0)


def an_instrument(symbol: str = "BTCUSDT", **changes: object) -> Instrument:
    """Ticks of 0.01, lots of 0.001, at least 5 in notional."""
    instrument = Instrument(
        symbol=symbol,
        base_asset=symbol.removesuffix("USDT"),
        quote_asset="USDT",
        settlement_asset="USDT",
        tick_size=Decimal("0.01"),
        min_price=Decimal("0.01"),
        max_price=Decimal(100_000),
        lot_size=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        max_quantity=Decimal(1_000),
        market_max_quantity=Decimal(100),
        min_notional=Decimal(5),
    )
    return msgspec.structs.replace(instrument, **changes)


class FixedInstruments:
    def __init__(self, *instruments: Instrument) -> None:
        self._by_symbol = {instrument.symbol: instrument for instrument in instruments}

    def get(self, symbol: str) -> Instrument | None:
        return self._by_symbol.get(symbol)

    def all(self) -> tuple[Instrument, ...]:
        return tuple(self._by_symbol.values())


def a_quote(
    bid: Decimal | str = "100.00",
    ask: Decimal | str = "100.10",
    *,
    symbol: str = "BTCUSDT",
    at: datetime = NOON,
) -> Quote:
    size = Decimal(10)
    return Quote(symbol, Decimal(bid), size, Decimal(ask), size, at)


def context_for(*key: str) -> CommandContext:
    """The same key, the same command."""
    return CommandContext(
        command_id=command_id_for("test", *key),
        correlation_id="/".join(key),
        actor=Actor(ActorType.HUMAN, "tester", "test"),
    )


def terms_of(
    order_type: OrderType = OrderType.LIMIT,
    side: Side = Side.BUY,
    quantity: str = "1",
    **fields: object,
) -> OrderTerms:
    """Terms on BTCUSDT; prices and quantity as text."""
    decimals = ("limit_price", "stop_price", "trailing_offset", "entry_price")
    if order_type is OrderType.LIMIT:
        fields.setdefault("limit_price", "100")
    read = {
        name: Decimal(value) if name in decimals and isinstance(value, str) else value
        for name, value in fields.items()
    }
    given: Mapping[str, object] = {
        "symbol": "BTCUSDT",
        "side": side,
        "type": order_type,
        "quantity": Decimal(quantity),
        **read,
    }
    return msgspec.convert(given, OrderTerms, builtin_types=(Decimal, datetime))


class FixedLease:
    """A lease that holds until the test says otherwise."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.held = True

    def holds(self) -> bool:
        return self.held


class Process:
    """The desks and workers of one process: its own caches, a log shared with the others."""

    def __init__(self, world: "World", epoch: int) -> None:
        self.log = MemoryEventLog(world.store)
        self.repository = Repository(self.log, "test")
        self.risk_book = RiskBook()
        self.decisions = DecisionMaker(
            world.instruments, world.quotes.get, self.risk_book, world.clock
        )
        self.orders = OrderDesk(self.repository, self.decisions, world.clock)
        self.accounts = AccountDesk(self.repository, world.clock)
        self.risk = RiskDesk(self.repository, self.risk_book, world.clock)
        self.settlement = SettlementDesk(self.repository, world.clock)
        self.booking = Booking(self.repository, "paper", world.clock)
        self.lease = FixedLease(epoch)
        self.gate = TradingGate(self.risk_book, world.clock)
        self.problems = VenueProblems(self.repository, world.venue.name, world.clock)
        self.inquiry = Inquiry(
            self.repository, world.venue, self.booking, self.problems, world.clock
        )
        self.submission = Submission(
            repository=self.repository,
            venue=world.venue,
            gate=self.gate,
            problems=self.problems,
            clock=world.clock,
            lease=self.lease,
            in_doubt=self.inquiry.watch,
        )

    def hear_of_limits(self, store: MemoryStore) -> None:
        """What following the log would bring."""
        risk = [event for event in store.events if event.stream.startswith("risk-")]
        self.risk_book.note(decode(recorded) for recorded in risk)
        self.risk_book.is_current = True


class World:
    """One log, one venue, one market, and the processes that work on them."""

    def __init__(self, processes: int = 1) -> None:
        self.clock = SteppingClock()
        self.store = MemoryStore(self.clock.now)
        self.venue = ScriptedVenue()
        self.instruments = FixedInstruments(an_instrument(), an_instrument("ETHUSDT"))
        self.quotes = {"BTCUSDT": a_quote(), "ETHUSDT": a_quote(symbol="ETHUSDT")}
        self.processes = [Process(self, epoch) for epoch in range(1, processes + 1)]
        self._settled = 0

    @property
    def here(self) -> Process:
        return self.processes[0]

    async def set_limits(
        self, limits: Limits | None = None, scope: str = "system", change_id: str = "1"
    ) -> None:
        request = SetLimits(scope, change_id, limits or Limits(), "test")
        await self.here.risk.set_limits(request, context_for("limits", scope, change_id))
        for process in self.processes:
            process.hear_of_limits(self.store)

    async def account(
        self,
        name: str = "alice",
        deposit: str = "10000",
        fees: FeeSchedule = FEES,
        margin_rate: str = "1",
    ) -> str:
        """An open account with money on it; its id."""
        opened = await self.here.accounts.open(
            OpenAccount(name, "paper", Decimal(margin_rate), fees), context_for("open", name)
        )
        transfer = Transfer(opened.id, "first", "USDT", Decimal(deposit))
        await self.here.accounts.deposit(transfer, context_for("deposit", name))
        return opened.id

    async def place(self, account_id: str, terms: OrderTerms, key: str = "k") -> PlacedOrder:
        request = PlaceOrder(account_id, terms)
        return await self.here.orders.place(request, context_for("place", key))

    async def settle(self) -> None:
        """Carry out what the policies ask for, from where they stand to the log's head."""
        while self._settled < len(self.store.events):
            recorded = self.store.events[self._settled]
            self._settled += 1
            await carry_out(self.here, recorded)

    async def load(self, kind: type[AnyAggregate], aggregate_id: str) -> AnyAggregate:
        """The aggregate as the log has it, from its first event on."""
        return await Repository(MemoryEventLog(self.store), "test").load(kind, aggregate_id)

    async def order(self, order_id: str) -> Order:
        return await self.load(Order, order_id)

    async def account_state(self, account_id: str) -> Account:
        return await self.load(Account, account_id)

    def recorded(self, stream: str) -> list[RecordedEvent]:
        return list(self.store.streams.get(stream, []))

    def events_of(self, aggregate: Aggregate) -> list[Event]:
        return [decode(recorded) for recorded in self.recorded(aggregate.stream)]


async def until(condition: Callable[[], bool]) -> None:
    """Let other tasks run until something has come about."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come about")


async def carry_out(process: Process, recorded: RecordedEvent) -> None:
    """What the policy worker does with one event."""
    metadata = msgspec.json.decode(recorded.metadata, type=Metadata)
    for index, command in enumerate(commands_for(decode(recorded))):
        context = CommandContext(
            command_id=command_id_for("policy", str(recorded.id), str(index)),
            correlation_id=metadata.correlation_id,
            causation_id=str(recorded.id),
            actor=Actor(ActorType.SYSTEM, "settlement", "policy"),
        )
        await process.settlement.carry_out(command, context)


def a_fill(
    order: Order,
    trade_id: str,
    quantity: Decimal | str,
    price: Decimal | str = "100",
    *,
    fee: Decimal | str = "0",
    fee_asset: str = "USDT",
    at: datetime = NOON,
) -> FillReport:
    return FillReport(
        client_order_id=venue_client_id_of(order.id),
        venue_order_id=f"v-{order.id}",
        account_id=order.account_id,
        symbol=order.terms.symbol,
        trade_id=trade_id,
        quantity=Decimal(quantity),
        price=Decimal(price),
        liquidity=Liquidity.TAKER,
        fee=Decimal(fee),
        fee_asset=fee_asset,
        at=at,
    )
