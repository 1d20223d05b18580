"""Replacing a connection that failed."""

import asyncio

import grpc
import pytest

from domain.log import EVERYTHING, LogFailed
from infra.log.eventstoredb.connection import Connection, receive
from infra.log.eventstoredb.failures import Lost
from infra.log.eventstoredb.requests import subscription
from tests.doubles.eventstoredb import EventStoreDBDouble
from tests.infra.log.eventstoredb.conftest import QUICK


async def test_many_who_lost_the_same_channel_replace_it_once_and_close_it(
    double: EventStoreDBDouble,
) -> None:
    connection = Connection(double.uri, QUICK)
    await connection.renew(None)
    failed = connection.node
    assert failed is not None
    await asyncio.gather(*(connection.renew(failed) for _ in range(10)))
    renewed = connection.node
    assert renewed is not failed
    await connection.renew(failed)
    assert connection.node is renewed
    assert failed._grpc_channel.get_state() is grpc.ChannelConnectivity.SHUTDOWN
    await connection.close()


async def test_a_closed_connection_stays_closed(double: EventStoreDBDouble) -> None:
    connection = Connection(double.uri, QUICK)
    await connection.renew(None)
    await connection.close()
    with pytest.raises(LogFailed, match="closed"):
        await connection.renew(connection.node)


async def test_a_cancelled_call_is_a_loss_and_a_cancelled_task_is_not(
    double: EventStoreDBDouble,
) -> None:
    connection = Connection(double.uri, QUICK)
    await connection.renew(None)
    call = connection.read(subscription(0, EVERYTHING))
    for expected in ("confirmation", "caught_up"):
        response = await receive(call)
        assert response is not None
        assert response.WhichOneof("content") == expected
    waiting = asyncio.create_task(receive(call))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(Lost):
        await waiting
    other = connection.read(subscription(0, EVERYTHING))
    cancelled = asyncio.create_task(receive(other))
    await asyncio.sleep(0)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    await connection.close()
