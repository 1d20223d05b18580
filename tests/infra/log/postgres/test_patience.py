"""Who waits for a database that is away can be told to stop, though the driver lost the word."""

import asyncio
from typing import cast

import asyncpg
import pytest

from infra.log.postgres.connection import connect_listener, connect_writer
from infra.log.postgres.reader import PatientReader


class Driver:
    """Is cancelled, and says that the connection is gone; the second time it heeds."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._has_lost_one = False

    def is_closing(self) -> bool:
        return False

    async def fetchval(self, *_: object, **__: object) -> int:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if self._has_lost_one:
                raise
            self._has_lost_one = True
            raise ConnectionResetError from None
        return 0

    connect = fetchval


async def _require_that_it_stops(asking: "asyncio.Task[object]", driver: Driver) -> None:
    await driver.asked.wait()
    asking.cancel()
    done, _ = await asyncio.wait([asking], timeout=2)
    asking.cancel()
    assert done, "it goes on asking"
    assert asking.cancelled()


async def test_a_reader_heeds_a_cancellation_that_got_lost() -> None:
    driver = Driver()
    reader = PatientReader(cast("asyncpg.Pool[asyncpg.Record]", driver))
    await _require_that_it_stops(asyncio.ensure_future(reader.head()), driver)


async def test_so_does_who_connects(monkeypatch: pytest.MonkeyPatch) -> None:
    for connecting in (connect_writer("dsn"), connect_listener("dsn", lambda *_: None)):
        driver = Driver()
        monkeypatch.setattr(asyncpg, "connect", driver.connect)
        await _require_that_it_stops(asyncio.ensure_future(connecting), driver)
