"""All policies together, as the composition root starts them."""

import asyncio

from tests.domain.execution.sent import a_world
from tests.domain.policies.desk import ABLE, fill, oco_pair, policies_of, types_of
from tests.domain.world import World, until


async def test_they_run_until_cancelled_and_do_what_there_is_to_do() -> None:
    world, account_id = await a_world()
    first, second = await oco_pair(world, account_id)
    await fill(world, first, "1", "1", "110")
    policies = policies_of(world, world.here)
    task = asyncio.create_task(policies.run())
    await policies.caught_up()
    await until(lambda: types_of(world, second)[-1] == "OrderCancelRequested")
    await until(lambda: any(event.type == "FillSettled" for event in world.store.events))
    assert (await world.account_state(account_id)).position_quantity("BTCUSDT") == -1
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


def test_a_venue_that_trails_needs_no_trailing_policy() -> None:
    world = World()
    bare = {worker.policy.name for worker in policies_of(world, world.here).timed}
    able = {worker.policy.name for worker in policies_of(world, world.here, ABLE).timed}
    assert bare - able == {"trailing_stop"}
    assert {"orphans", "oco", "expiry"} <= able
