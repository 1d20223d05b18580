"""A command through the whole stack in process: place, reserve, every control, durable.

Against eventsourcing's Application on the same database, which gets an aggregate, decides and
saves one event a command, without controls: what its users would start from.
"""

import asyncio
import time
from decimal import Decimal
from itertools import count
from typing import Final
from uuid import UUID, uuid4

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from prometheus_client import CollectorRegistry
from psycopg.conninfo import conninfo_to_dict

from adapters.market.hub import MarketHub
from adapters.market.metrics import MarketMetrics
from adapters.market.static_instruments import StaticInstruments
from domain.command import Actor, ActorType, CommandContext
from domain.fees import FeeSchedule
from domain.log import EventLog
from domain.market_data import Quote
from domain.order.status import OrderStatus
from domain.order.terms import OrderTerms, OrderType, Side
from domain.risk.limits import Limits
from domain.use_cases.account_desk import OpenAccount, Transfer
from domain.use_cases.requests import PlaceOrder
from domain.use_cases.risk_desk import SetLimits
from infra.clock import SystemClock
from infra.collector import calm_collector
from infra.composition.core import Core
from infra.log.postgres.log import PostgresEventLog
from tests.benchmarks.harness import Bench, Result, percentile

CALLERS: Final = 32
ACCOUNTS: Final = 64
COMMANDS: Final = 2_000
PEER_COMMANDS: Final = 500
PACED_RATE: Final = 200
PACED_SECONDS: Final = 10
GOAL: Final = 3.0
P99_LIMIT_MS: Final = 50.0

SYMBOL: Final = "BTCUSDT"
_ACTOR = Actor(ActorType.SYSTEM, "benchmark", "benchmark")


async def run(bench: Bench) -> list[Result]:
    calm_collector()  # as every process of the core does at its start
    async with PostgresEventLog.open(bench.postgres_dsn) as log:
        desk = await Desk.open(log)
        await desk.prepare()
        desk.core.risk_book.is_current = True
        peer = Peer(bench.postgres_dsn)
        throughput = await bench.compare(
            "command through the stack (placed, reserved, controls, durable), 32 callers",
            "commands/s",
            lambda: desk.rate(bench.scaled(COMMANDS, least=CALLERS)),
            reference="eventsourcing's Application, get and save, no controls",
            theirs=lambda: peer.rate(bench.scaled(PEER_COMMANDS, least=20)),
            goal=GOAL,
        )
        times = await desk.paced(bench.scaled(PACED_RATE * PACED_SECONDS, least=50))
    p99 = percentile(times, 0.99) * 1000
    return [
        throughput,
        Result.at_most("command p99 at 200 a second", p99, "ms", P99_LIMIT_MS),
    ]


class Desk:
    """The core on a real log, with accounts that have room for every order."""

    def __init__(self, core: Core, hub: MarketHub) -> None:
        self.core = core
        self.hub = hub
        self._accounts: list[str] = []
        self._numbers = count(1)

    @classmethod
    async def open(cls, log: EventLog) -> "Desk":
        hub = MarketHub(MarketMetrics(CollectorRegistry()))
        core = Core(
            log=log,
            instruments=StaticInstruments.default(),
            quote=hub.quote,
            clock=SystemClock(),
            max_quote_age_ms=3_600_000,
        )
        return cls(core, hub)

    async def prepare(self) -> None:
        limits = Limits(price_collar=Decimal("0.05"), max_order_value=Decimal(1_000_000))
        await self.core.risk.set_limits(SetLimits("system", "bench", limits, "bench"), context())
        fees = FeeSchedule(Decimal("0.0002"), Decimal("0.0004"))
        for number in range(ACCOUNTS):
            request = OpenAccount(f"client-{number}", "paper", Decimal(1), fees)
            account = await self.core.accounts.open(request, context())
            transfer = Transfer(account.id, "first", "USDT", Decimal(1_000_000_000))
            await self.core.accounts.deposit(transfer, context())
            self._accounts.append(account.id)
        price, size = Decimal(60_000), Decimal(1)
        now = self.core.clock.now()
        self.hub.publish(Quote(SYMBOL, price, size, price + Decimal("0.1"), size, now))

    async def rate(self, commands: int) -> float:
        """Commands a second, by CALLERS callers one after another each."""
        each = commands // CALLERS
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(CALLERS):
                group.create_task(self._place_many(each))
        return each * CALLERS / (time.perf_counter() - started)

    async def paced(self, commands: int) -> list[float]:
        """Seconds from when each command was due to its answer, at PACED_RATE a second."""
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._place_at(started + number / PACED_RATE))
                for number in range(commands)
            ]
        return [task.result() for task in tasks]

    async def _place_many(self, commands: int) -> None:
        for _ in range(commands):
            await self._place()

    async def _place_at(self, due: float) -> float:
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        await self._place()
        return time.perf_counter() - due

    async def _place(self) -> None:
        number = next(self._numbers)
        terms = OrderTerms(
            SYMBOL, Side.BUY, OrderType.LIMIT, Decimal("0.001"), limit_price=Decimal(59_000)
        )
        account = self._accounts[number % ACCOUNTS]
        placed = await self.core.orders.place(PlaceOrder(account, terms), context())
        if placed.status is not OrderStatus.PENDING_NEW:
            raise RuntimeError(f"refused: {placed.code}")


class PeerAccount(Aggregate):
    """The same account as the library's own tutorial would write it."""

    def __init__(self, balance: Decimal) -> None:
        self.balance = balance
        self.reserved = Decimal(0)

    @event("FundsReserved")
    def reserve(self, order_id: UUID, amount: Decimal) -> None:
        if amount > self.balance - self.reserved:
            raise ValueError("insufficient funds")
        self.reserved += amount


class PeerOrder(Aggregate):
    def __init__(self, account_id: UUID, symbol: str, quantity: Decimal, price: Decimal) -> None:
        self.account_id = account_id
        self.symbol = symbol
        self.quantity = quantity
        self.price = price


class PeerApplication(Application[UUID]):
    """One command: get the account, reserve, make the order, save both in one transaction."""

    def open(self) -> UUID:
        account = PeerAccount(balance=Decimal(1_000_000_000))
        self.save(account)
        return account.id

    def place(self, account_id: UUID) -> None:
        account: PeerAccount = self.repository.get(account_id)
        account.reserve(order_id=uuid4(), amount=Decimal(59))
        order = PeerOrder(account_id, SYMBOL, Decimal("0.001"), Decimal(59_000))
        self.save(account, order)


class Peer:
    """The library's application as it comes, each command on an account with a short stream."""

    def __init__(self, dsn: str) -> None:
        where = conninfo_to_dict(dsn)
        self._application = PeerApplication(
            env={
                "PERSISTENCE_MODULE": "eventsourcing.postgres",
                "POSTGRES_DBNAME": str(where["dbname"]),
                "POSTGRES_HOST": str(where["host"]),
                "POSTGRES_PORT": str(where.get("port") or 5432),
                "POSTGRES_USER": str(where.get("user") or "postgres"),
                "POSTGRES_PASSWORD": str(where.get("password") or "unused"),
            }
        )
        self._accounts = [self._application.open() for _ in range(PEER_COMMANDS)]

    async def rate(self, commands: int) -> float:
        started = time.perf_counter()
        await asyncio.to_thread(self._place_many, commands)
        return commands / (time.perf_counter() - started)

    def _place_many(self, commands: int) -> None:
        for number in range(commands):
            self._application.place(self._accounts[number % PEER_COMMANDS])


def context() -> CommandContext:
    command_id = uuid4()
    return CommandContext(command_id, str(command_id), _ACTOR)
