from collections.abc import AsyncGenerator, Iterable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from adapters.market.candles import CandleBuilder
from adapters.market.feed import Feed
from adapters.market.frame_source import RawFrame
from adapters.market.hub import MarketHub
from adapters.market.metrics import MarketMetrics
from adapters.market.timeline import Timeline
from domain.market_data import Candle, MarketEvent, Quote, Trade
from tests.adapters.market.samples import (
    AGG_TRADE,
    AT,
    AT_MS,
    BOOK_TICKER,
    KLINE,
    combined,
    metrics,
    quote,
    raw,
    total,
    trade,
)
from tests.adapters.market.virtual_clock import VirtualClock

GOOD = raw(BOOK_TICKER)


class Frames:
    """A FrameSource of given frames, received at AT, with one second between them."""

    def __init__(self, payloads: Iterable[bytes], timeline: Timeline | None = None) -> None:
        self._payloads = payloads
        self._timeline = timeline

    async def frames(self) -> AsyncGenerator[RawFrame]:
        for number, payload in enumerate(self._payloads):
            yield RawFrame(payload, AT + timedelta(seconds=number), self._timeline)


async def run(
    source: Frames, counters: MarketMetrics, candles: CandleBuilder | None = None
) -> list[MarketEvent]:
    hub, heard = MarketHub(counters), list[MarketEvent]()
    hub.listen(heard.append)
    await Feed(source, hub, VirtualClock(), counters, candles=candles).run()
    return heard


async def test_frames_become_events_in_order() -> None:
    heard = await run(Frames([GOOD, combined(AGG_TRADE), raw(KLINE)]), metrics())
    assert heard[:2] == [quote(), trade()]
    assert isinstance(heard[2], Candle)


async def test_bad_frames_are_counted_by_reason_and_never_stop_the_feed() -> None:
    counters = metrics()
    bad = [b"{", raw(BOOK_TICKER, e="news"), raw(BOOK_TICKER, b="NaN"), raw(BOOK_TICKER, b=...)]
    heard = await run(Frames([bad[0], GOOD, *bad, GOOD]), counters)
    assert heard == [quote(), quote()]
    assert total(counters.frames) == 7
    counted = {
        sample.labels["reason"]: sample.value
        for metric in counters.bad_frames.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    }
    assert counted == {"not_json": 2, "unknown_event": 1, "invalid_number": 1, "malformed": 1}


async def test_a_flood_of_bad_frames_is_one_line_a_reason_and_period() -> None:
    counters, clock = metrics(), VirtualClock()
    feed = Feed(Frames([]), MarketHub(counters), clock, counters)
    with capture_logs() as lines:
        for _ in range(1_000):
            feed.take(RawFrame(b"{" * 10_000, AT))
        clock.advance(11)
        feed.take(RawFrame(b"{", AT))
    assert [line["held_back"] for line in lines] == [0, 999]
    assert {line["reason"] for line in lines} == {"not_json"}
    assert len(lines[0]["frame"]) < 200
    assert total(counters.bad_frames) == 1_001


async def test_restamped_events_are_at_their_present_instant() -> None:
    later = AT + timedelta(days=400)
    heard = await run(Frames([GOOD, raw(KLINE)], Timeline(AT, later)), metrics())
    (event,) = heard
    assert isinstance(event, Quote)
    assert event.at == later


async def test_candles_from_trades_take_the_place_of_the_sources_own() -> None:
    frames = [
        raw(AGG_TRADE),
        raw(KLINE),
        *[raw(BOOK_TICKER)] * 61,
        raw(AGG_TRADE, T=AT_MS + 63_000, p="7.7"),
    ]
    heard = await run(Frames(frames), metrics(), CandleBuilder())
    candles = [event for event in heard if isinstance(event, Candle)]
    assert [(one.opened_at, one.closed) for one in candles] == [
        (AT, False),
        (AT, True),
        (AT + timedelta(minutes=1), False),
    ]
    assert candles[1].trades == 3


async def test_a_trade_in_no_candle_is_counted_but_published() -> None:
    counters = metrics()
    heard = await run(Frames([raw(AGG_TRADE, T=0)]), counters, CandleBuilder())
    assert [type(event) for event in heard] == [Trade]
    assert total(counters.left_out_trades) == 1


async def test_what_the_source_raises_ends_the_feed_loudly() -> None:
    def broken() -> Iterable[bytes]:
        yield GOOD
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        await run(Frames(broken()), metrics())
