"""Snapshots of read models: what comes out of them is what went in, or they are not used."""

import asyncio
import io
import random
import shutil
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from domain.log import LogFailed, LogUnavailable
from infra.composition.replay_moments import moments
from infra.composition.replay_snapshots import SNAPSHOTTED
from projections.accounts import ACCOUNTS_PROJECTION as ACCOUNTS
from projections.orders import ORDERS_PROJECTION as ORDERS
from replay.snapshots.policy import Policy
from replay.snapshots.snapshot_file import SnapshotWriter
from tests.projections.history import History
from tests.replay.snapshots.keeping import POLICY, Keeping, Tables, open_keeping

ROUNDS = 12


@pytest.fixture
async def keeping(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Keeping]:
    async with open_keeping(postgres_dsn, tmp_path / "snapshots") as opened:
        yield opened


@pytest.mark.parametrize("seed", [1, 2])
async def test_any_moment_is_as_it_was(keeping: Keeping, seed: int) -> None:
    """Of the read models at every cut, snapshots being taken at some of them."""
    history, some = History(seed), random.Random(seed)
    seen: dict[int, Tables] = {}
    kept: list[int] = []
    for _ in range(ROUNDS):
        head = await keeping.happen(history, some.randint(1, 60))
        seen[head] = {**await keeping.now(ACCOUNTS), **await keeping.now(ORDERS)}
        if some.random() < 0.4:
            assert all((await keeping.keep()).values())
            kept.append(head)
    assert kept
    for position, tables in seen.items():
        with keeping.reads() as reads:
            then = [await keeping.then(projection, position) for projection in SNAPSHOTTED]
        assert {**then[0], **then[1]} == tables
        base = max((each for each in kept if each <= position), default=0)
        assert set(reads.after) == ({base} if base < position else set())
    assert keeping.set_aside(ACCOUNTS) == keeping.set_aside(ORDERS) == 0


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def renamed(path: Path) -> None:
    """To a position before the one it is of, where it would tell what came only later."""
    path.rename(path.with_name(f"{int(path.stem) - 1:020d}.snapshot"))


def taken_for_another_model(path: Path) -> None:
    (other,) = path.parents[1].glob(f"accounts.v*/{path.name}")
    shutil.copy(other, path)


def of_another_version(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"model_version":2', b'"model_version":1'))


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def unreadable(path: Path) -> None:
    """Whoever may read everything cannot read what leads to itself."""
    path.unlink()
    path.symlink_to(path)


def of_a_former_format(path: Path) -> None:
    """Sealed, and no field of it is known any more."""
    writer = SnapshotWriter(file := io.BytesIO())
    writer.seal(Former())  # type: ignore[arg-type]  # as another release did
    path.write_bytes(file.getvalue())


class Former(msgspec.Struct):
    format: int = 1
    parts: tuple[()] = ()


_OF_MOMENTS = (
    "from pg_stat_activity where application_name = 'patriot-past' and datname = current_database()"
)
COUNT_MOMENTS = f"select count(*) {_OF_MOMENTS}"
END_MOMENTS = f"select count(pg_terminate_backend(pid)) {_OF_MOMENTS}"

DAMAGES = (
    *(cut, torn, emptied, flipped, zeroed, renamed),
    *(taken_for_another_model, of_another_version, of_a_former_format),
    *(a_directory, unreadable),
)


@pytest.mark.parametrize("damage", DAMAGES)
async def test_what_cannot_be_trusted_is_set_aside(
    keeping: Keeping, damage: Callable[[Path], None]
) -> None:
    history = History(3)
    first = await keeping.happen(history, 100)
    await keeping.keep()
    await keeping.happen(history, 60)
    await keeping.keep()
    head = await keeping.happen(history, 20)
    damage(keeping.files(ORDERS)[-1])
    with keeping.reads() as reads:
        assert await keeping.then(ORDERS, head) == await keeping.now(ORDERS)
    assert reads.after == [first]
    assert keeping.set_aside(ORDERS) == 1
    assert len(keeping.files(ORDERS)) == 1
    assert len(list((keeping.directory).glob("aside/orders.v2.*"))) == 1


@pytest.mark.parametrize("rows", [b"", b"PGCOPY\n\xff\r\n\0", b"no rows at all"])
async def test_rows_that_the_database_does_not_take(keeping: Keeping, rows: bytes) -> None:
    """Though the file is whole: a part of it cannot be loaded, and nothing of it is."""
    history = History(12)
    await keeping.happen(history, 100)
    whole = (await keeping.keep())[ORDERS]
    assert whole is not None
    (path,) = keeping.files(ORDERS)
    path.unlink()
    partial = keeping.store.begin(whole.edition, whole.position)
    for table in ORDERS.tables:
        partial.writer.begin()
        partial.writer.write(rows)
        partial.writer.end(table.name, 1)
    partial.keep(whole)
    head = await keeping.happen(history, 20)
    with keeping.reads() as reads:
        assert await keeping.then(ORDERS, head) == await keeping.now(ORDERS)
    assert reads.after == [0]
    assert keeping.set_aside(ORDERS) == 1


async def test_they_are_taken_while_trading_goes_on(keeping: Keeping) -> None:
    """Each is of one position, whatever is projected meanwhile."""
    history, taker = History(13), keeping.taker()
    positions: list[int] = []
    while len(positions) < 6:
        going_on = asyncio.create_task(keeping.happen(history, 60))
        while not going_on.done():
            if (taken := await taker.take(ORDERS)) is not None:
                positions.append(taken.position)
        await going_on
    nothing_kept = Keeping(keeping.desk, {}, keeping.directory / "nothing")
    for position in positions:
        folded = await nothing_kept.then(ORDERS, position)
        with keeping.reads() as reads:
            assert await keeping.then(ORDERS, position) == folded
        assert reads.after == []


async def test_a_moment_leaves_nothing_behind(keeping: Keeping) -> None:
    head = await keeping.happen(History(14), 60)
    kept = moments(keeping.desk.dsn, keeping.desk.log, keeping.desk.clock, keeping.store)
    async with kept as opened:
        rows = await opened.rows("orders", head, "select order_id from read.orders", ())
        assert rows
        ended = await keeping.desk.connection.fetchval(END_MOMENTS)
        assert ended == 1
        await _until(keeping, 0)
        assert await opened.rows("orders", head, "select order_id from read.orders", ()) == rows
        await _until(keeping, 1)
    await _until(keeping, 0)


async def _until(keeping: Keeping, connections: int) -> None:
    while await keeping.desk.connection.fetchval(COUNT_MOMENTS) != connections:
        await keeping.desk.next_notice()


async def test_without_any_that_can_be_trusted_the_log_is_enough(keeping: Keeping) -> None:
    history = History(4)
    for _ in range(3):
        await keeping.happen(history, 40)
        await keeping.keep()
    for path in keeping.files(ORDERS):
        flipped(path)
    head = await keeping.desk.log.head()
    with keeping.reads() as reads:
        assert await keeping.then(ORDERS, head) == await keeping.now(ORDERS)
    assert reads.after == [0]
    assert keeping.set_aside(ORDERS) == 3


async def test_those_after_the_cut_are_left_alone(keeping: Keeping) -> None:
    history = History(5)
    head = await keeping.happen(history, 60)
    before = await keeping.now(ORDERS)
    await keeping.happen(history, 60)
    await keeping.keep()
    assert await keeping.then(ORDERS, head) == before
    assert len(keeping.files(ORDERS)) == 1
    assert keeping.set_aside(ORDERS) == 0


async def test_a_snapshot_of_another_log(keeping: Keeping) -> None:
    """As after a restore, or where the data directory was another core's: at the same place stands
    another event."""
    await keeping.happen(History(6), 90)
    await keeping.keep()
    store = keeping.desk.log.store
    for projection in SNAPSHOTTED:
        last = next(event for event in reversed(store.events) if projection.concerns(event))
        store.streams[last.stream][-1] = msgspec.structs.replace(last, id=UUID(int=1))
        with keeping.reads() as reads:
            then = await keeping.then(projection, await keeping.desk.log.head())
        assert then == await keeping.now(projection)
        assert reads.after == [0]
        assert keeping.set_aside(projection) == 1


async def test_a_restored_log_that_has_gone_on(keeping: Keeping) -> None:
    """The backup has the last event of the model. At the position of the snapshot there is another
    event now, which the model may not have seen."""
    history, store = History(15), keeping.desk.log.store
    await keeping.happen(history, 90)
    while ORDERS.concerns(store.events[-1]):
        await keeping.happen(history, 1)
    await keeping.keep()
    last = store.events[-1]
    last_of_orders = next(event for event in reversed(store.events) if ORDERS.concerns(event))
    assert last_of_orders.position < last.position
    store.events[-1] = msgspec.structs.replace(last, id=UUID(int=1))
    with keeping.reads() as reads:
        await keeping.then(ORDERS, last.position)
    assert reads.after == [0]
    assert keeping.set_aside(ORDERS) == 1


async def test_a_log_that_ends_before_the_snapshot(keeping: Keeping) -> None:
    """Nothing has come in the place of what is lost, and the model has all that is left."""
    history, store = History(15), keeping.desk.log.store
    await keeping.happen(history, 90)
    while ORDERS.concerns(store.events[-1]):
        await keeping.happen(history, 1)
    await keeping.keep()
    store.events.pop()
    with keeping.reads() as reads:
        await keeping.then(ORDERS, len(store.events) + 1)
    assert reads.after == [0]
    assert keeping.set_aside(ORDERS) == 1


async def test_what_the_log_says_when_it_is_asked_for_that_position(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some refuse a position between events: then it was an event's in another log. Where there is
    no answer, nothing is known of the snapshot."""
    head = await keeping.happen(History(16), 60)
    await keeping.keep()
    monkeypatch.setattr(keeping.desk.log, "read_back", lambda **_: raising(LogUnavailable("away")))
    with pytest.raises(LogUnavailable):
        await keeping.then(ORDERS, head)
    assert keeping.set_aside(ORDERS) == 0
    monkeypatch.setattr(keeping.desk.log, "read_back", lambda **_: raising(LogFailed("none there")))
    with keeping.reads() as reads:
        assert await keeping.then(ORDERS, head) == await keeping.now(ORDERS)
    assert reads.after == [0]
    assert keeping.set_aside(ORDERS) == 1


async def raising(*errors: Exception) -> AsyncIterator[object]:
    for error in errors:
        raise error
    yield None


async def test_a_row_that_somebody_altered_is_gone_once_it_is_built_anew(keeping: Keeping) -> None:
    """It was in the tables when the snapshot was taken, and so it is in the snapshot."""
    head = await keeping.happen(History(17), 90)
    before = await keeping.now(ORDERS)
    build = await keeping.build(ORDERS)
    await keeping.desk.connection.execute(f"update {build}.orders set quantity = quantity + 1")
    await keeping.keep()
    altered = await keeping.now(ORDERS)
    assert altered != before
    assert await keeping.then(ORDERS, head) == altered
    await keeping.rebuild(ORDERS)
    with keeping.reads() as reads:
        assert await keeping.then(ORDERS, head) == before
    assert reads.after == [0]


async def test_what_was_put_together_before_it_was_built_anew_is_let_go(keeping: Keeping) -> None:
    """A list that is asked for again comes from what is kept in temporary tables."""
    head = await keeping.happen(History(17), 90)
    build, statement = await keeping.build(ORDERS), "select distinct symbol from read.orders"
    await keeping.desk.connection.execute(f"update {build}.orders set symbol = 'ALTERED'")
    await keeping.keep()
    kept = moments(keeping.desk.dsn, keeping.desk.log, keeping.desk.clock, keeping.store)
    async with kept as opened:
        assert await opened.rows("orders", head, statement, ()) == [{"symbol": "ALTERED"}]
        await keeping.rebuild(ORDERS)
        rows = await opened.rows("orders", head, statement, ())
    assert rows
    assert {"symbol": "ALTERED"} not in rows


async def test_a_new_build_has_snapshots_of_its_own(keeping: Keeping) -> None:
    """Due as if there had been none; those of the old build are away then."""
    history, policy = History(18), Policy(events=10**6, time=timedelta(days=1), megabytes=100)
    await keeping.happen(history, 60)
    await keeping.keep()
    (old,) = keeping.files(ORDERS)
    await keeping.rebuild(ORDERS)
    taken = await keeping.taker(policy).take(ORDERS)
    assert taken is not None
    (new,) = keeping.files(ORDERS)
    assert old.parent != new.parent
    head = await keeping.happen(history, 20)
    with keeping.reads() as reads:
        assert await keeping.then(ORDERS, head) == await keeping.now(ORDERS)
    assert reads.after == [taken.position]


async def test_a_build_of_the_same_name_is_another(keeping: Keeping) -> None:
    """Where the table of builds was lost, their numbers begin anew."""
    head = await keeping.happen(History(19), 60)
    await keeping.keep()
    sql = "update projections.builds set created_at = created_at + interval '1 microsecond'"
    await keeping.desk.connection.execute(sql)
    with keeping.reads() as reads:
        assert await keeping.then(ORDERS, head) == await keeping.now(ORDERS)
    assert reads.after == [0]


async def test_one_that_lies_with_those_of_another_build(keeping: Keeping) -> None:
    history = History(20)
    await keeping.happen(history, 60)
    await keeping.keep()
    (old,) = keeping.files(ORDERS)
    content = old.read_bytes()
    await keeping.rebuild(ORDERS)
    head = await keeping.happen(history, 20)
    await keeping.keep()
    (new,) = keeping.files(ORDERS)
    new.unlink()
    (new.parent / old.name).write_bytes(content)
    with keeping.reads() as reads:
        assert await keeping.then(ORDERS, head) == await keeping.now(ORDERS)
    assert reads.after == [0]
    assert keeping.set_aside(ORDERS) == 1


async def test_where_they_cannot_be_listed(keeping: Keeping) -> None:
    head = await keeping.happen(History(21), 60)
    await keeping.keep()
    (kept,) = keeping.files(ORDERS)
    kept.unlink()
    kept.parent.rmdir()
    kept.parent.symlink_to(kept.parent)
    assert await keeping.then(ORDERS, head) == await keeping.now(ORDERS)
    assert keeping.registry.get_sample_value("patriot_snapshots_not_read_total") == 1


async def test_without_read_models_the_log_is_enough(keeping: Keeping) -> None:
    head = await keeping.happen(History(21), 60)
    await keeping.keep()
    before = await keeping.now(ORDERS)
    await keeping.desk.connection.execute("drop schema projections cascade")
    assert await keeping.then(ORDERS, head) == before


async def test_one_is_taken_when_it_is_due(keeping: Keeping) -> None:
    history = History(7)
    policy = Policy(events=30, time=timedelta(minutes=5), megabytes=100)
    taker = keeping.taker(policy)
    assert await taker.take(ORDERS) is None  # nothing has happened
    await keeping.happen(history, 10)
    first = await taker.take(ORDERS)
    assert first is not None
    assert await taker.take(ORDERS) is None
    while await keeping.desk.events_projected() < first.events + 30:
        assert await taker.take(ORDERS) is None
        await keeping.happen(history, 1)
    second = await taker.take(ORDERS)
    assert second is not None
    keeping.desk.clock.advance(minutes=6)
    assert await taker.take(ORDERS) is None  # nothing has happened since
    while await keeping.desk.events_projected() == second.events:
        await keeping.happen(history, 1)
    assert await keeping.taker(policy).take(ORDERS) is not None  # also after a restart
    assert len(keeping.files(ORDERS)) == 3


async def test_one_process_at_a_time_takes_them(keeping: Keeping) -> None:
    await keeping.happen(History(8), 60)
    taken = await asyncio.gather(*(keeping.taker().take(ORDERS) for _ in range(4)))
    assert sum(contents is not None for contents in taken) == 1
    assert len(keeping.files(ORDERS)) == 1


async def test_a_disk_that_is_full(keeping: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left of what could not be written; the next one is."""
    await keeping.happen(History(9), 60)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            await keeping.taker().take(ORDERS)
    assert [path for path in keeping.directory.rglob("*") if path.is_file()] == []
    assert await keeping.taker().take(ORDERS) is not None


async def test_what_goes_wrong_ends_nothing(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keeping.happen(History(10), 60)
    failed = asyncio.Event()

    def full(*_: object) -> None:
        failed.set()
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        running = asyncio.create_task(keeping.taker().run())
        await failed.wait()
    while len(keeping.files(ORDERS)) == 0:
        keeping.desk.clock.advance(minutes=1)
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_what_a_killed_taker_left_is_tidied(keeping: Keeping) -> None:
    history = History(11)
    await keeping.happen(history, 60)
    await keeping.keep()
    (kept,) = keeping.files(ORDERS)
    left = [
        kept.with_name("00000000000000000007.partial"),
        keeping.directory / "orders.v1" / "00000000000000000007.snapshot",
        keeping.directory / "orders.v2" / "00000000000000000007.snapshot",
    ]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"left")
    await keeping.happen(history, 60)
    assert await keeping.keep(POLICY)
    assert not any(path.exists() for path in left)
    assert kept.exists()
