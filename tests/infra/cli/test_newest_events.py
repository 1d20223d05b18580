"""The newest events, whether positions are dense or bytes apart."""

from typing import Any

import pytest

from infra.cli.client import ApiClient
from infra.cli.events import PAGE, newest


class Log(ApiClient):
    """Answers as the API does, for events that stand ``gap`` positions apart."""

    def __init__(self, count: int, gap: int) -> None:
        self._positions = [number * gap for number in range(1, count + 1)]
        self.requests = 0

    def get(self, path: str, **query: str | int | None) -> Any:
        self.requests += 1
        if path == "/v1/projections":
            return {"items": [{"checkpoint": self._positions[-1] if self._positions else 0}]}
        after, limit = query["after"], query["limit"]
        assert isinstance(after, int)
        assert isinstance(limit, int)
        assert limit <= PAGE
        found = [position for position in self._positions if position > after]
        page = found[:limit]
        more = page[-1] if len(found) > limit else None
        return {"items": [{"position": position} for position in page], "next_after": more}


@pytest.mark.parametrize("gap", [1, 7, 1_500])
@pytest.mark.parametrize("count", [0, 3, 20, 4_000])
def test_the_last_events_in_order(count: int, gap: int) -> None:
    log = Log(count, gap)
    expected = [number * gap for number in range(1, count + 1)][-20:]
    assert [event["position"] for event in newest(log, 20)] == expected


def test_dense_positions_take_two_requests() -> None:
    log = Log(4_000, 1)
    newest(log, 20)
    assert log.requests == 2
