import asyncio
from collections.abc import Sequence
from decimal import Decimal

import pytest

from domain.account.account import Account
from domain.errors import Busy, Conflict
from domain.log import Appended, LogUnavailable, NewEvent, WrongExpectedVersion
from domain.order.terms import Side
from domain.policies.commands import ReleaseReservation
from domain.repository import Repository
from domain.use_cases.account_desk import AccountDesk, Transfer
from domain.use_cases.change import MAX_RACES, change
from tests.domain.world import NOON, World, an_instrument, context_for
from tests.doubles.memory_log import MemoryEventLog


async def test_many_changes_of_one_stream_all_count() -> None:
    world = World(processes=2)
    account_id = await world.account(deposit="1")

    async def deposit(number: int) -> None:
        desk = world.processes[number % 2].accounts
        transfer = Transfer(account_id, f"t{number}", "USDT", Decimal(1))
        await desk.deposit(transfer, context_for(str(number)))

    async with asyncio.TaskGroup() as group:
        for number in range(40):
            group.create_task(deposit(number))
    assert (await world.account_state(account_id)).balance("USDT") == 41


async def test_a_refusal_on_a_cached_state_is_decided_again() -> None:
    """Money that came in through another process can be taken out through this one."""
    world = World(processes=2)
    account_id = await world.account(deposit="1")
    here, there = (process.accounts for process in world.processes)
    await here.deposit(Transfer(account_id, "mine", "USDT", Decimal(1)), context_for("mine"))
    await there.deposit(Transfer(account_id, "theirs", "USDT", Decimal(7)), context_for("theirs"))
    await here.withdraw(Transfer(account_id, "out", "USDT", Decimal(9)), context_for("out"))
    assert (await world.account_state(account_id)).balance("USDT") == 0


async def test_nothing_decided_on_a_cached_state_is_decided_again() -> None:
    """A release that finds no reservation on an old state must look at the newest."""
    world = World(processes=2)
    account_id = await world.account()
    here, there = world.processes
    there.repository.give_back(await there.repository.load(Account, account_id))

    def reserve(account: Account) -> None:
        account.reserve(
            "o",
            an_instrument(),
            Side.BUY,
            Decimal(1),
            Decimal(1),
            reduce_only=False,
            fingerprint="f",
            now=NOON,
        )

    await change(here.repository, Account, account_id, reserve, context_for("reserve"))
    release = ReleaseReservation(account_id, "o", "cancelled")
    await there.settlement.carry_out(release, context_for("release"))
    assert (await world.account_state(account_id)).reservations == {}


class AlwaysLate(MemoryEventLog):
    async def append(
        self, stream: str, events: Sequence[NewEvent], *, expected_version: int
    ) -> Appended:
        raise WrongExpectedVersion(stream, expected_version, None)


async def test_races_are_bounded() -> None:
    world = World()
    account_id = await world.account()
    repository = Repository(AlwaysLate(world.store), "test")
    decided: list[int] = []

    def decide(account: Account) -> None:
        decided.append(account.version)
        account.deposit("t", "USDT", Decimal(1), NOON)

    with pytest.raises(Busy):
        await change(repository, Account, account_id, decide, context_for("x"))
    assert len(decided) == MAX_RACES


async def test_a_lost_answer_is_the_callers_to_repeat() -> None:
    world = World()
    account_id = await world.account(deposit="1")
    transfer = Transfer(account_id, "t", "USDT", Decimal(5))
    world.here.log.lose_next_answer()
    with pytest.raises(LogUnavailable):
        await world.here.accounts.deposit(transfer, context_for("t"))
    done = await world.here.accounts.deposit(transfer, context_for("t"))
    assert done.position == len(world.store.events)
    assert (await world.account_state(account_id)).balance("USDT") == 6


async def test_a_refused_change_keeps_the_aggregate_in_the_cache() -> None:
    world = World()
    account_id = await world.account(deposit="1")
    desk = AccountDesk(world.here.repository, world.clock)
    with pytest.raises(Conflict):
        await desk.withdraw(Transfer(account_id, "t", "USDT", Decimal(5)), context_for("t"))
    cached = await world.here.repository.load(Account, account_id)
    assert cached == await world.account_state(account_id)
