"""Subjects' keys in a table of their own."""

import os
from typing import TYPE_CHECKING

from domain.client.sealed import KeyDamaged, KeyGone
from domain.client.subject_keys import Sealer, SubjectKeys
from domain.clock import Ids
from infra.subject_keys.aes_gcm_sealer import KEY_BYTES, AesGcmSealer
from infra.subject_keys.master_key import MasterKey, MasterKeyFile, WrapBroken
from infra.subject_keys.statements import SCHEMA, SQL

if TYPE_CHECKING:
    from asyncpg import Pool, Record


class PostgresSubjectKeys:
    """``domain.client.subject_keys.SubjectKeys``.

    Using a key needs the master key, and fails closed without it: a new one is made only where
    nothing is wrapped under any. Destroying needs none. Every method raises what asyncpg raises.
    """

    def __init__(self, pool: "Pool[Record]", master: MasterKeyFile, ids: Ids) -> None:
        self._pool = pool
        self._master = master
        self._ids = ids

    async def install(self) -> None:
        """Create what is missing of the schema. Safe from many processes at once."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(SQL["lock"])
            await connection.execute(SCHEMA)

    async def create(self, subject: str) -> Sealer:
        """Raises SettingsError for the master key."""
        master = await self._usable_master(subject)
        key_id = str(self._ids.new())
        wrapped = master.wrap(os.urandom(KEY_BYTES), _belongs_to(subject, key_id))
        await self._pool.execute(SQL["create"], subject, key_id, master.id, wrapped)
        sealer = await self.find(subject)
        if sealer is None:
            raise KeyGone(subject)
        return sealer

    async def find(self, subject: str) -> Sealer | None:
        """Raises SettingsError for the master key."""
        record = await self._pool.fetchrow(SQL["find"], subject)
        if record is None:
            return None
        master = self._master.read()
        if record["master_id"] != master.id:
            raise KeyDamaged(subject, self._not_this_master())
        key_id = str(record["key_id"])
        try:
            key = master.unwrap(record["wrapped"], _belongs_to(subject, key_id))
        except WrapBroken as error:
            raise KeyDamaged(subject, str(error)) from error
        return AesGcmSealer(key_id, key)

    async def exists(self, subject: str) -> bool:
        return bool(await self._pool.fetchval(SQL["exists"], subject))

    async def destroy(self, subject: str) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(SQL["durably"])
            await connection.execute(SQL["destroy"], subject)

    async def _usable_master(self, subject: str) -> MasterKey:
        """One that all keys are wrapped under, or a first one."""
        used = {record["master_id"] for record in await self._pool.fetch(SQL["master_ids"])}
        master = self._master.read() if used else self._master.read_or_make()
        if used - {master.id}:
            raise KeyDamaged(subject, self._not_this_master())
        return master

    def _not_this_master(self) -> str:
        return f"keys are wrapped under another master key than that in {self._master.path}"


def _belongs_to(subject: str, key_id: str) -> str:
    """Neither holds a space: no wrapped key passes for another subject's."""
    return f"{subject} {key_id}"


def _conforms(keys: PostgresSubjectKeys) -> SubjectKeys:
    return keys
