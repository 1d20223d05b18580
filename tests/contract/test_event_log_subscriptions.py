"""What every event log does for those who follow it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import pytest

from domain.log import START, CaughtUp, EventFilter, EventLog, RecordedEvent
from tests.contract.events import (
    PATIENCE_SECONDS,
    all_of,
    append_each,
    new_event,
    new_events,
    take,
    until_caught_up,
)
from tests.contract.logs import LogUnderTest

Subscription = AsyncGenerator[Sequence[RecordedEvent] | CaughtUp]


async def write(log: EventLog, streams: int, events: int) -> None:
    """Several writers at once, one event an append."""
    async with asyncio.TaskGroup() as writers:
        for number in range(streams):
            writers.create_task(append_each(log, f"order-{number}", new_events(events)))


class TestCatchingUp:
    async def test_with_an_empty_log(self, log: EventLog) -> None:
        async with aclosing(log.subscribe()) as subscription:
            assert await until_caught_up(subscription) == []

    async def test_then_live(self, under_test: LogUnderTest) -> None:
        log, other = under_test.log, await under_test.second()
        await append_each(log, "order-1", new_events(5))
        async with aclosing(log.subscribe(page_size=2)) as subscription:
            caught_up = await until_caught_up(subscription)
            assert caught_up == await all_of(log.read_all())
            for writer in (log, other, log, other):
                position = await writer.head()
                await writer.append(f"account-{position}", [new_event()], expected_version=0)
                news = await take(subscription, 1)
                assert news == await all_of(log.read_all(after=position))

    async def test_from_a_position(self, log: EventLog) -> None:
        positions = await append_each(log, "order-1", new_events(5))
        async with aclosing(log.subscribe(after=positions[2])) as subscription:
            news = await until_caught_up(subscription)
        assert [event.position for event in news] == positions[3:]

    async def test_from_the_head(self, log: EventLog) -> None:
        await append_each(log, "order-1", new_events(5))
        async with aclosing(log.subscribe(after=await log.head())) as subscription:
            assert await until_caught_up(subscription) == []
            appended = await log.append("order-1", [new_event()], expected_version=5)
            (event,) = await take(subscription, 1)
            assert event.position == appended.position

    @pytest.mark.parametrize("size", [1, 3, 100])
    async def test_in_pages(self, log: EventLog, size: int) -> None:
        await append_each(log, "order-1", new_events(7))
        pages: list[Sequence[RecordedEvent]] = []
        async with asyncio.timeout(PATIENCE_SECONDS), aclosing(log.subscribe(page_size=size)) as it:
            async for page in it:
                if isinstance(page, CaughtUp):
                    break
                pages.append(page)
        assert all(0 < len(page) <= size for page in pages)
        assert [event.version for page in pages for event in page] == list(range(1, 8))

    async def test_only_what_the_filter_admits(self, log: EventLog) -> None:
        only = EventFilter(frozenset({"Filled"}), frozenset({"order"}))
        wanted: list[int] = []
        async with aclosing(log.subscribe(only=only, page_size=2)) as subscription:
            assert await until_caught_up(subscription) == []
            for version in range(4):
                for stream, type_ in (
                    ("order-1", "Filled"),
                    ("order-2", "Placed"),
                    ("account-1", "Filled"),
                    ("orders-1", "Filled"),
                ):
                    appended = await log.append(
                        stream, [new_event(type_)], expected_version=version
                    )
                    if (stream, type_) == ("order-1", "Filled"):
                        wanted.append(appended.position)
            news = await take(subscription, 4)
        assert [event.position for event in news] == wanted
        async with aclosing(log.subscribe(only=only, page_size=3)) as subscription:
            assert await until_caught_up(subscription) == news

    async def test_while_others_write(self, under_test: LogUnderTest) -> None:
        """Where catching up meets live, nothing is lost, repeated or out of order."""
        log, other = under_test.log, await under_test.second()
        writing = asyncio.create_task(write(other, streams=8, events=25))
        subscriptions: list[Subscription] = []
        for _ in range(5):
            await asyncio.sleep(0.01)
            subscriptions.append(log.subscribe(page_size=7))
        received = await asyncio.gather(*(take(each, 200) for each in subscriptions))
        await writing
        expected = await all_of(log.read_all())
        for subscription, events in zip(subscriptions, received, strict=True):
            assert events == expected
            await subscription.aclose()


class TestTrouble:
    async def test_a_lost_connection_is_made_again(self, under_test: LogUnderTest) -> None:
        log, other = under_test.log, await under_test.second()
        async with aclosing(log.subscribe(page_size=5)) as subscription:
            await until_caught_up(subscription)
            received: list[RecordedEvent] = []
            for round_ in range(4):
                under_test.disconnect()
                await append_each(other, f"order-{round_}", new_events(12))
                received += await take(subscription, 6)
                under_test.disconnect()
                received += await take(subscription, 12 * (round_ + 1) - len(received))
        assert received == await all_of(other.read_all())

    async def test_disconnects_while_others_write(self, under_test: LogUnderTest) -> None:
        log, other = under_test.log, await under_test.second()
        writing = asyncio.create_task(write(other, streams=4, events=40))
        async with aclosing(log.subscribe(page_size=3)) as subscription:
            received: list[RecordedEvent] = []
            while len(received) < 160:
                received += await take(subscription, 1)
                if len(received) % 40 < 3:
                    under_test.disconnect()
        await writing
        assert received == await all_of(other.read_all())

    async def test_a_slow_reader_loses_nothing(self, under_test: LogUnderTest) -> None:
        """It pauses inside a page while far more than any buffer holds is appended."""
        log, other = under_test.log, await under_test.second()
        await append_each(log, "account-1", new_events(3))
        async with aclosing(log.subscribe(page_size=2)) as subscription:
            received = await take(subscription, 2)
            await write(other, streams=20, events=30)
            received += await take(subscription, 601)
            assert received == await all_of(other.read_all())
            assert await until_caught_up(subscription) == []

    async def test_a_paused_reader_holds_up_nobody(self, under_test: LogUnderTest) -> None:
        log = under_test.log
        paused = [log.subscribe(page_size=1) for _ in range(20)]
        await append_each(log, "order-1", new_events(3))
        for subscription in paused:
            await take(subscription, 1)
        async with aclosing(log.subscribe()) as lively:
            assert len(await take(lively, 3)) == 3
        for subscription in paused:
            await subscription.aclose()


class TestTheEnd:
    async def test_cancelling_the_task_that_iterates(self, log: EventLog) -> None:
        caught_up = asyncio.Event()

        async def follow() -> None:
            async for news in log.subscribe():
                if isinstance(news, CaughtUp):
                    caught_up.set()

        task = asyncio.create_task(follow())
        async with asyncio.timeout(PATIENCE_SECONDS):
            await caught_up.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await log.append("order-1", [new_event()], expected_version=0)

    async def test_cancelling_while_it_catches_up(self, log: EventLog) -> None:
        await append_each(log, "order-1", new_events(30))
        for _ in range(20):
            subscription = log.subscribe(page_size=1)
            task = asyncio.create_task(take(subscription, 1_000))
            for _ in range(3):
                await asyncio.sleep(0)
            task.cancel()
            async with asyncio.timeout(PATIENCE_SECONDS):
                with pytest.raises(asyncio.CancelledError):
                    await task
        assert len(await all_of(log.read_all())) == 30

    async def test_closing_a_subscription_at_any_point(self, log: EventLog) -> None:
        await append_each(log, "order-1", new_events(6))
        for pages in range(5):
            subscription = log.subscribe(page_size=2)
            async with asyncio.timeout(PATIENCE_SECONDS):
                for _ in range(pages):
                    if isinstance(await anext(subscription), CaughtUp):
                        break
                await subscription.aclose()

    async def test_closing_the_log_ends_its_subscriptions(self, under_test: LogUnderTest) -> None:
        second = await under_test.second()
        subscription = second.subscribe()
        await until_caught_up(subscription)
        rest = asyncio.create_task(all_news(subscription))
        await asyncio.sleep(0)
        await second.close()
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await rest == []

    async def test_closing_twice_is_closing_once(self, under_test: LogUnderTest) -> None:
        second = await under_test.second()
        await second.append("order-1", [new_event()], expected_version=0)
        await second.close()
        await second.close()
        assert await under_test.log.head() > START


async def all_news(subscription: Subscription) -> list[RecordedEvent]:
    return [
        event async for news in subscription if not isinstance(news, CaughtUp) for event in news
    ]
