"""A halt is confirmed where the log says that nothing can follow it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from domain.risk.risk_book import RiskBook
from domain.use_cases.risk_desk import ChangeTrading
from tests.domain.world import World, context_for, until

SCOPE = "account:a"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Its risk book follows the log."""
    world = World()
    following = asyncio.create_task(world.here.risk_book.follow(world.here.log))
    yield world
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def halt(world: World, change_id: str, scope: str = SCOPE) -> int:
    request = ChangeTrading(scope, change_id, "drill")
    return (await world.here.risk.halt(request, context_for("halt", change_id))).position


async def confirm(world: World, key: str = "1", scope: str = SCOPE) -> int:
    return (await world.here.risk.confirm_halt(scope, context_for("confirm", key))).position


def waiting(world: World, change_id: str, scope: str = SCOPE) -> "asyncio.Task[int]":
    return asyncio.create_task(world.here.risk_book.until_halt_confirmed(scope, change_id))


async def test_who_waits_learns_the_position_of_the_confirmation(world: World) -> None:
    await halt(world, "h1")
    wait = waiting(world, "h1")
    for _ in range(100):
        await asyncio.sleep(0)
    assert not wait.done()
    position = await confirm(world)
    assert await wait == position
    assert world.store.events[position - 1].type == "TradingHalted"


async def test_who_comes_later_learns_it_at_once(world: World) -> None:
    await halt(world, "h1")
    position = await confirm(world)
    await until(waiting(world, "h1").done)
    assert await waiting(world, "h1") == position


async def test_a_process_that_did_not_halt_learns_it_from_the_log(world: World) -> None:
    await halt(world, "h1")
    position = await confirm(world)
    elsewhere = RiskBook()
    following = asyncio.create_task(elsewhere.follow(world.here.log))
    assert await elsewhere.until_halt_confirmed(SCOPE, "h1") == position
    following.cancel()


async def test_one_confirmation_answers_all_that_asked_before_it(world: World) -> None:
    await halt(world, "h1")
    await halt(world, "h2")
    position = await confirm(world)
    assert await waiting(world, "h1") == await waiting(world, "h2") == position
    await halt(world, "h3")
    later = await confirm(world, "2")
    assert await waiting(world, "h3") == later > position
    assert await waiting(world, "h1") == position


async def test_another_scope_s_confirmation_is_none(world: World) -> None:
    await halt(world, "h1")
    await halt(world, "h2", "system")
    await confirm(world, scope="system")
    await until(waiting(world, "h2", "system").done)
    wait = waiting(world, "h1")
    for _ in range(100):
        await asyncio.sleep(0)
    assert not wait.done()
    wait.cancel()


async def test_a_halt_that_was_lifted_is_not_confirmed_by_the_next_one(world: World) -> None:
    await halt(world, "h1")
    await world.here.risk.resume(ChangeTrading(SCOPE, "r1", "over"), context_for("resume"))
    await halt(world, "h2")
    await confirm(world)
    await until(waiting(world, "h2").done)
    wait = waiting(world, "h1")
    for _ in range(100):
        await asyncio.sleep(0)
    assert not wait.done()
    wait.cancel()


async def test_confirming_what_is_not_halted_records_nothing(world: World) -> None:
    await confirm(world)
    assert world.store.events == []
    await halt(world, "h1")
    await confirm(world, "2")
    await confirm(world, "3")
    assert [event.type for event in world.store.events] == ["TradingHaltRequested", "TradingHalted"]
