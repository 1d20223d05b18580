from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import cast

import pytest

from domain.account.account import Account
from domain.use_cases.account_desk import Transfer
from domain.use_cases.decision import Circumstances
from replay.decisions.account_histories import AccountHistories
from replay.decisions.account_history import Ready
from replay.decisions.not_replayable import NotReplayable
from replay.decisions.recorded_decision import PASSED, Identity, RecordedDecision
from tests.domain.world import World, context_for
from tests.doubles.memory_log import MemoryEventLog, MemoryStore


class CountingLog(MemoryEventLog):
    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.folds = 0

    def read_stream(self, stream: str, **options: int):  # type: ignore[no-untyped-def]  # as it is
        self.folds += 1
        return super().read_stream(stream, **options)


async def a_log(deposits: int) -> tuple[CountingLog, str]:
    """An account with one event, and one for each deposit of 1."""
    world = World()
    account = await world.account(deposit="1")
    for number in range(deposits - 1):
        transfer = Transfer(account, str(number), "USDT", Decimal(1))
        await world.here.accounts.deposit(transfer, context_for("deposit", str(number)))
    return CountingLog(world.store), account


def a_decision(account_id: str, version: int) -> RecordedDecision:
    identity = Identity(f"at {version}", account_id, "OrderPlaced", 1, "", "")
    return RecordedDecision(
        identity=identity,
        verdicts=(),
        outcome=PASSED,
        price=None,
        account_version=version,
        pending=(),
        proposed=cast("Callable[..., object]", None),  # type: ignore[arg-type]  # nobody asks
        circumstances=cast("Circumstances", None),
    )


async def told(ready: AsyncIterator[Ready]) -> list[tuple[int, int]]:
    """The version each decision names, and the one its account was at."""
    return [(each.account_version, account.version) async for each, account in ready]


async def hear(
    histories: AccountHistories, log: CountingLog, versions: range
) -> list[tuple[int, int]]:
    found = []
    for version in versions:
        found += await told(histories.hear(log.store.events[version - 1]))
    return found


async def test_decisions_of_any_order_meet_their_account_in_one_fold() -> None:
    log, account = await a_log(deposits=9)
    histories = AccountHistories(log, keep=5)
    found = await hear(histories, log, range(1, 6))
    for version in (5, 2, 4, 2):
        found += await told(histories.decide(a_decision(account, version)))
    assert found == []
    found = await hear(histories, log, range(6, 11))
    found += [(each.account_version, at.version) for each, at in histories.finish()]
    assert found == [(2, 2), (2, 2), (4, 4), (5, 5)]
    assert log.folds == 0


async def test_what_looks_back_further_reads_the_stream() -> None:
    log, account = await a_log(deposits=9)
    histories = AccountHistories(log, keep=2)
    await hear(histories, log, range(1, 11))
    assert await told(histories.decide(a_decision(account, 3))) == [(3, 3)]
    assert log.folds == 1


async def test_what_waits_is_bounded() -> None:
    log, account = await a_log(deposits=9)
    histories = AccountHistories(log, keep=5, max_waiting=3)
    await hear(histories, log, range(1, 11))
    found = []
    for _ in range(5):
        found += await told(histories.decide(a_decision(account, 10)))
    assert found == [(10, 10)] * 4
    assert [each.account_version for each, _ in histories.finish()] == [10]


async def test_an_account_that_was_let_go_of_is_read_again() -> None:
    log, account = await a_log(deposits=4)
    histories = AccountHistories(log, max_accounts=0)
    await hear(histories, log, range(1, 6))
    assert log.folds == 4
    assert await told(histories.decide(a_decision(account, 2))) == [(2, 2)]


async def test_a_version_that_came_later() -> None:
    log, account = await a_log(deposits=4)
    histories = AccountHistories(log)
    await hear(histories, log, range(1, 4))
    with pytest.raises(NotReplayable, match="version 4 of its account, which came later"):
        await told(histories.decide(a_decision(account, 4)))
    with pytest.raises(NotReplayable, match="has no version 6"):
        await told(histories.decide(a_decision("nobody", 6)))
    assert Account.stream_of("nobody") not in log.store.streams
