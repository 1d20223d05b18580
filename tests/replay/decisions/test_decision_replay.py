"""Decisions of known histories, on today's code and on code that is not as it was."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from domain.command import Metadata
from domain.controls import registry
from domain.controls.check import OrderCheck
from domain.controls.limit import verdict
from domain.controls.price import price_collar
from domain.errors import NotFound
from domain.event import UndecodableEvent, UnknownEventType
from domain.order.order import Order
from domain.order.terms import OrderTerms, OrderType, Side
from domain.risk.limits import Limits
from domain.risk.verdict import Verdict
from domain.use_cases import decision
from domain.use_cases.requests import AmendOrder
from domain.use_cases.risk_desk import ChangeTrading
from domain.venue import Amendment
from replay.decisions.decision_replay import DecisionReplay, ReplayFailed
from replay.decisions.report import Report
from tests.domain.world import (
    NOON,
    FixedInstruments,
    World,
    a_fill,
    a_quote,
    an_instrument,
    context_for,
    terms_of,
)
from tests.doubles.memory_log import MemoryEventLog
from tests.replay.decisions.replaying import OCO, a_world, differing, replay

MARKET = terms_of(OrderType.MARKET)


async def again(world: World, limits: dict[str, Limits] | None = None) -> Report:
    return await replay(world.store, world.instruments, limits)


async def amend(world: World, order_id: str, amendment: Amendment) -> None:
    request = AmendOrder(order_id, "amend", amendment)
    await world.here.orders.amend(request, context_for("amend", order_id))


async def test_an_empty_log_has_no_decisions() -> None:
    report = await again(World())
    assert (report.decisions, report.is_clean) == (0, True)


async def test_placed_refused_and_amended_orders() -> None:
    world, account = await a_world()
    placed = await world.place(account, terms_of(), "1")
    world.clock.at += timedelta(seconds=1)
    await amend(world, placed.order_id, Amendment(quantity=Decimal(2)))
    refused = await world.place(account, terms_of(quantity="500"), "2")
    assert refused.code == "insufficient_funds"
    report = await again(world)
    assert (report.decisions, report.replayed, report.is_clean) == (3, 3, True)


@pytest.mark.parametrize(
    ("deposit", "code"), [("250", None), ("150", "insufficient_funds"), ("5", "insufficient_funds")]
)
async def test_a_pair_is_placed_or_refused_for_either_leg(deposit: str, code: str | None) -> None:
    """Of a refused pair, the first leg's reservation is nowhere but in the second one's inputs."""
    world, account = await a_world(deposit=deposit)
    world.clock.step = timedelta(milliseconds=7)
    assert (await world.place(account, OCO, "oco")).code == code
    report = await again(world)
    assert (report.decisions, report.replayed, report.is_clean) == (2, 2, True)


REFUSALS: tuple[tuple[str, Limits, OrderTerms], ...] = (
    ("instrument_not_allowed", Limits(allowed_symbols=("ETHUSDT",)), MARKET),
    ("instrument_not_trading", Limits(), terms_of(symbol="DEADUSDT")),
    ("quote_stale", Limits(quote_max_age_ms=99), MARKET),
    ("quote_missing", Limits(), terms_of(symbol="NEWUSDT")),
    ("price_collar_exceeded", Limits(price_collar=Decimal("0.01")), terms_of(limit_price="102")),
    ("below_min_notional", Limits(), terms_of(quantity="0.01")),
    ("max_order_quantity_exceeded", Limits(max_order_quantity=Decimal("0.9")), MARKET),
    ("max_order_value_exceeded", Limits(max_order_value=Decimal(90)), MARKET),
    ("max_position_exceeded", Limits(max_position=Decimal("1.5")), MARKET),
    ("max_exposure_exceeded", Limits(max_exposure=Decimal(150)), MARKET),
    ("max_open_orders_exceeded", Limits(max_open_orders=1), MARKET),
    ("message_rate_exceeded", Limits(max_messages_per_second=1), MARKET),
    ("duplicate_order", Limits(duplicate_window_ms=5_000), terms_of()),
    ("insufficient_funds", Limits(), terms_of(quantity="200")),
)


@pytest.mark.parametrize(("code", "limits", "terms"), REFUSALS, ids=[each[0] for each in REFUSALS])
async def test_refusals_of_every_control(code: str, limits: Limits, terms: OrderTerms) -> None:
    """The limits change between an order that is placed and the one that is refused."""
    world, account = await a_world()
    world.instruments = FixedInstruments(
        *(an_instrument(symbol) for symbol in ("BTCUSDT", "NEWUSDT")),
        an_instrument("DEADUSDT", trading=False),
    )
    world.here.decisions._instruments = world.instruments
    world.quotes["DEADUSDT"] = a_quote(symbol="DEADUSDT")
    assert (await world.place(account, terms_of(), "first")).code is None
    await world.set_limits(limits, change_id="2")
    world.clock.at += timedelta(milliseconds=100)
    assert (await world.place(account, terms, "second")).code == code
    await world.set_limits(Limits(max_open_orders=0), change_id="3")
    report = await again(world)
    assert (report.decisions, report.replayed, report.is_clean) == (2, 2, True)


async def test_refusals_by_trading_states() -> None:
    world, account = await a_world()
    risk, heard = world.here.risk, world.here.risk_book
    scope = f"account:{account}"
    await risk.halt(ChangeTrading(scope, "h", "test"), context_for("h"))
    assert (await world.place(account, terms_of(), "1")).code == "trading_halted"
    await risk.resume(ChangeTrading(scope, "r", "test"), context_for("r"))
    await risk.reduce(ChangeTrading(scope, "d", "test"), context_for("d"))
    assert (await world.place(account, terms_of(), "2")).code == "trading_reducing"
    heard.is_current = False
    assert (await world.place(account, terms_of(), "3")).code == "limits_unknown"
    report = await again(world)
    assert (report.decisions, report.is_clean) == (3, True)


async def test_a_refusal_for_a_day_s_loss() -> None:
    world, account = await a_world(Limits(max_daily_loss=Decimal(3)))
    for side, price in ((Side.BUY, "100"), (Side.SELL, "90")):
        order_id = (await world.place(account, terms_of(side=side), side)).order_id
        order = await world.here.repository.load(Order, order_id, newest=True)
        order.fill(a_fill(order, side, "1", price), NOON)
        await world.here.repository.save(order, context_for("fill", side))
        await world.settle()
    refused = await world.place(account, terms_of(quantity="0.5"), "refused")
    assert refused.code == "max_daily_loss_exceeded"
    report = await again(world)
    assert (report.decisions, report.is_clean) == (3, True)


def strict_collar(check: OrderCheck) -> Iterator[Verdict]:
    """As the price collar, but what is exactly at the limit fails."""
    for found in price_collar(check):
        passed = found.limit is None or Decimal(found.measured or 0) < Decimal(found.limit)
        scope = next((s for s in check.scopes if s.id == found.scope), None)
        yield found if scope is None else verdict(
            found.control, scope, found.limit, found.measured, "price_collar_exceeded",
            passed=passed,
        )  # fmt: skip


async def at_the_collar(world: World, account: str) -> str:
    """An order whose limit price is 5 % beyond the ask, to the cent."""
    world.quotes["BTCUSDT"] = a_quote("99.90", "100.00")
    placed = await world.place(account, terms_of(limit_price="105"), "at the collar")
    assert placed.code is None
    return placed.order_id


async def test_a_changed_control_is_found_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    world, account = await a_world()
    await world.place(account, terms_of(), "within")
    order_id = await at_the_collar(world, account)
    changed = tuple(strict_collar if each is price_collar else each for each in registry.CONTROLS)
    monkeypatch.setattr(registry, "CONTROLS", changed)
    report = await again(world)
    assert (report.decisions, report.differing) == (2, 1)
    (found,) = report.differences
    assert (found.decision.order_id, found.then, found.now) == (
        *(order_id, "passed", "price_collar_exceeded"),
    )
    (control,) = found.controls
    assert (control.control, control.scope) == ("price_collar", "system")
    assert control.then is not None
    assert control.now is not None
    assert (control.then.passed, control.now.passed) == (True, False)
    assert (control.now.measured, control.now.limit) == ("0.05", "0.05")


async def test_a_control_that_is_gone_and_one_that_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    world, account = await a_world()
    placed = await world.place(account, terms_of())

    def new_control(check: OrderCheck) -> Iterator[Verdict]:
        yield Verdict(control="new", passed=True, scope="-", limit_version=0)

    others = tuple(each for each in registry.CONTROLS if each is not price_collar)
    monkeypatch.setattr(registry, "CONTROLS", (*others, new_control))
    report = await again(world)
    assert differing(report) == {placed.order_id: {"price_collar", "new"}}
    gone, new = report.differences[0].controls
    assert (gone.now, new.then) == (None, None)
    assert (report.differences[0].then, report.differences[0].now) == ("passed", "passed")


async def test_another_worst_price(monkeypatch: pytest.MonkeyPatch) -> None:
    world, account = await a_world()
    placed = await world.place(account, MARKET)
    monkeypatch.setattr(decision, "_collar", lambda scopes: Decimal("0.06"))
    controls = differing(await again(world))[placed.order_id]
    assert controls == {"worst_price", "order_value", "exposure", "funds"}


async def test_other_limits_are_not_written_and_turn_only_what_they_measure() -> None:
    world, account = await a_world()
    small = await world.place(account, terms_of(quantity="1"), "small")
    large = await world.place(account, terms_of(quantity="3"), "large")
    refused = await world.place(account, terms_of(quantity="500"), "refused")
    assert refused.code == "insufficient_funds"
    report = await again(world, {f"account:{account}": Limits(max_order_quantity=Decimal(2))})
    assert differing(report) == {large.order_id: {"order_quantity"}}
    (found,) = report.differences
    assert (found.then, found.now) == ("passed", "max_order_quantity_exceeded")
    assert small.order_id != found.decision.order_id
    assert report.unused_limits == []
    nobody = await again(world, {"client:nobody": Limits(max_open_orders=0)})
    assert nobody.is_clean
    assert nobody.unused_limits == ["client:nobody"]


async def test_limits_that_bind_nothing_of_an_order_or_a_window_are_named() -> None:
    world, account = await a_world()
    placed = await world.place(account, terms_of())
    limits = {"system": Limits(), f"account:{account}": Limits(), "strategy:typo": Limits()}
    one = DecisionReplay(MemoryEventLog(world.store), world.instruments, limits)
    assert (await one.of_order(placed.order_id)).unused_limits == ["strategy:typo"]
    later = await replay(world.store, world.instruments, limits, since=len(world.store.events) + 1)
    assert (later.decisions, later.unused_limits) == (0, sorted(limits))
    assert (await again(world)).unused_limits == []


async def test_other_limits_turn_refusals_as_well() -> None:
    world, account = await a_world(Limits(max_order_quantity=Decimal(1)))
    refused = await world.place(account, terms_of(quantity="2"))
    report = await again(world, {"system": Limits()})
    assert differing(report) == {refused.order_id: {"order_quantity"}}
    assert report.differences[0].now == "passed"


async def test_what_today_does_not_know_is_told() -> None:
    world, account = await a_world()
    await world.place(account, terms_of())
    gone = await replay(world.store, FixedInstruments())
    assert [each.reason for each in gone.unreplayable] == ["there is no instrument BTCUSDT today"]
    other = FixedInstruments(an_instrument(tick_size=Decimal("0.02")))
    changed = await replay(world.store, other)
    assert [each.reason for each in changed.unreplayable] == [
        "the venue's filters of BTCUSDT were others then"
    ]
    rewritten = FixedInstruments(an_instrument(tick_size=Decimal("0.010")))
    assert not (await replay(world.store, rewritten)).not_replayable


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (None, "it was recorded without its inputs"),
        ({"limits_are_current": None}, "before decisions recorded all of their inputs"),
        ({"max_quote_age_ms": None}, "before decisions recorded all of their inputs"),
        ({"instrument": None}, "before decisions recorded all of their inputs"),
        ({"streams": {}}, "does not say which version of account-"),
        ({"limits": {"system": 9}}, "risk-system has no version 9"),
    ],
)
async def test_inputs_that_are_missing_are_told_and_not_guessed(
    changes: dict[str, object] | None, reason: str
) -> None:
    world, account = await a_world()
    await world.place(account, terms_of())
    recorded = world.store.events[-1]
    metadata = msgspec.json.decode(recorded.metadata, type=Metadata)
    assert metadata.inputs is not None
    inputs = None if changes is None else msgspec.structs.replace(metadata.inputs, **changes)
    old = msgspec.structs.replace(metadata, inputs=inputs)
    world.store.events[-1] = msgspec.structs.replace(recorded, metadata=msgspec.json.encode(old))
    report = await again(world)
    assert (report.replayed, report.not_replayable, report.is_clean) == (0, 1, False)
    assert reason in report.unreplayable[0].reason


def tamper(world: World, *, without_inputs: bool = False, **changes: object) -> None:
    """With the last decision of a log, behind its back."""
    recorded = world.store.events[-1]
    data = {**msgspec.json.decode(recorded.data), **changes}
    metadata = msgspec.json.decode(recorded.metadata)
    if without_inputs:
        del metadata["inputs"]
    world.store.events[-1] = msgspec.structs.replace(
        recorded, data=msgspec.json.encode(data), metadata=msgspec.json.encode(metadata)
    )


async def test_an_order_without_verdicts_differs_in_every_control() -> None:
    world, account = await a_world()
    placed = await world.place(account, terms_of())
    recorded = msgspec.json.decode(world.store.events[-1].data)
    tamper(world, verdicts=[])
    report = await again(world)
    assert (report.decisions, report.replayed) == (1, 1)
    assert differing(report) == {
        placed.order_id: {each["control"] for each in recorded["verdicts"]}
    }
    assert all(control.then is None for control in report.differences[0].controls)


@pytest.mark.parametrize("quantity", ["1", "500"])
async def test_a_decision_with_neither_verdicts_nor_inputs_is_told(quantity: str) -> None:
    """Placed or refused."""
    world, account = await a_world()
    await world.place(account, terms_of(quantity=quantity))
    tamper(world, without_inputs=True, verdicts=[])
    report = await again(world)
    assert (report.decisions, report.replayed, report.not_replayable) == (1, 0, 1)
    assert report.unreplayable[0].reason == "it was recorded without its inputs"


@pytest.mark.parametrize("without_inputs", [False, True])
async def test_an_amendment_without_verdicts_is_told(without_inputs: bool) -> None:
    world, account = await a_world()
    placed = await world.place(account, terms_of())
    await amend(world, placed.order_id, Amendment(quantity=Decimal(2)))
    tamper(world, without_inputs=without_inputs, verdicts=[])
    report = await again(world)
    told = report.unreplayable if without_inputs else report.differences
    assert (report.decisions, report.is_clean) == (2, False)
    assert [each.decision.type for each in told] == ["OrderAmendRequested"]


async def test_an_order_that_was_placed_though_a_control_failed() -> None:
    """What came of a decision is the type of its event, whatever its verdicts say."""
    world, account = await a_world()
    refused = await world.place(account, terms_of(quantity="500"))
    assert refused.code == "insufficient_funds"
    data = msgspec.json.decode(world.store.events[-1].data)
    del data["code"]
    world.store.events[-1] = msgspec.structs.replace(
        world.store.events[-1], type="OrderPlaced", data=msgspec.json.encode(data)
    )
    for limits in (None, {"system": Limits(price_collar=Decimal("0.05"))}):
        report = await again(world, limits)
        assert differing(report) == {refused.order_id: {"funds"}}
        (found,) = report.differences
        assert (found.then, found.now) == ("passed", "insufficient_funds")
        assert found.controls[0].then == found.controls[0].now


async def test_an_order_that_was_refused_though_every_control_passed() -> None:
    world, account = await a_world()
    placed = await world.place(account, terms_of())
    last = world.store.events[-1]
    world.store.events[-1] = msgspec.structs.replace(last, type="OrderRefused")
    tamper(world, code="order_value_exceeded")
    for limits in (None, {"client:alice": Limits()}):
        report = await again(world, limits)
        assert differing(report) == {placed.order_id: set()}
        (found,) = report.differences
        assert (found.then, found.now) == ("order_value_exceeded", "passed")


async def test_an_order_that_was_refused_for_another_reason_than_its_verdicts_give() -> None:
    world, account = await a_world()
    await world.place(account, terms_of(quantity="500"))
    tamper(world, code="quote_stale")
    (found,) = (await again(world)).differences
    assert (found.then, found.now) == ("quote_stale", "insufficient_funds")


async def test_one_order() -> None:
    world, account = await a_world()
    await world.place(account, terms_of(), "other")
    placed = await world.place(account, terms_of(quantity="2"), "one")
    world.clock.at += timedelta(seconds=1)
    await amend(world, placed.order_id, Amendment(quantity=Decimal(3)))
    one = DecisionReplay(MemoryEventLog(world.store), world.instruments)
    report = await one.of_order(placed.order_id)
    assert (report.decisions, report.replayed, report.is_clean) == (2, 2, True)
    with pytest.raises(NotFound):
        await one.of_order("nobody")


async def test_from_an_instant_or_a_position_on() -> None:
    world, account = await a_world()
    await world.place(account, terms_of(), "1")
    before = len(world.store.events)
    world.clock.at += timedelta(minutes=1)
    await world.place(account, terms_of(), "2")
    later = NOON + timedelta(minutes=1)
    for since, decisions in ((later, 1), (later + timedelta(microseconds=1), 0), (NOON, 2)):
        assert (await replay(world.store, world.instruments, since=since)).decisions == decisions
    assert (await replay(world.store, world.instruments, since=before)).decisions == 2
    assert (await replay(world.store, world.instruments, since=before + 1)).decisions == 1


async def test_what_cannot_be_read_ends_it_and_names_its_position() -> None:
    world, account = await a_world()
    await world.place(account, terms_of())
    last = world.store.events[-1]
    world.store.events[-1] = msgspec.structs.replace(last, metadata=b"{}")
    with pytest.raises(UndecodableEvent, match=f"position {last.position}"):
        await again(world)
    missing = world.store.events[:]
    del missing[2]
    world.store.events[:] = missing
    with pytest.raises(UndecodableEvent, match="after version"):
        await again(world)
    odd = msgspec.structs.replace(last, type="OrderTeleported", stream=f"account-{account}")
    world.store.events[1] = odd
    with pytest.raises(UnknownEventType):
        await again(world)


async def test_a_control_that_breaks_names_the_position(monkeypatch: pytest.MonkeyPatch) -> None:
    world, account = await a_world()
    await world.place(account, terms_of())

    def broken(check: OrderCheck) -> Iterator[Verdict]:
        raise KeyError("a limit")

    monkeypatch.setattr(registry, "CONTROLS", (broken,))
    with pytest.raises(ReplayFailed, match=f"KeyError at position {len(world.store.events)}"):
        await again(world)


async def test_a_trailing_stop_that_moves_by_itself_is_no_decision() -> None:
    world, account = await a_world()
    terms = terms_of(OrderType.TRAILING_STOP, Side.SELL, trailing_offset="5")
    order_id = (await world.place(account, terms)).order_id
    order = await world.here.repository.load(Order, order_id, newest=True)
    order.request_amend("moved", Amendment(stop_price=Decimal(96)), order.worst_price, (), NOON)
    await world.here.repository.save(order, context_for("move"))
    report = await again(world)
    assert (report.decisions, report.is_clean) == (1, True)
