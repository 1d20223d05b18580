"""The table of keys: nothing in clear, nothing usable elsewhere, and closed without its master."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from domain.client.sealed import KeyDamaged, Place
from infra.clock import SystemIds
from infra.settings import Settings, SettingsError
from infra.subject_keys.master_key import FILE_NAME, MasterKeyFile
from infra.subject_keys.postgres_subject_keys import PostgresSubjectKeys

if TYPE_CHECKING:
    from asyncpg import Pool, Record

PLACE = Place("client-alice", 1, "name")


@pytest.fixture
async def pool(postgres_dsn: str) -> AsyncIterator["Pool[Record]"]:
    async with asyncpg.create_pool(postgres_dsn, min_size=1, max_size=4) as pool:
        yield pool


class Master:
    """The file of the master key."""

    def __init__(self, directory: Path) -> None:
        self.settings = Settings(data_dir=directory)
        self._path = directory / FILE_NAME

    def text(self) -> str | None:
        return self._path.read_text() if self._path.exists() else None

    def lose(self) -> None:
        self._path.unlink()

    def replace(self) -> None:
        self._path.write_text("ab" * 32)


@pytest.fixture
def master(tmp_path: Path) -> Master:
    return Master(tmp_path)


@pytest.fixture
async def keys(pool: "Pool[Record]", master: Master) -> PostgresSubjectKeys:
    keys = PostgresSubjectKeys(pool, MasterKeyFile(master.settings), SystemIds())
    await keys.install()
    await keys.install()
    return keys


async def test_a_row_alone_opens_nothing(
    keys: PostgresSubjectKeys, pool: "Pool[Record]", master: Master
) -> None:
    sealer = await keys.create("alice")
    row = await pool.fetchrow("select * from subject_keys.keys")
    assert row is not None
    assert (row["subject"], str(row["key_id"])) == ("alice", sealer.seal("x", PLACE).key_id)
    assert len(row["wrapped"]) == 12 + 32 + 16
    opened = MasterKeyFile(master.settings).read()
    key = opened.unwrap(row["wrapped"], f"alice {row['key_id']}")
    assert key not in row["wrapped"]
    assert str(master.text()) not in str(dict(row))


async def test_without_the_master_key_all_is_closed_but_destruction(
    keys: PostgresSubjectKeys, master: Master
) -> None:
    await keys.create("alice")
    master.lose()
    for use in (keys.find("alice"), keys.create("alice"), keys.create("bob")):
        with pytest.raises(SettingsError, match="is missing"):
            await use
    assert master.text() is None
    assert await keys.exists("alice")
    await keys.destroy("alice")
    assert not await keys.exists("alice")


async def test_under_another_master_key_nothing_is_made_or_found(
    keys: PostgresSubjectKeys, master: Master
) -> None:
    await keys.create("alice")
    master.replace()
    for use in (keys.find("alice"), keys.create("alice"), keys.create("bob")):
        with pytest.raises(KeyDamaged, match="another master key"):
            await use


CHANGES = (
    "set wrapped = b.wrapped from subject_keys.keys b where b.subject = 'bob' and",
    "set wrapped = b.wrapped, key_id = b.key_id from subject_keys.keys b"
    " where b.subject = 'bob' and",
    "set wrapped = substr(k.wrapped, 1, 59) where",
    "set wrapped = '' where",
    "set key_id = gen_random_uuid() where",
)


async def test_a_row_that_was_changed_is_refused(
    keys: PostgresSubjectKeys, pool: "Pool[Record]"
) -> None:
    await keys.create("bob")
    for number, change in enumerate(CHANGES):
        subject = f"alice-{number}"
        await keys.create(subject)
        await pool.execute(f"update subject_keys.keys k {change} k.subject = '{subject}'")
        with pytest.raises(KeyDamaged, match=subject):
            await keys.find(subject)


async def test_a_destroyed_key_leaves_nothing_but_its_subject(
    keys: PostgresSubjectKeys, pool: "Pool[Record]"
) -> None:
    await keys.create("alice")
    await keys.destroy("alice")
    first = await pool.fetchval("select destroyed_at from subject_keys.keys")
    await keys.destroy("alice")
    row = await pool.fetchrow("select * from subject_keys.keys")
    assert row is not None
    assert {name for name, value in row.items() if value is not None} == {
        "subject",
        "created_at",
        "destroyed_at",
    }
    assert row["destroyed_at"] == first


async def test_a_key_is_whole_or_destroyed(keys: PostgresSubjectKeys, pool: "Pool[Record]") -> None:
    await keys.create("alice")
    for half in ("set wrapped = null", "set destroyed_at = now()", "set key_id = null"):
        with pytest.raises(asyncpg.CheckViolationError):
            await pool.execute(f"update subject_keys.keys {half}")
