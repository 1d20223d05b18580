"""TLS and credentials as the URI says."""

import base64
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest

from domain.log import LogFailed, LogUnavailable
from infra.log.eventstoredb import EventStoreDBEventLog
from tests.doubles.eventstoredb import EventStoreDBDouble
from tests.doubles.self_signed import SelfSigned, self_signed
from tests.infra.log.eventstoredb.conftest import QUICK, event

PASSWORD = "p@ss/w:rd %"
ENCODED = "p%40ss%2Fw%3Ard%20%25"


@pytest.fixture(scope="module")
def identity() -> SelfSigned:
    return self_signed(datetime.now(UTC), seed=1)


@pytest.fixture
async def secure(identity: SelfSigned) -> AsyncIterator[EventStoreDBDouble]:
    tls = grpc.ssl_server_credentials([(identity.key, identity.certificate)])
    password = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
    async with EventStoreDBDouble(tls=tls, password=password) as double:
        yield double


@pytest.fixture
def authority(identity: SelfSigned, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_bytes(identity.certificate)
    return path


async def test_everything_over_tls_with_credentials(
    secure: EventStoreDBDouble, authority: Path
) -> None:
    uri = f"esdb://admin:{ENCODED}@127.0.0.1:{secure.ports[0]}?TlsCaFile={authority}"
    async with EventStoreDBEventLog.open(uri, patience=QUICK) as log:
        await log.append("order-1", [event(1)], expected_version=0)
        assert [len(page) async for page in log.read_stream("order-1")] == [1]
        async with aclosing(log.subscribe()) as news:
            assert await anext(news)


async def test_wrong_credentials_are_refused_and_not_repeated(
    secure: EventStoreDBDouble, authority: Path
) -> None:
    uri = f"esdb://admin:hunter2@127.0.0.1:{secure.ports[0]}?TlsCaFile={authority}"
    with pytest.raises(LogFailed, match="PERMISSION_DENIED") as refused:
        async with EventStoreDBEventLog.open(uri, patience=QUICK):
            pass
    assert "hunter2" not in str(refused.value)


async def test_a_server_that_nobody_vouches_for_is_not_trusted(
    secure: EventStoreDBDouble,
) -> None:
    uri = f"esdb://admin:{ENCODED}@127.0.0.1:{secure.ports[0]}"
    with pytest.raises(LogUnavailable) as refused:
        async with EventStoreDBEventLog.open(uri, patience=QUICK):
            pass
    assert ENCODED not in str(refused.value)
    assert secure.calls.total() == 0


async def test_credentials_never_travel_in_clear(double: EventStoreDBDouble) -> None:
    log = EventStoreDBEventLog(f"esdb://admin:secret@127.0.0.1:{double.ports[0]}?Tls=false")
    assert await log.head() == 0
    await log.close()
    assert "authorization" not in double.metadata_keys
