"""One seed: people trade while everything fails, then all heals and must come to rest."""

import asyncio
from collections.abc import Iterator

from tests.simulation.chaos import Chaos
from tests.simulation.client import Client
from tests.simulation.engine.simulation import Simulation
from tests.simulation.engine.violation import Violation
from tests.simulation.invariants import (
    booked_fills,
    conserved_money,
    read_models,
    reserved_money,
    settled_world,
)
from tests.simulation.order_mix import OrderMix
from tests.simulation.processes import Processes
from tests.simulation.workload import Workload
from tests.simulation.world import World

ACTS = (20, 50)
ACTS_PER_SECOND = (0.7, 1.5, 4.0)

REST_WITHIN = 120.0
"""Virtual seconds after the end of all faults."""

LOOK_EVERY = 1.0

SECOND_STARTS = 0.3
"""In so many of the seeds everything is started once more at the end."""

STILLNESS = 12.0
"""Virtual seconds of a still market, for what waits for its turn."""

CHANGES_BY_TIME = frozenset(
    {
        *("LeaderEpochStarted", "OrderExpired", "OrderCancelled", "ReservationReleased"),
        *("OrderCancelRequested", "OrderCancelRejected", "TrailingStopMoved"),
        *("OrderAmendRequested", "OrderAmended", "OrderAmendRejected", "ReservationChanged"),
        *("OrderAbandoned", "OrderAmendAbandoned", "OrderWithheld"),
    }
)
"""What time alone brings about: new leaders, the end of gtd orders, stops moved again."""


async def scenario(simulation: Simulation) -> None:
    world = World(simulation)
    await world.open()
    processes = Processes(simulation, world)
    chaos = Chaos(
        simulation.processes, simulation.clock, simulation.dice_for("chaos"), simulation.rate
    )
    async with asyncio.TaskGroup() as outside:
        running = outside.create_task(world.run())
        processes.start()
        simulation.log_store.observe(chaos.on_append)
        misery = outside.create_task(chaos.run())
        await _trade(simulation, world, processes)
        misery.cancel()
        chaos.end()
        simulation.heal()
        await _come_to_rest(simulation, world)
        if simulation.dice_for("second start").random() < SECOND_STARTS:
            await _start_again(simulation, world)
        running.cancel()


async def _trade(simulation: Simulation, world: World, processes: Processes) -> None:
    dice = simulation.dice_for("workload")
    workload = Workload(
        client=Client(processes.apis, simulation.clock, dice),
        accounts=world.accounts,
        mix=OrderMix(world.instruments.all(), world.market.quote, simulation.clock, dice),
        story=world.story,
        venue=world.paper,
        clock=simulation.clock,
        dice=dice,
    )
    await workload.run(dice.randint(*ACTS), dice.choice(ACTS_PER_SECOND))


async def _come_to_rest(simulation: Simulation, world: World) -> None:
    deadline = simulation.clock.monotonic() + REST_WITHIN
    while (unfinished := next(_unfinished(simulation, world), None)) is not None:
        if simulation.clock.monotonic() > deadline:
            raise Violation(f"{REST_WITHIN:g} s after all healed: {unfinished}")
        await simulation.clock.sleep(LOOK_EVERY)


async def _start_again(simulation: Simulation, world: World) -> None:
    """Everybody starts once more, in a market that stands still: that must change nothing."""
    world.market.stands_still = True
    await simulation.clock.sleep(STILLNESS)
    await _come_to_rest(simulation, world)
    events = simulation.log_store.events
    head, leader = len(events), world.leases.epoch
    for process in simulation.processes.values():
        process.restart()
    await simulation.until(
        lambda: world.story.epoch > leader, within=REST_WITHIN, what="somebody leads again"
    )
    await _come_to_rest(simulation, world)
    for event in events[head:]:
        if event.type not in CHANGES_BY_TIME:
            raise Violation(f"{event.type} in {event.stream}, only because everybody started again")


def _unfinished(simulation: Simulation, world: World) -> Iterator[str]:
    """What is not at rest, the cheapest looks first."""
    story, head = world.story, len(simulation.log_store.events)
    yield from settled_world.unsettled(story)
    for name, checkpoint in world.store.checkpoints.items():
        if checkpoint < head:
            yield f"read model {name} is at {checkpoint} of {head}"
    yield from booked_fills.at_rest(story)
    yield from reserved_money.at_rest(story)
    yield from conserved_money.at_rest(story)
    yield from read_models.at_rest(story, world.store)
