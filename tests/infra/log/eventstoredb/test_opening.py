"""URIs, credentials, and servers that are not there."""

import socket

import pytest

from domain.log import LogUnavailable
from infra.log.eventstoredb import EventStoreDBEventLog
from tests.infra.log.eventstoredb.conftest import QUICK


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.mark.parametrize("path", ["esdb://{0}?Tls=false", "esdb://{0},{0}?Tls=false"])
async def test_nobody_there_is_said_at_once_with_the_address(path: str) -> None:
    address = f"127.0.0.1:{unused_port()}"
    with pytest.raises(LogUnavailable, match=f"no EventStoreDB answers at {address}"):
        async with EventStoreDBEventLog.open(path.format(address), patience=QUICK):
            pass


async def test_a_server_that_accepts_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"esdb://127.0.0.1:{silent.getsockname()[1]}?Tls=false"
        with pytest.raises(LogUnavailable):
            async with EventStoreDBEventLog.open(uri, patience=QUICK):
                pass


@pytest.mark.parametrize(
    "uri",
    [
        "http://user:hunter2@localhost:2113",
        "esdb://user:hunter2@",
        "esdb://user:hunter2@localhost:2113?Tsl=false",
        "esdb://:hunter2@localhost:2113",
        "esdb://user:hunter2@localhost:2113?NodePreference=nearest",
        "",
    ],
)
def test_a_bad_uri_is_refused_without_repeating_its_password(uri: str) -> None:
    with pytest.raises(ValueError, match="not an EventStoreDB URI") as refused:
        EventStoreDBEventLog(uri)
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
