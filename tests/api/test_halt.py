"""A halt is in force when it is answered; whether it is confirmed, the answer says."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.api.served import Answer, Served, an_order, offline, problem
from tests.domain.world import World, context_for, until

BODY = {"scope": "system", "reason": "drill"}


@pytest.fixture
async def following() -> AsyncIterator[Served]:
    """Its risk book follows the log, and a halt waits for long enough."""
    world = World()
    await world.set_limits()
    async with offline(world, halt_wait_seconds=30) as served:
        task = asyncio.create_task(world.here.risk_book.follow(world.here.log))
        yield served
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def halt(served: Served, key: str = "k") -> "asyncio.Task[Answer]":
    post = served.system.post("/v1/risk/halt", json=BODY, headers={"Idempotency-Key": key})
    return asyncio.create_task(post)


def types(served: Served) -> list[str]:
    return [event.type for event in served.world.store.events]


async def confirm(served: Served) -> int:
    """What the execution worker does, once what it had begun is in the log."""
    await until(lambda: types(served)[-1] == "TradingHaltRequested")
    return (await served.world.here.risk.confirm_halt("system", context_for("confirm"))).position


async def test_a_confirmed_halt_answers_with_the_confirmation_s_position(following: Served) -> None:
    asked = halt(following)
    position = await confirm(following)
    answer = await asked
    assert answer.status_code == 202
    document = answer.json()
    assert (document["confirmed"], document["position"]) == (True, position)
    assert answer.headers["log-position"] == str(position)
    assert types(following)[position - 1] == "TradingHalted"


async def test_it_is_in_force_before_it_is_confirmed(following: Served) -> None:
    account_id = await following.world.account()
    asked = halt(following)
    await until(lambda: types(following)[-1] == "TradingHaltRequested")
    assert not asked.done()
    refused = await following.system.post("/v1/orders", json=an_order(account_id))
    problem(refused, 422, "trading_halted")
    await following.world.here.risk.confirm_halt("system", context_for("confirm"))
    assert (await asked).json()["confirmed"] is True


async def test_without_a_leader_it_is_answered_unconfirmed_after_a_short_wait(
    served: Served, account_id: str
) -> None:
    answer = await halt(served)
    assert answer.status_code == 202
    document = answer.json()
    assert (document["confirmed"], document["position"]) == (False, served.head)
    assert types(served)[-1] == "TradingHaltRequested"
    refused = await served.system.post("/v1/orders", json=an_order(account_id))
    problem(refused, 422, "trading_halted")


async def test_the_same_request_again_tells_whether_it_is_confirmed_by_now(
    following: Served,
) -> None:
    asked = halt(following)
    position = await confirm(following)
    first, again = await asked, await halt(following)
    assert first.json() == again.json()
    assert again.json()["position"] == position
    assert types(following).count("TradingHaltRequested") == 1


async def test_who_leaves_while_waiting_has_halted(following: Served) -> None:
    asked = halt(following)
    await until(lambda: types(following)[-1] == "TradingHaltRequested")
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    assert following.world.here.risk_book.scope("system").state == "halted"
