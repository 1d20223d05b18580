"""Whose schema it is, who is at work on it, and what becomes of it."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from domain.errors import InvalidInput, NotFound, Refused
from domain.event import format_time
from domain.log import RecordedEvent
from infra.own_schemas import NAMES, build_schema, is_own
from projections.builds import Builds, install
from projections.registry import ALL_PROJECTIONS
from projections.risk import RISK_PROJECTION
from replay.cut import Cut
from replay.rebuild_run import RebuildFailed
from replay.schemas import Progress, Schemas, check_name, check_new_name
from tests.doubles.memory_log import MemoryEventLog, MemoryStore
from tests.projections.history import History
from tests.replay.rebuilding import Archive, Heard, open_archive


@pytest.fixture
async def archive(postgres_dsn: str) -> AsyncIterator[Archive]:
    async with open_archive(postgres_dsn) as opened:
        await opened.append(History(61), 100)
        yield opened


async def refused(work: object) -> str:
    with pytest.raises(Refused) as caught:
        await work  # type: ignore[misc]  # any awaitable
    return caught.value.code


async def test_a_schema_of_others_is_never_touched(archive: Archive) -> None:
    execute = archive.connection.execute
    await execute("create schema theirs; create table theirs.orders as select 1 as a")
    assert await refused(archive.rebuild(50, "theirs")) == "not_ours"
    assert await refused(archive.rebuilder().drop("theirs")) == "not_ours"
    assert await archive.connection.fetchval("select a from theirs.orders") == 1
    assert await archive.states() == {}


async def test_a_schema_that_others_put_in_its_place_is_theirs(archive: Archive) -> None:
    await archive.rebuild(50, "past")
    await archive.connection.execute("drop schema past cascade")
    await archive.connection.execute("create schema past; create table past.orders ()")
    (listed,) = await archive.rebuilder().all()
    assert (listed.name, listed.is_there) == ("past", False)
    assert await refused(archive.rebuild(50, "past")) == "not_ours"
    assert await refused(archive.rebuilder().drop("past")) == "not_ours"
    assert await archive.connection.fetchval("select to_regclass('past.orders')")


async def test_one_that_was_dropped_by_hand_can_be_made_again(archive: Archive) -> None:
    await archive.rebuild(50, "past")
    await archive.connection.execute("drop schema past cascade")
    manifest = await archive.rebuild(60, "past")
    assert manifest.cut.position == 60
    assert await archive.states() == {"past": "usable"}


async def test_what_is_there_is_not_made_again(archive: Archive) -> None:
    made = await archive.rebuild(50, "past")
    assert await refused(archive.rebuild(50, "past")) == "schema_exists"
    assert await refused(archive.rebuild(60, "past")) == "schema_exists"
    (listed,) = await archive.rebuilder().all()
    assert listed.read_manifest() == made


async def test_drop(archive: Archive) -> None:
    await archive.rebuild(50, "past")
    await archive.rebuild(50, "other")
    await archive.rebuilder().drop("past")
    assert await archive.states() == {"other": "usable"}
    assert await archive.schemas() == {"other", "replay"}
    with pytest.raises(NotFound):
        await archive.rebuilder().drop("past")


async def test_what_others_have_put_into_it_or_on_it_is_not_dropped_with_it(
    archive: Archive,
) -> None:
    await archive.rebuild(50, "past")
    execute = archive.connection.execute
    await execute("create view public.report as select count(*) from past.orders")
    assert await refused(archive.rebuilder().drop("past")) == "schema_in_use"
    await execute("drop view public.report; create table past.notes ()")
    assert await refused(archive.rebuilder().drop("past")) == "schema_in_use"
    assert await archive.states() == {"past": "usable"}
    assert await archive.connection.fetchval("select count(*) from past.order_timeline")
    await execute("drop table past.notes")
    await archive.rebuilder().drop("past")


async def test_what_is_being_read_is_not_dropped(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replay.schemas.LOCK_MS", 50)
    await archive.rebuild(50, "past")
    async with archive.connection.transaction():
        await archive.connection.fetch("select * from past.orders")
        assert await refused(archive.rebuilder().drop("past")) == "schema_in_use"
    assert await archive.states() == {"past": "usable"}


class HeldLog(MemoryEventLog):
    """Stands after the first page that is read once a rebuild has started."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.started = False
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()

    async def read_all(self, **bounds: Any) -> AsyncGenerator[Sequence[RecordedEvent]]:
        async for page in super().read_all(**bounds):
            yield page
            if self.started:
                self.reached.set()
                await self.go_on.wait()


async def test_of_two_at_once_the_second_is_refused(archive: Archive) -> None:
    log = HeldLog(archive.log.store)

    class Starting(Heard):
        def started(self, cut: Cut, progress: Progress) -> None:
            log.started = True

    first = archive.rebuilder(log=log, page_size=9).rebuild("50", "past", (), Starting())
    rebuilding = asyncio.create_task(first)
    await log.reached.wait()
    assert await refused(archive.rebuild(50, "past")) == "schema_in_use"
    assert await refused(archive.rebuilder().drop("past")) == "schema_in_use"
    assert await archive.states() == {"past": "unfinished"}
    await archive.rebuild(50, "elsewhere")
    log.go_on.set()
    await rebuilding
    assert await archive.states() == {"elsewhere": "usable", "past": "usable"}


async def test_many_at_once_into_one(archive: Archive) -> None:
    outcomes = await asyncio.gather(
        *(archive.rebuild(90, "past", page_size=9) for _ in range(3)), return_exceptions=True
    )
    refusals = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert len(refusals) == 2
    assert {getattr(refusal, "code", refusal) for refusal in refusals} <= {
        "schema_in_use",
        "schema_exists",
    }
    assert await archive.states() == {"past": "usable"}


async def test_whoever_lost_the_lock_without_knowing_writes_nothing(archive: Archive) -> None:
    schemas = Schemas(archive.clock)

    class Usurped(Heard):
        """After its first page, another goes on with the schema."""

        def moved(self, progress: Progress) -> None:
            usurpers.append(asyncio.ensure_future(usurp()))

    async def usurp() -> None:
        await schemas.take_over(archive.connection, "past")

    usurpers: list[asyncio.Future[None]] = []
    with pytest.raises(RebuildFailed, match="another rebuild"):
        await archive.rebuilder(page_size=1).rebuild("90", "past", (), Usurped())
    await asyncio.gather(*usurpers, return_exceptions=True)
    assert await archive.states() == {"past": "unfinished"}
    await archive.rebuild(90, "past")


async def test_only_the_same_request_goes_on_with_what_is_unfinished(archive: Archive) -> None:
    text = format_time(archive.log.store.events[79].recorded_at)

    class Stopped(Exception):
        pass

    class Stopping(Heard):
        def moved(self, progress: Progress) -> None:
            raise Stopped

    with pytest.raises(Stopped):
        await archive.rebuilder(page_size=9).rebuild(text, "past", (), Stopping())
    assert await archive.states() == {"past": "unfinished"}
    assert await refused(archive.rebuild(81, "past")) == "other_rebuild"
    assert await refused(archive.rebuild(text, "past", ["orders"])) == "other_rebuild"
    assert await refused(archive.rebuild(text, "past", code_version="2.0")) == "other_rebuild"
    await archive.append(History(62), 30)
    manifest = await archive.rebuild(text, "past")
    assert manifest.cut.position == 80


@pytest.mark.parametrize(
    "name", ["", "Past", "1st", "a-b", "a b", 'a"b', "ä", "a" * 64, "past\n", "past_v١_1"]
)
def test_what_is_no_name(name: str) -> None:
    for check in (check_name, check_new_name):
        with pytest.raises(InvalidInput, match="small letters") as caught:
            check(name)
        assert caught.value.code == "invalid_schema"


REPOSITORY = Path(__file__).parents[2]
ROOMS = ("adapters", "api", "infra", "projections", "replay")

RESERVED = (
    *("public", "information_schema", "pg_past", "pg_temp", "pg_catalog"),
    *("read", "log", "market", "projections", "replay", "subject_keys", "workers", "paper_venue"),
    *("accounts_v2_41", "orders_v9_9", "order_timeline_v1_0", "next_release_v10_12345"),
)


@pytest.mark.parametrize("name", RESERVED)
def test_what_others_call_theirs(name: str) -> None:
    with pytest.raises(InvalidInput, match=f"{name} is a name that the core") as caught:
        check_new_name(name)
    assert (caught.value.code, caught.value.field) == ("invalid_schema", "into")


def test_whatever_schema_the_code_makes_is_reserved() -> None:
    made = {
        name
        for room in ROOMS
        for path in (REPOSITORY / room).rglob("*.sql")
        for name in re.findall(r"(?i)create schema (?:if not exists )?(\w+)", path.read_text())
    }
    assert made == NAMES
    for projection in ALL_PROJECTIONS:
        assert is_own(build_schema(projection.name, projection.version, 1))


WORDS = ("a", "select", "user", "past_2026_01", "accounts", "v2_41", "past_v2", "a" * 63)


async def test_any_other_word_will_do(archive: Archive) -> None:
    for name in WORDS:
        await archive.rebuild(20, name)
        assert await archive.connection.fetchval(f'select count(*) from "{name}".accounts')
        await archive.rebuilder().drop(name)


async def test_what_a_former_release_called_so_can_be_dropped(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as former:
        former.setattr("replay.rebuild.check_new_name", check_name)
        await archive.rebuild(20, "accounts_v2_41")
    assert await refused(archive.rebuild(20, "accounts_v2_42")) == "invalid_schema"
    await archive.rebuilder().drop("accounts_v2_41")
    assert await refused(archive.rebuilder().drop("read")) == "no_such_schema"
    assert await archive.schemas() == {"replay"}


async def test_a_build_takes_no_schema_of_others(archive: Archive) -> None:
    """Nor one of the tool's, which a former release let have such a name."""
    execute, builds = archive.connection.execute, Builds(archive.clock)
    await install(archive.connection)
    names = [build_schema("risk", RISK_PROJECTION.version, number) for number in (1, 2, 3)]
    for name in names[:2]:
        await execute(f"create schema {name}; create table {name}.theirs as select 1 as a")
    async with archive.connection.transaction():
        made = await builds.create(archive.connection, RISK_PROJECTION)
    assert made.build == names[2]
    for name in names[:2]:
        assert await archive.connection.fetchval(f"select a from {name}.theirs") == 1
