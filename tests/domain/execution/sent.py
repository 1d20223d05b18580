"""Orders on their way to the venue, for the tests of execution."""

from domain.command import Actor, ActorType, CommandContext, command_id_for
from domain.event import decode
from domain.log import RecordedEvent
from domain.order.events import OrderAmendRequested, OrderCancelRequested, OrderPlaced
from domain.order.order import Order
from domain.order.terms import OrderTerms
from tests.domain.world import Process, World, terms_of


async def a_world(processes: int = 1) -> tuple[World, str]:
    """A world with one account that may trade."""
    world = World(processes)
    await world.set_limits()
    return world, await world.account()


async def placed(world: World, account_id: str, terms: OrderTerms | None = None) -> Order:
    answer = await world.place(account_id, terms or terms_of(), key=str(len(world.store.events)))
    assert answer.code is None
    return await world.order(answer.order_id)


def last(world: World, event_type: str) -> RecordedEvent:
    return next(event for event in reversed(world.store.events) if event.type == event_type)


async def handle(process: Process, recorded: RecordedEvent) -> None:
    """What the execution worker does with an event, one step after the other."""
    submission = process.submission
    context = CommandContext(
        command_id=command_id_for("execution", str(recorded.id)),
        correlation_id="correlation",
        causation_id=str(recorded.id),
        actor=Actor(ActorType.SYSTEM, "execution", "execution"),
    )
    match event := decode(recorded):
        case OrderPlaced():
            request = await submission.intend(event.originator_id, context)
            if request is not None:
                await submission.send(event.originator_id, request, context)
        case OrderCancelRequested():
            await submission.answer_unsent(event.originator_id, context)
            await submission.cancel(event.originator_id, event.request_id, context)
        case OrderAmendRequested():
            await submission.answer_unsent(event.originator_id, context)
            await submission.amend(event, context, handed_over=False)


async def sent(world: World, account_id: str, terms: OrderTerms | None = None) -> Order:
    """An order that the venue has accepted."""
    order = await placed(world, account_id, terms)
    await handle(world.here, last(world, "OrderPlaced"))
    return await world.order(order.id)
