"""All that a venue says is one story, before and after it goes down, and over a busy day."""

import random

import pytest

from domain.order.terms import TimeInForce
from domain.venue import Accepted, Amendment
from tests.contract.trader import accepted
from tests.contract.venue_books import assert_books_agree
from tests.contract.venue_cases import CASES, NAMES, QUANTITY, Case
from tests.contract.venue_story import D, Heard, limit, move, order, print_trade, show
from tests.contract.venues import VenueUnderTest


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_an_order_outlives_a_crash_at_every_stage(on: VenueUnderTest, case: Case) -> None:
    await case.place(on)
    for moves in ((), case.wake, (case.part,), (case.rest,)):
        move(on, *moves)
        before = await everything(on)
        await on.restart()
        assert await everything(on) == before
    assert await on.trader.status("x") == ("filled", QUANTITY, "")


async def test_ids_are_not_used_again_after_a_crash(on: VenueUnderTest) -> None:
    seen: set[str] = set()
    for number in range(4):
        show(on, "10.0", "10.1")
        placed = await accepted(on.trader.submit(order(f"x{number}", "buy", "market", "1")))
        assert placed.venue_order_id not in seen
        seen.add(placed.venue_order_id)
        await on.restart()
    assert len({fill.trade_id for fill in await on.trader.fills()}) == 4


async def test_reports_go_on_after_a_crash(direct: VenueUnderTest) -> None:
    await accepted(direct.trader.submit(limit("x", "buy", "2", "9")))
    print_trade(direct, "9.0", "1")
    (before,) = await direct.trader.fills()
    await direct.restart()
    heard = Heard(direct)
    print_trade(direct, "9.0", "1")
    after = await heard.fill()
    assert after.trade_id != before.trade_id
    assert await direct.trader.fills() == [before, after]


@pytest.mark.parametrize("seed", range(5))
async def test_a_busy_day_adds_up(on: VenueUnderTest, seed: int) -> None:
    """Orders of every kind, amended, cancelled, filled and busted, with crashes in between."""
    day = Day(on, random.Random(seed))
    for _ in range(40):
        await day.something_happens()
    await assert_books_agree(on)
    before = await everything(on)
    await on.restart()
    assert await everything(on) == before


class Day:
    """What happens is drawn; each draw does one thing."""

    def __init__(self, on: VenueUnderTest, dice: random.Random) -> None:
        self._on = on
        self._dice = dice
        self._names: list[str] = []

    async def something_happens(self) -> None:
        happenings = (self._send, self._send, self._amend, self._cancel, self._bust, self._crash)
        await self._dice.choice(happenings)()
        price = f"{self._dice.randint(85, 115) / 10:.1f}"
        if self._dice.random() < 0.5:
            show(self._on, price, price, str(self._dice.randint(1, 4)))
        else:
            print_trade(self._on, price, str(self._dice.randint(1, 4)))

    async def _send(self) -> None:
        name = f"x{len(self._names)}"
        self._names.append(name)
        side = self._dice.choice(("buy", "sell"))
        quantity = str(self._dice.randint(1, 6))
        price = D(self._dice.randint(85, 115)) / 10
        made = self._dice.choice(
            (
                order(name, side, "market", quantity),
                limit(name, side, quantity, str(price)),
                limit(name, side, quantity, str(price), time_in_force=TimeInForce.IOC),
                limit(name, side, quantity, str(price), reduce_only=True),
                order(name, side, "stop_loss", quantity, stop_price=price),
                order(name, side, "trailing_stop", quantity, trailing_offset=D("0.4")),
            )
        )
        assert isinstance(await self._on.trader.submit(made), Accepted)

    async def _amend(self) -> None:
        if self._names:
            change = Amendment(quantity=D(self._dice.randint(1, 6)))
            await self._on.trader.amend(self._dice.choice(self._names), change)

    async def _cancel(self) -> None:
        if self._names:
            await self._on.trader.cancel(self._dice.choice(self._names))

    async def _bust(self) -> None:
        fills = await self._on.trader.fills()
        if fills and self._dice.random() < 0.3:
            await self._on.bust(self._dice.choice(fills))

    async def _crash(self) -> None:
        if self._dice.random() < 0.3:
            await self._on.restart()


async def everything(on: VenueUnderTest) -> tuple[object, ...]:
    """All that can be asked about an account."""
    return (
        await on.trader.open_orders(),
        await on.trader.fills(),
        await on.trader.positions(),
        await on.trader.balances(),
    )
