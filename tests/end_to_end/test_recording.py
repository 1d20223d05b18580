"""Orders on a real recording: prices that stood there, money computed by hand, rows rebuilt."""

import gzip
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from decimal import ROUND_CEILING, Decimal
from pathlib import Path

import asyncpg
import pytest

from adapters.market.static_instruments import StaticInstruments
from domain.fees import FeeSchedule
from domain.order.terms import OrderTerms, OrderType, Side
from domain.risk.limits import Limits
from domain.use_cases.requests import PlaceOrder
from infra.settings import Settings
from projections.registry import ALL_PROJECTIONS
from tests.end_to_end.floor import Floor, floor
from tests.end_to_end.recorded_time import RecordedTime
from tests.end_to_end.recording import (
    EXCHANGE_INFO,
    FRAMES,
    Frame,
    first_reach,
    read_frames,
    touch_at,
)

SUSHI = "SUSHIUSDT"
DEPOSIT = Decimal(10_000)
MAKER, TAKER = Decimal("0.0002"), Decimal("0.0004")
START_FRAME = 200

TABLES = [table.name for projection in ALL_PROJECTIONS for table in projection.tables]

needs_recording = [pytest.param(FRAMES, id=FRAMES.name)] if FRAMES.exists() else []


class Player:
    """Feeds the recording to a floor, frame by frame, on the recording's own time."""

    def __init__(self, frames: list[Frame], clock: RecordedTime, trading: Floor) -> None:
        self._frames = frames
        self._clock = clock
        self._floor = trading
        self.index = -1

    def play_to(self, index: int) -> None:
        for frame in self._frames[self.index + 1 : index + 1]:
            self._clock.set(frame.received_at)
            self._floor.market(frame.payload, frame.received_at)
        self.index = index


@asynccontextmanager
async def playing(
    frames: list[Frame], dsn: str, redis_url: str, data_dir: Path
) -> AsyncGenerator[tuple[Floor, Player]]:
    clock = RecordedTime(frames[0].received_at)
    tradable = StaticInstruments.from_answer(gzip.decompress(EXCHANGE_INFO.read_bytes()))
    async with floor(dsn, redis_url, tradable, clock, Settings(data_dir=data_dir)) as trading:
        yield trading, Player(frames, clock, trading)


def fee(notional: Decimal, rate: Decimal) -> Decimal:
    return (notional * rate).quantize(Decimal("0.00000001"), ROUND_CEILING)


async def rows(pool: "asyncpg.Pool[asyncpg.Record]", table: str) -> list[tuple[object, ...]]:
    records = await pool.fetch(f"SELECT * FROM read.{table}")
    return sorted((tuple(record) for record in records), key=repr)


@pytest.mark.parametrize("recording", needs_recording)
async def test_orders_fill_at_recorded_prices_and_the_money_is_right(
    recording: Path, postgres_dsn: str, redis_url: str, tmp_path: Path
) -> None:
    frames = read_frames()
    async with playing(frames, postgres_dsn, redis_url, tmp_path) as (trading, player):
        await trading.set_system_limits(Limits(price_collar=Decimal("0.05")))
        account = await trading.open_account("alice", str(DEPOSIT), FeeSchedule(MAKER, TAKER))
        await trading.until_quiet()

        player.play_to(START_FRAME)
        touch = touch_at(frames, START_FRAME, SUSHI)
        market = OrderTerms(SUSHI, Side.BUY, OrderType.MARKET, Decimal(1))
        bought = await trading.core.orders.place(
            PlaceOrder(account, market), trading.context("market buy")
        )
        assert bought.code is None, bought.verdicts
        fill = await trading.fill_of(bought.order_id)
        assert (fill["price"], fill["quantity"]) == (touch.ask, Decimal(1))
        assert fill["liquidity"] == "taker"

        resting_price = touch.ask + Decimal("0.002")
        resting = OrderTerms(
            SUSHI, Side.SELL, OrderType.LIMIT, Decimal(1), limit_price=resting_price
        )
        sold = await trading.core.orders.place(
            PlaceOrder(account, resting), trading.context("resting sell")
        )
        assert sold.code is None, sold.verdicts
        await trading.until_quiet()
        reached = first_reach(frames, START_FRAME, SUSHI, resting_price)
        player.play_to(reached)
        fill = await trading.fill_of(sold.order_id)
        assert (fill["price"], fill["quantity"]) == (resting_price, Decimal(1))
        assert fill["liquidity"] == "maker"
        assert fill["executed_at"] == frames[reached].received_at

        second_touch = touch_at(frames, reached, SUSHI)
        second = OrderTerms(SUSHI, Side.BUY, OrderType.MARKET, Decimal(1))
        again = await trading.core.orders.place(
            PlaceOrder(account, second), trading.context("second buy")
        )
        fill = await trading.fill_of(again.order_id)
        assert fill["price"] == second_touch.ask

        fees = fee(touch.ask, TAKER) + fee(resting_price, MAKER) + fee(second_touch.ask, TAKER)
        balance = DEPOSIT + (resting_price - touch.ask) - fees
        (money,) = await trading.pool.fetch("SELECT * FROM read.balances")
        assert money["balance"] == balance
        assert money["reserved"] == 0
        assert money["margin"] == second_touch.ask
        assert money["available"] == balance - second_touch.ask

        (position,) = await trading.pool.fetch("SELECT * FROM read.positions")
        assert position["quantity"] == 1
        assert position["average_price"] == second_touch.ask
        assert position["realised_profit"] == resting_price - touch.ask
        assert position["fees_paid"] == fees

        before = {table: await rows(trading.pool, table) for table in TABLES}

    await drop_read_models(postgres_dsn)
    async with playing(frames, postgres_dsn, redis_url, tmp_path) as (trading, _):
        await trading.until_quiet()
        after = {table: await rows(trading.pool, table) for table in TABLES}
    # Whoever starts the core again leads it anew.
    assert after.pop("leaders")[:-1] == before.pop("leaders")
    assert after == before


async def drop_read_models(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    builds = await connection.fetch("SELECT build FROM projections.builds")
    for schema in ("read", "projections", *(record["build"] for record in builds)):
        await connection.execute(f'DROP SCHEMA "{schema}" CASCADE')
    await connection.close()
