"""Connections that die without a word are noticed by pings and deadlines."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from domain.log import CaughtUp
from infra.log.eventstoredb import EventStoreDBEventLog
from tests.doubles.eventstoredb import EventStoreDBDouble
from tests.infra.log.eventstoredb.conftest import QUICK, event
from tests.infra.log.eventstoredb.frozen_network import FrozenNetwork


@pytest.fixture
async def network(double: EventStoreDBDouble) -> AsyncIterator[FrozenNetwork]:
    async with FrozenNetwork.to(double.ports[0]) as network:
        yield network


@pytest.fixture
async def far_log(network: FrozenNetwork) -> AsyncIterator[EventStoreDBEventLog]:
    uri = f"esdb://127.0.0.1:{network.port}?Tls=false"
    async with EventStoreDBEventLog.open(uri, patience=QUICK) as log:
        yield log


async def test_a_subscription_notices(
    network: FrozenNetwork, far_log: EventStoreDBEventLog, log: EventStoreDBEventLog
) -> None:
    async with aclosing(far_log.subscribe()) as news, asyncio.timeout(10):
        assert isinstance(await anext(news), CaughtUp)
        network.freeze()
        await log.append("order-1", [event(1)], expected_version=0)
        page = await anext(news)
        assert not isinstance(page, CaughtUp)
        assert [recorded.id.int for recorded in page] == [1]


async def test_an_append_notices(
    double: EventStoreDBDouble, network: FrozenNetwork, far_log: EventStoreDBEventLog
) -> None:
    await far_log.append("order-1", [event(1)], expected_version=0)
    network.freeze()
    answer = await far_log.append("order-1", [event(2)], expected_version=1)
    assert [record.id.int for record in double.store.records] == [1, 2]
    assert answer.position == double.store.last


async def test_a_read_notices(network: FrozenNetwork, far_log: EventStoreDBEventLog) -> None:
    await far_log.append("order-1", [event(1)], expected_version=0)
    network.freeze()
    assert await far_log.head() > 0
