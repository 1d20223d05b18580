"""The policies on a small world, step by step: events noted in order, what is due looked at."""

from collections.abc import Callable
from datetime import timedelta

import msgspec

from domain.command import Metadata
from domain.event import decode
from domain.log import RecordedEvent
from domain.order.order import Order
from domain.order.terms import OrderType, Side
from domain.policies.agenda import Agenda, Cause
from domain.policies.policies import Policies
from domain.policies.timed_worker import TimedPolicy
from domain.use_cases.change import change
from domain.venue import Capabilities
from tests.domain.checkpoints import MemoryCheckpoints
from tests.domain.world import Process, World, a_fill, carry_out, context_for, terms_of

BARE = Capabilities(linked_orders=False, good_till_date=False, trailing_stops=False)
ABLE = Capabilities(linked_orders=True, good_till_date=True, trailing_stops=True)

OCO = terms_of(OrderType.OCO, Side.SELL, limit_price="110", stop_price="90")

_decode_metadata = msgspec.json.Decoder(Metadata).decode


def policies_of(world: World, process: Process, capabilities: Capabilities = BARE) -> Policies:
    return Policies(
        log=process.log,
        repository=process.repository,
        settlement=process.settlement,
        orders=process.orders,
        checkpoints=MemoryCheckpoints(),
        clock=world.clock,
        capabilities=capabilities,
        instruments=world.instruments,
        quote=world.quotes.get,
    )


class PolicyDesk:
    """What the policy workers of one process do, without their tasks."""

    def __init__(
        self, world: World, process: Process | None = None, capabilities: Capabilities = BARE
    ) -> None:
        self.world = world
        self.process = process or world.here
        policies = policies_of(world, self.process, capabilities)
        self.policies: list[TimedPolicy] = [worker.policy for worker in policies.timed]
        self.agendas = {policy.name: Agenda() for policy in self.policies}
        self.position = 0

    def note(self, recorded: RecordedEvent) -> None:
        correlation_id = _decode_metadata(recorded.metadata).correlation_id
        cause = Cause(recorded.position - 1, str(recorded.id), correlation_id)
        for policy in self.policies:
            if recorded.type in policy.types:
                policy.note(decode(recorded), cause, self.agendas[policy.name])

    async def look(self) -> int:
        """Look once at everything that is due; how many looks that were."""
        looks = 0
        for policy in self.policies:
            agenda = self.agendas[policy.name]
            for appointment in agenda.take_due(self.world.clock.now(), most=1_000):
                again = await policy.look(appointment)
                looks += 1
                if again is None:
                    agenda.conclude(appointment)
                else:
                    agenda.postpone(appointment, again)
        return looks

    async def run(self) -> None:
        """Hear all there is and do all that is due now, settlement and release too."""
        moved = True
        while moved:
            moved = self.position < len(self.world.store.events)
            while self.position < len(self.world.store.events):
                recorded = self.world.store.events[self.position]
                self.position += 1
                await carry_out(self.process, recorded)
                self.note(recorded)
            moved = bool(await self.look()) or moved

    async def after(self, seconds: float) -> None:
        """Let time pass, with quotes that stay fresh, and do what has become due."""
        world = self.world
        world.clock.at += timedelta(seconds=seconds)
        for symbol, quote in world.quotes.items():
            world.quotes[symbol] = msgspec.structs.replace(quote, at=world.clock.at)
        await self.run()


def types_of(world: World, order_id: str) -> list[str]:
    return [recorded.type for recorded in world.recorded(Order.stream_of(order_id))]


async def oco_pair(world: World, account_id: str, key: str = "oco") -> tuple[str, str]:
    """The ids of a limit leg and its stop leg, both accepted by the venue."""
    answer = await world.place(account_id, OCO, key)
    assert answer.linked_order_id is not None
    for order_id in (answer.order_id, answer.linked_order_id):
        await accept(world, order_id)
    return answer.order_id, answer.linked_order_id


async def accept(world: World, order_id: str) -> None:
    """What execution records of an order that the venue takes."""
    await record(world, order_id, lambda order: order.submit(1, world.clock.now()))
    await record(
        world, order_id, lambda order: order.accept("v", world.clock.now(), world.clock.now())
    )


async def fill(world: World, order_id: str, trade_id: str, quantity: str, price: str) -> None:
    report = a_fill(await world.order(order_id), trade_id, quantity, price)
    await record(world, order_id, lambda order: order.fill(report, world.clock.now()))


async def record(world: World, order_id: str, decide: Callable[[Order], None]) -> None:
    """Append what an order decides, as some worker of the first process would."""
    context = context_for("record", str(len(world.store.events)))
    await change(world.here.repository, Order, order_id, decide, context)
