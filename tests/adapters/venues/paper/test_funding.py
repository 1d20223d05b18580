"""Deposits and withdrawals of the log arrive at the venue, once, for its own accounts only."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

from adapters.venues.paper.funding import TRANSFERS, Funding
from adapters.venues.paper.venue import PaperVenue
from domain.command import Actor, ActorType, CommandContext, command_id_for
from domain.fees import FeeSchedule
from domain.log_worker import LogWorker
from domain.repository import Repository
from domain.use_cases.account_desk import AccountDesk, OpenAccount, Transfer
from tests.adapters.venues.paper.running import running_venue
from tests.domain.checkpoints import MemoryCheckpoints
from tests.doubles.manual_clock import ManualClock
from tests.doubles.memory_log import MemoryEventLog
from tests.doubles.memory_paper_journal import MemoryPaperJournal

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def context(*key: str) -> CommandContext:
    return CommandContext(command_id_for(*key), "c", Actor(ActorType.HUMAN, "tester", "test"))


class Story:
    """Accounts in a log."""

    def __init__(self) -> None:
        self.log = MemoryEventLog()
        self.desk = AccountDesk(Repository(self.log, "test"), ManualClock(NOON))

    async def open(self, venue: str) -> str:
        fees = FeeSchedule(Decimal(0), Decimal(0))
        request = OpenAccount("alice", venue, Decimal(1), fees)
        return (await self.desk.open(request, context("open", venue))).id

    async def deposit(self, account_id: str, name: str, amount: str) -> None:
        transfer = Transfer(account_id, name, "USDT", Decimal(amount))
        await self.desk.deposit(transfer, context(account_id, name))

    async def withdraw(self, account_id: str, name: str, amount: str) -> None:
        transfer = Transfer(account_id, name, "USDT", Decimal(amount))
        await self.desk.withdraw(transfer, context(account_id, name))


async def follow(story: Story, venue: PaperVenue) -> None:
    """As a new worker would, from the log's first event to its last."""
    funding = Funding(story.log, venue)
    worker = LogWorker(
        name="paper_funding",
        log=story.log,
        checkpoints=MemoryCheckpoints(),
        only=TRANSFERS,
        handler=funding.handle,
    )
    run = asyncio.create_task(worker.run())
    await asyncio.wait_for(worker.caught_up.wait(), 10)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)


async def test_transfers_of_the_log_are_made_once_each() -> None:
    story = Story()
    mine, elsewhere = await story.open("paper"), await story.open("binance")
    await story.deposit(mine, "first", "100")
    await story.deposit(elsewhere, "first", "7")
    await story.withdraw(mine, "second", "30")
    journal = MemoryPaperJournal()
    for _ in range(2):
        async with running_venue(journal, ManualClock()) as venue:
            await follow(story, venue)
            assert await venue.balances(mine) == {"USDT": Decimal(70)}
            assert await venue.balances(elsewhere) == {}
    assert len(journal.texts) == 2
