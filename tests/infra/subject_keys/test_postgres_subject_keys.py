"""The table of keys: nothing in clear, nothing usable elsewhere, and closed without its master."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import psycopg
import pytest

from domain.client.sealed import KeyDamaged, Place, Sealed
from infra.clock import SystemIds
from infra.embedded.postgres import EmbeddedPostgres
from infra.settings import Settings, SettingsError
from infra.subject_keys.master_key_file import FILE_NAME, MasterKeyFile
from infra.subject_keys.postgres_subject_keys import PostgresSubjectKeys
from infra.subject_keys.statements import SQL

if TYPE_CHECKING:
    from asyncpg import Pool, Record

PLACE = Place("client-alice", 1, "name")


@pytest.fixture(scope="module")
def database(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """One for all tests here: each begins without the schema."""
    with psycopg.connect(postgres_server.dsn, autocommit=True) as connection:
        connection.execute("create database of_subject_keys template template0")
        yield postgres_server.dsn_of("of_subject_keys")
        connection.execute("drop database of_subject_keys with (force)")


@pytest.fixture
async def pool(database: str) -> AsyncIterator["Pool[Record]"]:
    async with asyncpg.create_pool(database, min_size=1, max_size=4) as pool:
        await pool.execute(
            "drop schema if exists subject_keys cascade; drop table if exists backup"
        )
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
    opened = MasterKeyFile(master.settings).read().current
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


async def opened(keys: PostgresSubjectKeys, sealed: Mapping[str, Sealed]) -> dict[str, str]:
    found = {subject: await keys.find(subject) for subject in sealed}
    return {
        subject: sealer.open(sealed[subject], PLACE) for subject, sealer in found.items() if sealer
    }


SUBJECTS = ("alice", "bob", "carol")
IN_CLEAR = {"alice": "text of alice", "carol": "text of carol"}


async def sealed_for(keys: PostgresSubjectKeys) -> dict[str, Sealed]:
    """Bob is erased."""
    sealed = {
        subject: (await keys.create(subject)).seal(f"text of {subject}", PLACE)
        for subject in SUBJECTS
    }
    await keys.destroy("bob")
    return sealed


async def test_wrapped_anew_a_copy_from_before_opens_nothing(
    keys: PostgresSubjectKeys, pool: "Pool[Record]", master: Master
) -> None:
    sealed = await sealed_for(keys)
    await pool.execute("create table backup as select * from subject_keys.keys")
    first = master.text()
    done = await keys.rewrap()
    assert (done.keys, done.old_keys) == (2, 0)
    assert master.text() not in (first, None)
    assert str(first) not in str(master.text())
    assert await opened(keys, sealed) == IN_CLEAR
    await pool.execute("delete from subject_keys.keys")
    await pool.execute("insert into subject_keys.keys select * from backup")
    with pytest.raises(KeyDamaged, match="another master key"):
        await keys.find("alice")


@pytest.mark.parametrize("stops_at", ["rewrap", "forget_old"])
async def test_wrapping_anew_that_stops_goes_on(
    keys: PostgresSubjectKeys, monkeypatch: pytest.MonkeyPatch, stops_at: str
) -> None:
    sealed = await sealed_for(keys)

    def stop(*_: object) -> None:
        raise RuntimeError("stopped")

    with monkeypatch.context() as broken:
        if stops_at == "rewrap":
            broken.setattr(PostgresSubjectKeys, "_rewrap", stop)
        else:
            broken.setattr(MasterKeyFile, "forget_old", stop)
        with pytest.raises(RuntimeError, match="stopped"):
            await keys.rewrap()
    assert await opened(keys, sealed) == IN_CLEAR
    dora = (await keys.create("dora")).seal("text of dora", PLACE)
    done = await keys.rewrap()
    assert done.keys == (2 if stops_at == "rewrap" else 0)
    assert await opened(keys, {**sealed, "dora": dora}) == {**IN_CLEAR, "dora": "text of dora"}


async def test_many_at_once(keys: PostgresSubjectKeys, master: Master) -> None:
    """No key is ever left under a master key that is gone."""
    sealed: dict[str, Sealed] = {}

    async def use(number: int) -> None:
        subject = f"s{number}"
        sealer = await keys.create(subject)
        sealed[subject] = sealer.seal(subject, PLACE)
        assert await opened(keys, {subject: sealed[subject]}) == {subject: subject}

    await use(0)
    work = [use(number) for number in range(1, 12)]
    await asyncio.gather(*work, *(keys.rewrap() for _ in range(3)))
    assert await opened(keys, sealed) == {subject: subject for subject in sealed}
    assert len(str(master.text()).split()) == 1


WAITING = (
    "select count(*) from pg_locks l join pg_database d on d.oid = l.database"
    " where d.datname = current_database() and l.locktype = 'advisory' and not l.granted"
)


async def test_who_wraps_waits_for_who_wraps(
    keys: PostgresSubjectKeys, pool: "Pool[Record]", master: Master
) -> None:
    """Nobody may read the master key and use it after it was given up."""
    await keys.create("alice")
    first = master.text()
    async with asyncio.TaskGroup() as group, pool.acquire() as holder, holder.transaction():
        await holder.execute(SQL["lock_masters"])
        group.create_task(keys.create("bob"))
        group.create_task(keys.rewrap())
        async with asyncio.timeout(10):
            while await holder.fetchval(WAITING) < 2:
                pass
        assert master.text() == first
        assert not await keys.exists("bob")
    assert master.text() != first
    assert await keys.find("bob") is not None


async def test_a_damaged_key_stops_it_and_loses_no_other(
    keys: PostgresSubjectKeys, pool: "Pool[Record]"
) -> None:
    sealed = await sealed_for(keys)
    await pool.execute("update subject_keys.keys set wrapped = '' where subject = 'carol'")
    with pytest.raises(KeyDamaged, match="carol"):
        await keys.rewrap()
    assert await opened(keys, {"alice": sealed["alice"]}) == {"alice": "text of alice"}
    await keys.destroy("carol")
    assert (await keys.rewrap()).keys == 1
    assert await opened(keys, {"alice": sealed["alice"]}) == {"alice": "text of alice"}


async def test_without_keys_there_is_nothing_to_wrap(keys: PostgresSubjectKeys) -> None:
    with pytest.raises(SettingsError, match="is missing"):
        await keys.rewrap()
