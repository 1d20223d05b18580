"""The judge of the drills on short stories told wrong."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest

from domain.aggregate import Aggregate
from domain.command import Actor, ActorType, Metadata
from domain.event import encode
from domain.log import RecordedEvent
from domain.order.order import NewOrder, Order
from domain.order.terms import OrderTerms, OrderType, Side
from domain.risk.risk_limits import SYSTEM_SCOPE, RiskLimits
from tests.end_to_end.story import READ_MODELS, Snapshot, Story

NOW = datetime(2026, 1, 1, tzinfo=UTC)
METADATA = msgspec.json.encode(
    Metadata(
        correlation_id="story",
        command_id=UUID(int=1),
        actor=Actor(ActorType.HUMAN, "operator", "test"),
        schema_version=1,
        code_version="test",
    )
)


def an_order() -> Order:
    order = Order.empty(str(UUID(int=7)))
    terms = OrderTerms("BTCUSDT", Side.BUY, OrderType.LIMIT, Decimal(1), Decimal(100))
    placed = NewOrder(str(UUID(int=8)), "client", order.id, terms, Decimal(100), "USDT", "story")
    order.place(placed, (), NOW)
    return order


def told(*decided: Aggregate) -> list[str]:
    """The problems of a story in which each aggregate's events follow the one's before."""
    events = [(aggregate.stream, event) for aggregate in decided for event in aggregate.pending]
    return problems_of(
        [
            RecordedEvent(
                id=UUID(int=position),
                type=type(event).__name__,
                data=encode(event),
                metadata=METADATA,
                stream=stream,
                version=event.originator_version,
                position=position,
                recorded_at=NOW,
            )
            for position, (stream, event) in enumerate(events, 1)
        ]
    )


def problems_of(recorded: Sequence[RecordedEvent]) -> list[str]:
    """With read models that are where the log is, and show nothing."""
    read: dict[str, list[dict[str, object]]] = {name: [] for name in READ_MODELS}
    seen = Snapshot(recorded=list(recorded), executed=[], sent=[], read=read, unhandled=0)
    return Story(seen).problems([])


def mentions(problems: Sequence[str], words: str) -> bool:
    return any(words in problem for problem in problems)


def test_an_order_that_stays_unknown_is_a_problem() -> None:
    order = an_order()
    order.submit(1, NOW)
    assert not mentions(told(order), "unknown")
    order = an_order()
    order.submit(1, NOW)
    order.lose_track("no answer", NOW)
    assert mentions(told(order), "unknown still")


@pytest.mark.parametrize(
    ("confirmed", "resumed", "wrong"),
    [(True, False, True), (False, False, False), (True, True, False)],
)
def test_an_intent_after_a_confirmed_halt_is_a_problem(
    confirmed: bool, resumed: bool, wrong: bool
) -> None:
    halt, order = RiskLimits.empty(SYSTEM_SCOPE), an_order()
    halt.halt("halt-1", "drill", NOW)
    if confirmed:
        halt.confirm_halt(NOW)
    if resumed:
        halt.resume("resume-1", "drill", NOW)
    order.submit(1, NOW)
    assert mentions(told(halt, order), "after the halt") is wrong
