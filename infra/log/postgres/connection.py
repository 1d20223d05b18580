"""Connections as the log needs them: one durable for the writer, several for readers."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import asyncpg
import stamina

from domain.cancellation import heed_cancellation
from infra.log.postgres.failures import DATABASE_ERRORS, is_transient
from infra.log.postgres.schema import create_schema
from infra.log.postgres.statements import CHANNEL

if TYPE_CHECKING:
    from asyncpg import Record
    from asyncpg.pool import Pool

    Connection = asyncpg.Connection[Record]
else:
    Connection = asyncpg.Connection

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 5.0
"""No statement takes nearly as long: the server is stopped, or the network has fallen silent. A
caller waits twice as long at most: a connection in doubt is given the same time to end."""

RECONNECT_SECONDS = 2.0
"""With waits from 50 ms doubling up to 2 s: a restart of the server passes within them."""

# The plans are made once, perhaps while the table is empty: they must suit a full one.
_PLANS = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "jit": "off"}

WRITER_SETTINGS = {
    "application_name": "patriot log writer",
    # An answer means flushed, whatever the default of the database or the role.
    "synchronous_commit": "on",
    **_PLANS,
}
READER_SETTINGS = {
    "application_name": "patriot log reader",
    "default_transaction_read_only": "on",
    **_PLANS,
}


class _Reader(Connection):
    """Reads leave nothing behind on a connection: the reset at every release is saved."""

    def get_reset_query(self) -> str:
        return ""


def _may_pass(error: Exception) -> bool:
    heed_cancellation()
    return is_transient(error)


def _is_of_the_database(error: Exception) -> bool:
    heed_cancellation()
    return isinstance(error, DATABASE_ERRORS)


async def prepare_database(dsn: str) -> None:
    """Creates what is missing. Raises errors of the database."""
    connection = await asyncpg.connect(dsn, timeout=ANSWER_SECONDS)
    try:
        await create_schema(connection)
    finally:
        await connection.close()


async def connect_writer(dsn: str) -> Connection:
    """Tries a bounded number of times, then raises the last error of the database."""
    async for attempt in stamina.retry_context(
        on=_may_pass,
        attempts=None,
        timeout=RECONNECT_SECONDS,
        wait_initial=0.05,
        wait_max=2,
        wait_jitter=0.1,
    ):
        with attempt:
            return await asyncpg.connect(
                dsn,
                timeout=CONNECT_SECONDS,
                command_timeout=ANSWER_SECONDS,
                server_settings=WRITER_SETTINGS,
            )
    raise AssertionError("the last attempt returns or raises")


async def connect_listener(dsn: str, heard: Callable[..., None]) -> Connection:
    """A connection that calls ``heard`` at every append; tried until there is one."""
    async for attempt in stamina.retry_context(
        on=_is_of_the_database,
        attempts=None,
        timeout=None,
        wait_initial=0.05,
        wait_max=2,
        wait_jitter=0.1,
    ):
        with attempt:
            connection = await asyncpg.connect(
                dsn, timeout=CONNECT_SECONDS, server_settings=READER_SETTINGS
            )
            try:
                await connection.add_listener(CHANNEL, heard)
            except BaseException:
                connection.terminate()
                raise
            return connection
    raise AssertionError("the last attempt returns or raises")


async def open_readers(dsn: str, size: int) -> "Pool[Record]":
    """A pool that opens its connections when they are first needed."""
    return await asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=size,
        timeout=CONNECT_SECONDS,
        command_timeout=ANSWER_SECONDS,
        connection_class=_Reader,
        server_settings=READER_SETTINGS,
    )
