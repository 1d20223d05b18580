"""A lawful story in a log in memory, told by the domain's own aggregates, and how to spoil it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from domain.account.account import Account, Execution
from domain.aggregate import Aggregate
from domain.command import Actor, ActorType, Metadata
from domain.event import encode
from domain.fees import FeeSchedule, Liquidity
from domain.log import EventLog, NewEvent, RecordedEvent
from domain.order.events import OrderFilled
from domain.order.order import NewOrder, Order
from domain.order.terms import OrderTerms, OrderType, Side
from domain.risk.risk_limits import RiskLimits
from domain.risk.verdict import Verdict
from domain.session.session import Session
from domain.venue import FillReport
from replay.verify.fact import read_fact
from replay.verify.finding import Finding
from replay.verify.log_checking import LogChecking
from tests.doubles.memory_log import MemoryEventLog, MemoryStore
from tests.projections.history import PASSED, instrument

START = datetime(2026, 1, 1, tzinfo=UTC)
ACCOUNT = "00000000-0000-4000-8000-00000000000a"
ONE = Decimal(1)


def order_id(number: int) -> str:
    return str(UUID(int=number, version=4))


def event_id(stream: str, version: int) -> UUID:
    return uuid5(NAMESPACE_URL, f"{stream}@{version}")


class Book:
    """One account that trades one instrument at the venue ``paper``; a second an event.

    It can also be written to another log; ``log`` is then empty.
    """

    def __init__(self, elsewhere: EventLog | None = None) -> None:
        self.now = START
        self.log = MemoryEventLog(MemoryStore(lambda: self.now))
        self._written_to: EventLog = elsewhere or self.log
        self.account: Account = Account.empty(ACCOUNT)
        self.session: Session = Session.empty("paper")
        self.risk: RiskLimits = RiskLimits.empty("system")

    async def open(self) -> None:
        fees = FeeSchedule(maker=Decimal(0), taker=Decimal(0), asset=None)
        self.account.open("client-1", "paper", ONE, fees, self.now)
        self.account.deposit("t", "USDT", Decimal(1_000_000), self.now)
        await self.take(self.account)
        await self.lead(1)

    async def lead(self, epoch: int) -> None:
        self.session.start_epoch(epoch, self.now)
        await self.take(self.session)

    async def reserve(self, number: int) -> None:
        self.account.reserve(
            order_id(number),
            instrument("BTCUSDT"),
            Side.BUY,
            ONE,
            Decimal(100),
            reduce_only=False,
            fingerprint="f",
            now=self.now,
        )
        await self.take(self.account)

    async def place(self, number: int, verdicts: tuple[Verdict, ...] = PASSED) -> Order:
        await self.reserve(number)
        order: Order = Order.empty(order_id(number))
        order.place(_new_order(f"o-{number}"), verdicts, self.now)
        await self.take(order)
        return order

    async def submit(self, order: Order, epoch: int = 1) -> None:
        order.submit(epoch, self.now)
        await self.take(order, cause=event_id(order.stream, order.version - 1))

    async def fill(self, order: Order) -> OrderFilled:
        order.fill(_report(order, self.now), self.now)
        filled = order.pending[-1]
        assert isinstance(filled, OrderFilled)
        await self.take(order)
        return filled

    async def settle(self, order: Order, filled: OrderFilled) -> None:
        self.account.settle(_execution(order, filled), self.now)
        await self.take(self.account, cause=event_id(order.stream, filled.originator_version))

    async def trade(self, number: int) -> Order:
        order = await self.place(number)
        await self.submit(order)
        await self.settle(order, await self.fill(order))
        return order

    async def halt(self) -> None:
        self.risk.halt("h", "drill", self.now)
        await self.take(self.risk)
        self.risk.confirm_halt(self.now)
        await self.take(self.risk)

    async def resume(self) -> None:
        self.risk.resume("r", "over", self.now)
        await self.take(self.risk)

    async def take(
        self, aggregate: Aggregate, *, cause: object = None, correlation: str = "corr-1"
    ) -> None:
        """Append what it decided."""
        for event in list(aggregate.pending):
            self.now += timedelta(seconds=1)
            metadata = Metadata(
                correlation_id=correlation,
                command_id=UUID(int=1),
                actor=Actor(ActorType.HUMAN, "alice", "api"),
                schema_version=1,
                code_version="test",
                causation_id=None if cause is None else str(cause),
            )
            new = NewEvent(
                event_id(aggregate.stream, event.originator_version),
                type(event).__name__,
                encode(event),
                msgspec.json.encode(metadata),
            )
            version = event.originator_version - 1
            await self._written_to.append(aggregate.stream, [new], expected_version=version)
        aggregate.collect_events()

    # Spoiling

    def alter(self, at: int, /, **fields: object) -> RecordedEvent:
        """Change a record behind the log's back, by where it stands."""
        altered = msgspec.structs.replace(self.log.store.events[at - 1], **fields)
        self.log.store.events[at - 1] = altered
        return altered

    def remove(self, position: int) -> RecordedEvent:
        return self.log.store.events.pop(position - 1)

    def last(self, type_name: str) -> RecordedEvent:
        return next(e for e in reversed(self.log.store.events) if e.type == type_name)

    async def findings(self) -> dict[str, list[Finding]]:
        """By check, those that found something."""
        checking = LogChecking()
        async for page in self.log.read_all(page_size=3):
            for recorded in page:
                checking.note(read_fact(recorded))
        return {r.check: list(r.listed) for r in checking.results() if r.findings}


def _new_order(client_order_id: str) -> NewOrder:
    return NewOrder(
        account_id=ACCOUNT,
        client_id="client-1",
        client_order_id=client_order_id,
        terms=OrderTerms(
            symbol="BTCUSDT",
            side=Side.BUY,
            type=OrderType.LIMIT,
            quantity=ONE,
            limit_price=Decimal(100),
        ),
        worst_price=Decimal(100),
        settlement_asset="USDT",
        correlation_id="corr-1",
        strategy_id="grid",
    )


def _report(order: Order, now: datetime) -> FillReport:
    return FillReport(
        client_order_id=order.client_order_id,
        venue_order_id="v",
        account_id=ACCOUNT,
        symbol="BTCUSDT",
        trade_id=f"x-{order.client_order_id}",
        quantity=ONE,
        price=Decimal(100),
        liquidity=Liquidity.TAKER,
        fee=Decimal(0),
        fee_asset="USDT",
        at=now,
    )


def _execution(order: Order, filled: OrderFilled) -> Execution:
    return Execution(
        order_id=order.id,
        order_version=filled.originator_version,
        number=filled.execution_number,
        trade_id=filled.trade_id,
        symbol=filled.symbol,
        settlement_asset=filled.settlement_asset,
        side=filled.side,
        quantity=filled.quantity,
        price=filled.price,
        fee=filled.fee,
        fee_asset=filled.fee_asset,
        executed_at=filled.executed_at,
    )
