import asyncio
import gc
from contextlib import aclosing

import pytest

from adapters.market.hub import MarketHub
from domain.market_data import MarketData, MarketEvent
from tests.adapters.market.samples import metrics, quote, total, trade


async def test_a_subscriber_sees_everything_from_the_call_on() -> None:
    hub = MarketHub(metrics())
    hub.publish(trade(1))
    async with aclosing(hub.subscribe()) as events:
        hub.publish(trade(2))
        hub.publish(quote())
        assert [await anext(events), await anext(events)] == [trade(2), quote()]


async def test_it_is_the_market_data_port() -> None:
    port: MarketData = MarketHub(metrics())
    assert port.quote("SUSHIUSDT") is None


async def test_the_newest_quote_of_each_symbol() -> None:
    hub = MarketHub(metrics())
    newest = quote(bid="7.6105")
    other = quote("BTCUSDT", "60000", "60000.1")
    for event in (quote(), newest, other, trade()):
        hub.publish(event)
    assert hub.quote("SUSHIUSDT") == newest
    assert hub.quotes() == (newest, other)


async def test_a_slow_subscriber_loses_the_oldest_and_nobody_else_does() -> None:
    counters = metrics()
    hub = MarketHub(counters, queue_size=3)
    async with aclosing(hub.subscribe()) as slow, aclosing(hub.subscribe()) as quick:
        for number in range(10):
            hub.publish(trade(number))
            assert await anext(quick) == trade(number)
        assert [await anext(slow) for _ in range(3)] == [trade(7), trade(8), trade(9)]
    assert total(counters.dropped_events) == 7


async def test_a_waiting_subscriber_wakes() -> None:
    hub = MarketHub(metrics())
    async with aclosing(hub.subscribe()) as events:
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        hub.publish(trade())
        assert await waiting == trade()


async def test_a_cancelled_wait_loses_nothing() -> None:
    hub = MarketHub(metrics())
    async with aclosing(hub.subscribe()) as events:
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        waiting.cancel()
        hub.publish(trade())
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await anext(events) == trade()


async def test_a_closed_subscription_takes_no_more_events() -> None:
    counters = metrics()
    hub = MarketHub(counters, queue_size=1)
    events = hub.subscribe()
    await events.aclose()
    hub.publish(trade())
    hub.publish(trade())
    with pytest.raises(StopAsyncIteration):
        await anext(events)
    assert total(counters.dropped_events) == 0


async def test_a_forgotten_subscription_is_collected() -> None:
    counters = metrics()
    hub = MarketHub(counters, queue_size=1)
    events = hub.subscribe()
    del events
    gc.collect()
    hub.publish(trade())
    hub.publish(trade())
    assert total(counters.dropped_events) == 0


async def test_an_error_thrown_in_ends_the_subscription() -> None:
    hub = MarketHub(metrics())
    events = hub.subscribe()
    with pytest.raises(KeyError):
        await events.athrow(KeyError("from the reader"))
    with pytest.raises(StopAsyncIteration):
        await anext(events)


async def test_closing_the_hub_ends_every_subscription_after_what_it_holds() -> None:
    hub = MarketHub(metrics())
    events = hub.subscribe()
    hub.publish(trade())
    hub.close()
    assert [event async for event in events] == [trade()]


async def test_listeners_come_first_and_synchronously() -> None:
    hub = MarketHub(metrics())
    heard: list[MarketEvent] = []
    stop = hub.listen(heard.append)
    hub.publish(quote())
    assert heard == [quote()]
    stop()
    hub.publish(quote())
    assert heard == [quote()]


async def test_what_a_listener_raises_is_not_swallowed() -> None:
    def broken(_event: MarketEvent) -> None:
        raise RuntimeError("broken")

    hub = MarketHub(metrics())
    hub.listen(broken)
    with pytest.raises(RuntimeError, match="broken"):
        hub.publish(quote())


async def test_the_number_of_symbols_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.market.hub.MAX_SYMBOLS", 2)
    hub = MarketHub(metrics())
    for symbol in ("A", "B", "C", "A"):
        hub.publish(quote(symbol))
    assert [one.symbol for one in hub.quotes()] == ["A", "B"]


async def test_a_late_listener_hears_the_newest_quotes_first() -> None:
    hub = MarketHub(metrics())
    hub.publish(quote("A"))
    hub.publish(quote("B"))
    heard: list[MarketEvent] = []
    hub.listen(heard.append)
    hub.publish(quote("A"))
    assert heard == [quote("A"), quote("B"), quote("A")]
