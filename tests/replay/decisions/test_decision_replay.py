from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from domain.controls import registry
from domain.controls.check import OrderCheck
from domain.controls.limit import at_most
from domain.controls.price import _distance, price_collar
from domain.errors import NotFound
from domain.market_data import Quote
from domain.order.terms import OrderType, Side
from domain.risk.limits import Limits
from domain.risk.verdict import Verdict
from domain.use_cases.requests import AmendOrder
from domain.venue import Amendment
from replay.decisions.decision_replay import DecisionReplay, ReplayFailed, Window
from tests.domain.world import FixedInstruments, World, an_instrument, context_for, terms_of
from tests.doubles.memory_log import MemoryEventLog
from tests.replay.decisions.replaying import OCO, a_world, replay


async def amend(world: World, order_id: str, amendment: Amendment, key: str = "a") -> None:
    request = AmendOrder(order_id, key, amendment)
    await world.here.orders.amend(request, context_for("amend", order_id, key))


async def test_an_empty_log_has_no_decisions() -> None:
    world = World()
    report = await replay(world.store, world.instruments)
    assert (report.decisions, report.is_clean) == (0, True)


async def test_placed_refused_and_amended_orders_are_decided_the_same_again() -> None:
    world, account = await a_world()
    placed = await world.place(account, terms_of(), "1")
    world.clock.at += timedelta(seconds=1)
    await amend(world, placed.order_id, Amendment(quantity=Decimal(2)))
    refused = await world.place(account, terms_of(quantity="500"), "2")
    assert refused.code == "insufficient_funds"
    report = await replay(world.store, world.instruments)
    assert (report.decisions, report.replayed, report.is_clean) == (3, 3, True)


@pytest.mark.parametrize("quantity", ["1", "500"])
async def test_a_pair_is_decided_again_with_the_first_leg_s_reservation(quantity: str) -> None:
    """The first leg of a refused pair is reserved for nowhere but in the second one's inputs."""
    world, account = await a_world(deposit="250")
    terms = msgspec.structs.replace(OCO, quantity=Decimal(quantity))
    await world.place(account, terms, "oco")
    report = await replay(world.store, world.instruments)
    assert (report.decisions, report.replayed, report.is_clean) == (2, 2, True)


async def test_a_pair_whose_second_leg_alone_fails() -> None:
    world, account = await a_world(deposit="150")
    answer = await world.place(account, OCO, "oco")
    assert answer.code == "insufficient_funds"
    assert answer.linked_order_id is not None
    report = await replay(world.store, world.instruments)
    assert (report.decisions, report.replayed, report.is_clean) == (2, 2, True)
