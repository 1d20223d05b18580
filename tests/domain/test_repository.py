from decimal import Decimal

import pytest

from domain.account.account import Account
from domain.event import UnknownEventType
from domain.log import LogUnavailable, NewEvent, WrongExpectedVersion
from domain.repository import Repository
from tests.domain.world import FEES, NOON, context_for
from tests.doubles.memory_log import MemoryEventLog, MemoryStore


def a_repository(store: MemoryStore, cache_size: int = 10) -> Repository:
    return Repository(MemoryEventLog(store), "test", cache_size)


async def opened(repository: Repository, name: str = "a") -> Account:
    account = await repository.load(Account, name)
    account.open("client", "paper", Decimal(1), FEES, NOON)
    await repository.save(account, context_for("open", name))
    return account


class CountingLog(MemoryEventLog):
    reads = 0

    def read_stream(self, stream, **options):  # type: ignore[no-untyped-def]  # as the real one
        self.reads += 1
        return super().read_stream(stream, **options)


async def test_a_missing_stream_is_an_aggregate_that_does_not_exist() -> None:
    account = await a_repository(MemoryStore()).load(Account, "a")
    assert not account.exists
    assert (account.version, account.stream) == (0, "account-a")


async def test_saved_and_loaded() -> None:
    store = MemoryStore()
    repository = a_repository(store)
    account = await opened(repository)
    account = await repository.load(Account, "a")
    account.deposit("t", "USDT", Decimal(5), NOON)
    account.deposit("u", "USDT", Decimal(6), NOON)
    appended = await repository.save(account, context_for("deposit"))
    assert appended is not None
    assert (appended.version, appended.position) == (3, 3)
    fresh = await a_repository(store).load(Account, "a")
    assert fresh == await repository.load(Account, "a")
    assert fresh.balance("USDT") == 11


async def test_saving_nothing_appends_nothing() -> None:
    store = MemoryStore()
    repository = a_repository(store)
    account = await repository.load(Account, "a")
    assert await repository.save(account, context_for("nothing")) is None
    assert store.events == []


async def test_who_loads_owns() -> None:
    """Two that load the same aggregate never share an object."""
    repository = a_repository(MemoryStore())
    await opened(repository)
    one = await repository.load(Account, "a")
    other = await repository.load(Account, "a")
    assert one is not other
    one.deposit("t", "USDT", Decimal(5), NOON)
    assert other.balance("USDT") == 0


async def test_a_lost_race_leaves_nothing_behind() -> None:
    store = MemoryStore()
    here, there = a_repository(store), a_repository(store)
    await opened(here)
    mine, theirs = await here.load(Account, "a"), await there.load(Account, "a")
    theirs.deposit("theirs", "USDT", Decimal(1), NOON)
    await there.save(theirs, context_for("theirs"))
    mine.deposit("mine", "USDT", Decimal(2), NOON)
    with pytest.raises(WrongExpectedVersion):
        await here.save(mine, context_for("mine"))
    again = await here.load(Account, "a")
    assert (again.version, again.balance("USDT")) == (2, Decimal(1))


async def test_a_lost_answer_does_not_stay_in_the_cache() -> None:
    store = MemoryStore()
    log = MemoryEventLog(store)
    repository = Repository(log, "test")
    await opened(repository)
    account = await repository.load(Account, "a")
    account.deposit("t", "USDT", Decimal(5), NOON)
    log.lose_next_answer()
    with pytest.raises(LogUnavailable):
        await repository.save(account, context_for("deposit"))
    assert (await repository.load(Account, "a")).balance("USDT") == 5


async def test_the_same_append_again_is_one_append() -> None:
    store = MemoryStore()
    for repository in (a_repository(store), a_repository(store)):
        account = Account.empty("a")
        account.open("client", "paper", Decimal(1), FEES, NOON)
        appended = await repository.save(account, context_for("open"))
        assert appended is not None
        assert appended.position == 1
    assert len(store.events) == 1


async def test_the_same_command_decided_otherwise_is_not_the_same_append() -> None:
    """Else a process would go on with a state that is not the log's."""
    store = MemoryStore()
    await opened(a_repository(store))
    other = a_repository(store)
    account = Account.empty("a")
    account.open("client", "paper", Decimal("0.5"), FEES, NOON)
    with pytest.raises(WrongExpectedVersion):
        await other.save(account, context_for("open", "a"))


async def test_newest_reads_only_what_is_new() -> None:
    store = MemoryStore()
    log = CountingLog(store)
    here, there = Repository(log, "test"), a_repository(store)
    await opened(here)
    theirs = await there.load(Account, "a")
    theirs.deposit("t", "USDT", Decimal(1), NOON)
    await there.save(theirs, context_for("theirs"))
    reads = log.reads
    stale = await here.load(Account, "a")
    assert (stale.version, log.reads) == (1, reads)
    here.give_back(stale)
    newest = await here.load(Account, "a", newest=True)
    assert (newest.version, log.reads) == (2, reads + 1)


async def test_an_older_state_does_not_replace_a_newer_one() -> None:
    repository = a_repository(MemoryStore())
    await opened(repository)
    newer = await repository.load(Account, "a")
    older = await repository.load(Account, "a")
    newer.deposit("t", "USDT", Decimal(1), NOON)
    await repository.save(newer, context_for("t"))
    repository.give_back(older)
    assert (await repository.load(Account, "a")).version == 2


async def test_what_decided_something_cannot_be_given_back() -> None:
    repository = a_repository(MemoryStore())
    account = await repository.load(Account, "a")
    account.open("client", "paper", Decimal(1), FEES, NOON)
    with pytest.raises(ValueError, match="undecided"):
        repository.give_back(account)


async def test_the_cache_is_bounded() -> None:
    store = MemoryStore()
    log = CountingLog(store)
    repository = Repository(log, "test", cache_size=2)
    for name in ("a", "b", "c"):
        await opened(repository, name)
    reads = log.reads
    repository.give_back(await repository.load(Account, "c"))
    assert log.reads == reads
    await repository.load(Account, "a")
    assert log.reads == reads + 1


async def test_an_unknown_type_stops_loading() -> None:
    store = MemoryStore()
    log = MemoryEventLog(store)
    repository = Repository(log, "test")
    await opened(repository)
    strange = NewEvent(context_for("x").command_id, "AccountTeleported", b"{}", b"{}")
    await log.append("account-a", [strange], expected_version=1)
    with pytest.raises(UnknownEventType):
        await Repository(log, "test").load(Account, "a")


async def test_streams_take_turns_alone() -> None:
    repository = a_repository(MemoryStore())
    order: list[str] = []
    async with repository.turn("account-a"), repository.turn("account-b"):
        order.append("both")
    async with repository.turn("account-a"):
        order.append("again")
    assert order == ["both", "again"]
