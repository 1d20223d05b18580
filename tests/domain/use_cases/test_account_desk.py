"""External activity is acknowledged once, however often it is asked for."""

from decimal import Decimal

import pytest

from domain.account.account import Account
from domain.account.position import Position
from domain.errors import Conflict, NotFound
from domain.risk.trading_state import TradingState
from domain.use_cases.account_desk import AcknowledgeExternal
from tests.domain.world import World, context_for


async def find_position(world: World, account_id: str, quantity: str) -> None:
    """What reconciliation does with a position that is not the core's."""
    account = await world.here.repository.load(Account, account_id, newest=True)
    found = Position("BTCUSDT", "USDT", Decimal(quantity), Decimal(quantity) * 100)
    account.adjust_position(found, world.clock.now())
    await world.here.repository.save(account, context_for("found", quantity))


async def acknowledge(world: World, account_id: str, key: str, reason: str = "seen") -> int:
    request = AcknowledgeExternal(account_id, key, reason)
    context = context_for("acknowledge", account_id, key)
    return (await world.here.accounts.acknowledge(request, context)).position


async def test_the_account_trades_again() -> None:
    world = World()
    account_id = await world.account()
    await find_position(world, account_id, "1")
    assert (await world.account_state(account_id)).trading_state is TradingState.REDUCING
    await acknowledge(world, account_id, "k1")
    assert (await world.account_state(account_id)).trading_state is TradingState.ACTIVE


async def test_the_same_request_again_changes_nothing() -> None:
    world = World()
    account_id = await world.account()
    await find_position(world, account_id, "1")
    await acknowledge(world, account_id, "k1")
    head = len(world.store.events)
    await acknowledge(world, account_id, "k1")
    with pytest.raises(Conflict, match="another reason"):
        await acknowledge(world, account_id, "k1", "not seen")
    assert len(world.store.events) == head


async def test_an_old_request_does_not_acknowledge_what_came_after_it() -> None:
    world = World()
    account_id = await world.account()
    await find_position(world, account_id, "1")
    await acknowledge(world, account_id, "k1")
    await find_position(world, account_id, "2")
    await acknowledge(world, account_id, "k1")
    assert (await world.account_state(account_id)).unacknowledged == 1


async def test_there_must_be_something_to_acknowledge() -> None:
    world = World()
    account_id = await world.account()
    with pytest.raises(Conflict, match="nothing external"):
        await acknowledge(world, account_id, "k1")
    with pytest.raises(NotFound):
        await acknowledge(world, "nobody", "k1")
