"""Limits are not current while the log is silent, and know of every halt when they are again."""

import asyncio
from collections.abc import AsyncGenerator
from decimal import Decimal

import pytest

from domain.command import Actor, ActorType, CommandContext, command_id_for
from domain.log import LogFailed, LogUnavailable
from domain.repository import Repository
from domain.risk.limits import Limits
from domain.risk.risk_book import RiskBook
from domain.risk.trading_state import TradingState
from domain.use_cases.risk_desk import ChangeTrading, RiskDesk, SetLimits
from infra.composition.limits import PATIENCE_SECONDS, PULSE_SECONDS, keep_limits_current
from tests.doubles.manual_clock import ManualClock
from tests.doubles.memory_log import MemoryEventLog

SCOPE = "system"


class FaultyLog(MemoryEventLog):
    """``error`` is what a question raises; ``stopped`` says nothing until it goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.error: Exception | None = None
        self._goes_on = asyncio.Event()
        self._goes_on.set()
        self.asked = 0

    def stop(self) -> None:
        self._goes_on.clear()

    def go_on(self) -> None:
        self._goes_on.set()

    async def head(self) -> int:
        self.asked += 1
        await self._goes_on.wait()
        if self.error is not None:
            raise self.error
        return await super().head()


class Core:
    """A book that is kept current, and somebody else who changes limits."""

    def __init__(self) -> None:
        self.log = FaultyLog()
        self.clock = ManualClock()
        self.book = RiskBook()
        self.following = asyncio.create_task(keep_limits_current(self.book, self.log, self.clock))
        self._desk = RiskDesk(Repository(self.log, "test"), RiskBook(), self.clock)

    async def set_limits(self) -> None:
        limits = Limits(max_order_value=Decimal(1))
        await self._desk.set_limits(SetLimits(SCOPE, "limits", limits, "test"), _context("limits"))

    async def halt(self) -> None:
        await self._desk.halt(ChangeTrading(SCOPE, "halt", "test"), _context("h"))

    async def pass_time(self, seconds: float) -> None:
        for _ in range(int(seconds / 0.25)):
            await self.clock.advance(0.25)
            await settle()


def _context(name: str) -> CommandContext:
    command_id = command_id_for("test", name)
    return CommandContext(command_id, str(command_id), Actor(ActorType.SYSTEM, "somebody", "test"))


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


@pytest.fixture
async def core() -> AsyncGenerator[Core]:
    core = Core()
    await core.set_limits()
    await settle()
    assert core.book.is_current
    yield core
    core.following.cancel()
    await asyncio.gather(core.following, return_exceptions=True)


async def test_limits_stay_current_while_the_log_answers(core: Core) -> None:
    for _ in range(20):
        await core.pass_time(PULSE_SECONDS)
        assert core.book.is_current
    assert core.log.asked >= 20


async def test_limits_are_not_current_while_the_log_is_away(core: Core) -> None:
    core.log.error = LogUnavailable("away")
    await core.pass_time(PULSE_SECONDS)
    assert not core.book.is_current
    await core.pass_time(60)
    assert not core.book.is_current
    core.log.error = None
    await core.pass_time(PULSE_SECONDS)
    assert core.book.is_current


async def test_limits_are_not_current_while_the_log_says_nothing(core: Core) -> None:
    core.log.stop()
    await core.pass_time(PULSE_SECONDS + PATIENCE_SECONDS)
    assert not core.book.is_current
    asked = core.log.asked
    await core.pass_time(60)
    assert not core.book.is_current
    assert core.log.asked == asked, "the question that hangs is not asked again"
    core.log.go_on()
    await core.pass_time(PULSE_SECONDS)
    assert core.book.is_current


async def test_a_halt_in_the_silence_is_known_when_limits_are_current_again(core: Core) -> None:
    core.log.error = LogUnavailable("away, from here")
    await core.pass_time(PULSE_SECONDS)
    await core.halt()
    core.log.error = None
    while not core.book.is_current:
        assert core.book.scope(SCOPE).version <= 2
        await core.pass_time(PULSE_SECONDS)
    assert core.book.scope(SCOPE).state is TradingState.HALTED


async def test_a_log_that_has_failed_is_not_waited_for(core: Core) -> None:
    core.log.error = LogFailed("the disk is full")
    await core.pass_time(PULSE_SECONDS)
    with pytest.raises(ExceptionGroup) as failed:
        await core.following
    assert failed.group_contains(LogFailed, match="the disk is full")
    assert not core.book.is_current
