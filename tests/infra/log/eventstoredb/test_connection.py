"""Replacing a connection that failed."""

import asyncio

import grpc
import pytest

from domain.log import LogFailed
from infra.log.eventstoredb.connection import Connection
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
