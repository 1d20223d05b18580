"""Reading past what a filter keeps out."""

from contextlib import aclosing

import pytest

from domain.log import EventFilter
from infra.log.postgres import PostgresEventLog, reader
from tests.contract.events import all_of, new_event, new_events, take, until_caught_up

RARE = EventFilter(types=frozenset({"Rare"}))


@pytest.mark.parametrize("window", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("page_size", [1, 2, 100])
async def test_rare_events_are_found_whatever_lies_between(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch, window: int, page_size: int
) -> None:
    monkeypatch.setattr(reader, "WINDOW", window)
    async with PostgresEventLog.open(postgres_dsn) as log:
        for number, common in enumerate([0, 1, 6, 0, 7, 3]):
            events = [*new_events(common), new_event("Rare")]
            await log.append(f"order-{number}", events, expected_version=0)
        await log.append("order-last", new_events(9), expected_version=0)
        rare = [event for event in await all_of(log.read_all()) if event.type == "Rare"]
        assert len(rare) == 6
        assert await all_of(log.read_all(only=RARE, page_size=page_size)) == rare
        async with aclosing(log.subscribe(only=RARE, page_size=page_size)) as news:
            assert await until_caught_up(news) == rare
            await log.append("order-last", [new_event("Rare")], expected_version=9)
            assert len(await take(news, 1)) == 1
