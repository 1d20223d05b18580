"""Subjects' keys in a table of their own."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from domain.client.sealed import KeyDamaged, KeyGone
from domain.client.subject_keys import Sealer, SubjectKeys
from domain.clock import Ids
from infra.subject_keys.aes_gcm_sealer import KEY_BYTES, AesGcmSealer
from infra.subject_keys.master_key import MasterKeys, WrapBroken
from infra.subject_keys.master_key_file import MasterKeyFile
from infra.subject_keys.statements import SCHEMA, SQL

if TYPE_CHECKING:
    from asyncpg import Pool, Record
    from asyncpg.pool import PoolConnectionProxy

    Connection = PoolConnectionProxy[Record]


class Rewrapped(msgspec.Struct, frozen=True):
    """How many keys were wrapped anew under the master key of this id; ``old_keys`` are those
    that a file which the core does not write still holds, and does not need any more."""

    keys: int
    master_id: str
    old_keys: int


class PostgresSubjectKeys:
    """``domain.client.subject_keys.SubjectKeys``.

    Using a key needs the master key, and fails closed without it: a new one is made only where
    nothing is wrapped under any. Destroying needs none. Every method raises what asyncpg raises,
    and, but for ``exists`` and ``destroy``, SettingsError for the file of the master key.
    """

    def __init__(self, pool: "Pool[Record]", master: MasterKeyFile, ids: Ids) -> None:
        self._pool = pool
        self._master = master
        self._ids = ids

    async def install(self) -> None:
        """Create what is missing of the schema. Safe from many processes at once."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(SQL["lock_install"])
            await connection.execute(SCHEMA)

    async def create(self, subject: str) -> Sealer:
        async with self._alone_with_masters() as connection:
            master = (await self._usable_masters(connection, subject)).current
            key_id = str(self._ids.new())
            wrapped = master.wrap(os.urandom(KEY_BYTES), _belongs_to(subject, key_id))
            await connection.execute(SQL["create"], subject, key_id, master.id, wrapped)
        sealer = await self.find(subject)
        if sealer is None:
            raise KeyGone(subject)
        return sealer

    async def find(self, subject: str) -> Sealer | None:
        try:
            return await self._find(subject)
        except KeyDamaged:
            # It may have been wrapped anew after it was read, and the old master key be gone.
            return await self._find(subject)

    async def exists(self, subject: str) -> bool:
        return bool(await self._pool.fetchval(SQL["exists"], subject))

    async def destroy(self, subject: str) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(SQL["durably"])
            await connection.execute(SQL["destroy"], subject)

    async def rewrap(self) -> Rewrapped:
        """Wrap every key under a new master key, then forget the old one: no copy of the table
        from before opens anything. Stopped anywhere, the next one goes on; until it is done the
        file holds both. Raises KeyDamaged; all keys are still wrapped as they were then."""
        async with self._alone_with_masters() as connection:
            masters = self._master.add()
            records = await connection.fetch(SQL["not_under"], masters.current.id)
            for record in records:
                await self._rewrap(connection, record, masters)
        async with self._alone_with_masters() as connection:
            masters = self._master.read()
            still = await connection.fetch(SQL["not_under"], masters.current.id)
            old = self._master.forget_old() if not still else len(masters.ids) - 1
        return Rewrapped(len(records), masters.current.id, old)

    async def _find(self, subject: str) -> Sealer | None:
        record = await self._pool.fetchrow(SQL["find"], subject)
        if record is None:
            return None
        key = self._unwrapped(subject, record, self._master.read())
        return AesGcmSealer(str(record["key_id"]), key)

    async def _usable_masters(self, connection: "Connection", subject: str) -> MasterKeys:
        """Those that all keys are wrapped under, or a first one."""
        used = {record["master_id"] for record in await connection.fetch(SQL["master_ids"])}
        masters = self._master.read() if used else self._master.read_or_make()
        if used - masters.ids:
            raise KeyDamaged(subject, self._not_this_master())
        return masters

    async def _rewrap(
        self, connection: "Connection", record: "Record", masters: MasterKeys
    ) -> None:
        subject = record["subject"]
        key = self._unwrapped(subject, record, masters)
        wrapped = masters.current.wrap(key, _belongs_to(subject, str(record["key_id"])))
        await connection.execute(SQL["rewrap"], subject, masters.current.id, wrapped)

    def _unwrapped(self, subject: str, record: "Record", masters: MasterKeys) -> bytes:
        """Raises KeyDamaged."""
        master = masters.get(record["master_id"])
        if master is None:
            raise KeyDamaged(subject, self._not_this_master())
        try:
            return master.unwrap(record["wrapped"], _belongs_to(subject, str(record["key_id"])))
        except WrapBroken as error:
            raise KeyDamaged(subject, str(error)) from error

    @asynccontextmanager
    async def _alone_with_masters(self) -> AsyncGenerator["Connection"]:
        """In a transaction; nobody else wraps a key meanwhile."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(SQL["durably"])
            await connection.execute(SQL["lock_masters"])
            yield connection

    def _not_this_master(self) -> str:
        return f"keys are wrapped under another master key than that in {self._master.path}"


def _belongs_to(subject: str, key_id: str) -> str:
    """Neither holds a space: no wrapped key passes for another subject's."""
    return f"{subject} {key_id}"


def _conforms(keys: PostgresSubjectKeys) -> SubjectKeys:
    return keys
