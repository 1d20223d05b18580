"""What every keeper of subjects' keys promises."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from domain.client.sealed import KeyGone, Place
from domain.client.subject_keys import Sealer, SubjectKeys
from infra.clock import SystemIds
from infra.settings import Settings
from infra.subject_keys.master_key_file import MasterKeyFile
from infra.subject_keys.postgres_subject_keys import PostgresSubjectKeys
from tests.doubles.memory_subject_keys import MemorySubjectKeys

PLACE = Place("client-alice", 1, "name")


@pytest.fixture(params=["memory", "postgres"])
async def keys(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SubjectKeys]:
    if request.param == "memory":
        yield MemorySubjectKeys()
        return
    dsn = request.getfixturevalue("postgres_dsn")
    async with asyncpg.create_pool(dsn, min_size=1, max_size=8) as pool:
        master = MasterKeyFile(Settings(data_dir=tmp_path))
        found = PostgresSubjectKeys(pool, master, SystemIds())
        await found.install()
        yield found


def opens(sealer: Sealer | None, sealed_by: Sealer) -> bool:
    assert sealer is not None
    return sealer.open(sealed_by.seal("Alice", PLACE), PLACE) == "Alice"


async def test_nothing_is_kept_at_first(keys: SubjectKeys) -> None:
    assert await keys.find("alice") is None
    assert not await keys.exists("alice")


async def test_a_key_is_made_once_and_found_again(keys: SubjectKeys) -> None:
    made = await keys.create("alice")
    assert await keys.exists("alice")
    assert opens(await keys.find("alice"), made)
    assert opens(await keys.create("alice"), made)


async def test_who_makes_it_at_once_gets_one(keys: SubjectKeys) -> None:
    first, *others = await asyncio.gather(*(keys.create("alice") for _ in range(8)))
    assert all(opens(other, first) for other in others)


async def test_each_subject_has_its_own(keys: SubjectKeys) -> None:
    alice, bob = await keys.create("alice"), await keys.create("bob")
    assert alice.seal("x", PLACE).key_id != bob.seal("x", PLACE).key_id


async def test_destroyed_for_ever(keys: SubjectKeys) -> None:
    await keys.create("alice")
    bob = await keys.create("bob")
    for _ in range(2):
        await keys.destroy("alice")
        assert not await keys.exists("alice")
        assert await keys.find("alice") is None
        with pytest.raises(KeyGone, match="alice"):
            await keys.create("alice")
    assert opens(await keys.find("bob"), bob)


async def test_destroyed_before_it_was_made(keys: SubjectKeys) -> None:
    await keys.destroy("alice")
    with pytest.raises(KeyGone):
        await keys.create("alice")


async def test_no_key_outlives_a_race_with_its_destruction(keys: SubjectKeys) -> None:
    for number in range(10):
        subject = f"s{number}"
        racing = [keys.create(subject), keys.destroy(subject), keys.create(subject)]
        ended = await asyncio.gather(*racing, return_exceptions=True)
        assert not await keys.exists(subject)
        assert all(isinstance(end, KeyGone) for end in ended if isinstance(end, Exception))
