"""Moments: made once for all who ask, few at a time, and not for ever."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from domain.errors import Busy
from replay.moments.moment import MomentLost
from replay.moments.moments import Moments

Row = dict[str, Any]


class Made:
    """A moment that tells which one it is; ``lost`` once its tables are."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lost = False
        self.closed = False

    async def rows(self, statement: str, arguments: Sequence[object]) -> Sequence[Row]:
        assert not self.closed
        if self.lost:
            raise MomentLost
        return [{"moment": self.name, "statement": statement, "arguments": list(arguments)}]

    async def close(self) -> None:
        self.closed = True


class Workshop:
    """``gate`` lets the making go on; ``most`` is how many were made at the same time."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.made: list[Made] = []
        self.under_way = 0
        self.most = 0
        self.failures: list[Exception] = []

    async def make(self, model: str, position: int) -> Made:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.gate.wait()
            if self.failures:
                raise self.failures.pop()
        finally:
            self.under_way -= 1
        self.made.append(Made(f"{model}@{position}"))
        return self.made[-1]

    @property
    def open(self) -> list[str]:
        return [made.name for made in self.made if not made.closed]


@pytest.fixture
def workshop() -> Workshop:
    return Workshop()


async def ask(moments: Moments, position: int) -> str:
    (row,) = await moments.rows("orders", position, "select", (1,))
    assert (row["statement"], row["arguments"]) == ("select", [1])
    return str(row["moment"])


async def test_all_who_ask_get_the_same(workshop: Workshop) -> None:
    moments = Moments(workshop.make)
    answers = await asyncio.gather(*(ask(moments, 7) for _ in range(10)))
    assert set(answers) == {"orders@7"}
    assert await ask(moments, 7) == "orders@7"
    assert len(workshop.made) == 1


async def test_those_asked_for_last_stay(workshop: Workshop) -> None:
    moments = Moments(workshop.make, kept=2)
    for position in (1, 2, 1, 3):
        await ask(moments, position)
    assert workshop.open == ["orders@1", "orders@3"]
    await ask(moments, 1)
    assert len(workshop.made) == 3
    await moments.close()
    assert workshop.open == []


async def test_few_are_made_at_a_time(workshop: Workshop) -> None:
    workshop.gate.clear()
    moments = Moments(workshop.make, at_once=2, kept=3)
    asking = [asyncio.create_task(ask(moments, position)) for position in range(8)]
    await asyncio.sleep(0)
    workshop.gate.set()
    assert await asyncio.gather(*asking) == [f"orders@{position}" for position in range(8)]
    assert workshop.most == 2
    assert len(workshop.open) == 3


async def test_too_many_questions_are_refused(workshop: Workshop) -> None:
    workshop.gate.clear()
    moments = Moments(workshop.make, waiting=3)
    asking = [asyncio.create_task(ask(moments, 5)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Busy) as refused:
        await ask(moments, 5)
    assert refused.value.code == "past_busy"
    workshop.gate.set()
    await asyncio.gather(*asking)
    assert await ask(moments, 5) == "orders@5"


async def test_what_takes_too_long_is_given_up(workshop: Workshop) -> None:
    workshop.gate.clear()
    moments = Moments(workshop.make, seconds=0.01)
    with pytest.raises(Busy) as refused:
        await ask(moments, 5)
    assert refused.value.code == "past_too_far"
    assert workshop.under_way == 0
    workshop.gate.set()
    assert await ask(moments, 5) == "orders@5"


async def test_a_failure_is_that_of_its_asker_alone(workshop: Workshop) -> None:
    moments = Moments(workshop.make)
    workshop.failures = [RuntimeError("no"), TimeoutError("the database")]
    for kind in (TimeoutError, RuntimeError):
        with pytest.raises(kind):
            await ask(moments, 5)
    assert await ask(moments, 5) == "orders@5"


async def test_who_gives_up_leaves_the_others_theirs(workshop: Workshop) -> None:
    workshop.gate.clear()
    moments = Moments(workshop.make)
    first, second = (asyncio.create_task(ask(moments, 5)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    workshop.gate.set()
    assert await second == "orders@5"
    assert len(workshop.made) == 1


async def test_tables_that_are_lost_are_made_anew(workshop: Workshop) -> None:
    moments = Moments(workshop.make)
    await ask(moments, 5)
    workshop.made[0].lost = True
    assert await ask(moments, 5) == "orders@5"
    assert len(workshop.made) == 2
    assert workshop.made[0].closed
