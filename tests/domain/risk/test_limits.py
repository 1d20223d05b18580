import asyncio
from decimal import Decimal

import msgspec
import pytest

from domain.errors import Conflict, InvalidInput
from domain.event import Event, UnknownEventType
from domain.log import NewEvent
from domain.risk.events import RiskLimitsSet
from domain.risk.limits import Limits
from domain.risk.risk_book import RiskBook
from domain.risk.risk_limits import RiskLimits
from domain.risk.trading_state import TradingState
from domain.use_cases.risk_desk import ChangeTrading, SetLimits, require_scope
from tests.domain.world import NOON, World, context_for, until


def numbers_of(value: str) -> list[Limits]:
    names = [n for n, t in msgspec.structs.asdict(FULL).items() if isinstance(t, Decimal)]
    return [msgspec.structs.replace(FULL, **{name: Decimal(value)}) for name in names]


FULL = Limits(
    allowed_symbols=("BTCUSDT",),
    price_collar=Decimal("0.1"),
    quote_max_age_ms=1,
    max_order_quantity=Decimal(1),
    max_order_value=Decimal(1),
    max_position=Decimal(1),
    max_exposure=Decimal(1),
    max_open_orders=1,
    max_messages_per_second=1,
    duplicate_window_ms=60_000,
    max_daily_loss=Decimal(1),
)


@pytest.mark.parametrize("value", ["-1", "NaN", "Infinity", "-Infinity", "sNaN"])
def test_limits_are_finite_and_not_negative(value: str) -> None:
    FULL.check()
    for limits in numbers_of(value):
        with pytest.raises(InvalidInput) as refusal:
            limits.check()
        assert refusal.value.code == ("negative_limit" if value == "-1" else "invalid_limit")


@pytest.mark.parametrize(
    "name",
    ["quote_max_age_ms", "max_open_orders", "max_messages_per_second", "duplicate_window_ms"],
)
def test_counts_are_not_negative(name: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        msgspec.structs.replace(FULL, **{name: -1}).check()
    assert refusal.value.field == name


def test_a_window_longer_than_the_memory_would_not_be_kept() -> None:
    with pytest.raises(InvalidInput) as refusal:
        Limits(duplicate_window_ms=60_001).check()
    assert refusal.value.code == "window_too_long"


def test_old_and_new_limits_stand_side_by_side() -> None:
    risk = RiskLimits.empty("system")
    risk.set_limits("1", FULL, "first", NOON)
    risk.set_limits("2", Limits(), "second", NOON)
    event = risk.pending[-1]
    assert isinstance(event, RiskLimitsSet)
    assert (event.previous, event.limits, event.reason) == (FULL, Limits(), "second")


def test_states() -> None:
    risk = RiskLimits.empty("system")
    risk.reduce("1", "slowly", NOON)
    assert (risk.state, risk.state_reason) == (TradingState.REDUCING, "slowly")
    risk.halt("2", "now", NOON)
    with pytest.raises(Conflict) as refusal:
        risk.reduce("3", "x", NOON)
    assert refusal.value.code == "trading_halted"
    risk.halt("4", "again", NOON)
    assert risk.version == 3
    risk.resume("5", "calm", NOON)
    assert risk.state is TradingState.ACTIVE
    with pytest.raises(Conflict) as refusal:
        risk.resume("6", "x", NOON)
    assert refusal.value.code == "not_halted"


def test_a_change_counts_once() -> None:
    risk = RiskLimits.empty("system")
    risk.halt("1", "x", NOON)
    risk.resume("2", "x", NOON)
    risk.halt("1", "x", NOON)
    risk.resume("2", "x", NOON)
    assert (risk.version, risk.state) == (2, TradingState.ACTIVE)
    for change in (risk.resume, risk.reduce):
        with pytest.raises(Conflict) as refusal:
            change("1", "x", NOON)
        assert refusal.value.code == "idempotency_key_reused"
    with pytest.raises(Conflict):
        risk.set_limits("1", Limits(), "x", NOON)


@pytest.mark.parametrize(
    "scope", ["system", "client:c", "account:0f-1.x_Y", "strategy:" + "s" * 64]
)
def test_scopes(scope: str) -> None:
    require_scope(scope)


@pytest.mark.parametrize(
    "scope",
    [
        "",
        "System",
        "system:x",
        "user:1",
        "account:",
        "account:a b",
        "account:ä",
        "a",
        "account:" + "x" * 65,
        "account:x\n",
    ],
)
def test_strange_scopes(scope: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        require_scope(scope)
    assert refusal.value.code == "invalid_scope"


async def test_a_halt_is_in_force_at_once() -> None:
    world = World()
    await world.set_limits()
    book = world.here.risk_book
    halt = ChangeTrading("client:c", "1", "test")
    await world.here.risk.halt(halt, context_for("halt"))
    assert book.scope("client:c").state is TradingState.HALTED
    assert [s.id for s in book.scopes_of("c", "a", None)] == ["system", "client:c", "account:a"]
    assert book.scopes_of("c", "a", "s")[-1].id == "strategy:s"
    await world.here.risk.resume(ChangeTrading("client:c", "2", ""), context_for("resume"))
    assert book.scope("client:c").state is TradingState.ACTIVE


async def test_every_change_goes_through_the_desk() -> None:
    world = World()
    desk = world.here.risk
    await desk.set_limits(SetLimits("system", "1", FULL, "x"), context_for("1"))
    await desk.reduce(ChangeTrading("system", "2", "x"), context_for("2"))
    with pytest.raises(InvalidInput):
        await desk.halt(ChangeTrading("everything", "3", "x"), context_for("3"))
    assert [e.type for e in world.store.events] == ["RiskLimitsSet", "TradingReduced"]


def events_of(*changes: str) -> list[Event]:
    risk = RiskLimits.empty("system")
    for number, change in enumerate(changes):
        getattr(risk, change)(str(number), "x", NOON)
    return list(risk.pending)


def test_the_book_takes_events_once_and_in_order() -> None:
    book = RiskBook()
    first, second, third = events_of("halt", "resume", "halt")
    book.note([third, second])
    assert book.scope("system").version == 0
    book.note([first, first, third])
    assert book.scope("system").state is TradingState.HALTED
    book.note([second, first, third])
    assert (book.scope("system").version, book.scope("system").state) == (3, TradingState.HALTED)


async def test_the_book_is_current_only_while_it_follows() -> None:
    world = World()
    await world.here.risk.halt(ChangeTrading("system", "1", "x"), context_for("1"))
    book = RiskBook()
    following = asyncio.create_task(book.follow(world.here.log))
    await until(lambda: book.is_current)
    assert book.scope("system").state is TradingState.HALTED
    await world.here.risk.resume(ChangeTrading("system", "2", "x"), context_for("2"))
    await until(lambda: book.scope("system").version == 2)
    strange = NewEvent(context_for("x").command_id, "RiskTeleported", b"{}", b"{}")
    await world.here.log.append("risk-system", [strange], expected_version=2)
    with pytest.raises(UnknownEventType, match="RiskTeleported"):
        await following
    assert not book.is_current
