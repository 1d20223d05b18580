"""The database itself keeps the log as it is."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import asyncpg
import pytest

from infra.log.postgres import PostgresEventLog
from tests.contract.events import all_of, new_events

if TYPE_CHECKING:
    from asyncpg import Connection, Record

CHANGES = [
    "update log.events set data = 'x'",
    "update log.events set data = data where false",
    "delete from log.events",
    "delete from log.events where position = 3",
    "truncate log.events",
    "truncate log.events cascade",
    "insert into log.events select * from log.events on conflict (id) do update set version = 9",
    "merge into log.events using (values (1)) v(p) on position = p when matched then delete",
]


@pytest.fixture
async def owner(postgres_dsn: str) -> "AsyncIterator[Connection[Record]]":
    """A connection of the table's owner, here even a superuser, to a log of three events."""
    async with PostgresEventLog.open(postgres_dsn) as log:
        await log.append("order-1", new_events(3), expected_version=0)
        before = await all_of(log.read_all())
        connection = await asyncpg.connect(postgres_dsn)
        yield connection
        await connection.close()
        assert await all_of(log.read_all()) == before


@pytest.mark.parametrize("replication_role", ["origin", "replica"])
@pytest.mark.parametrize("change", CHANGES)
async def test_what_is_stored_cannot_be_changed(
    owner: "Connection[Record]", change: str, replication_role: str
) -> None:
    await owner.execute(f"set session_replication_role = {replication_role}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append only"):
        await owner.execute(change)


async def test_two_events_never_share_a_place_or_an_id(owner: "Connection[Record]") -> None:
    copy = "insert into log.events select {}, type, data, metadata, recorded_at from log.events"
    for columns in (
        "position, 'other', version, gen_random_uuid()",
        "position + 3, stream, version, gen_random_uuid()",
        "position + 3, 'other', version, id",
    ):
        with pytest.raises(asyncpg.UniqueViolationError):
            await owner.execute(copy.format(columns))
