"""The aggregates there are, by the category of their streams."""

from collections.abc import Mapping

from domain.account.account import Account
from domain.aggregate import Aggregate
from domain.client.client import Client
from domain.errors import InvalidInput
from domain.log import category_of
from domain.order.order import Order
from domain.risk.risk_limits import RiskLimits
from domain.session.session import Session
from domain.strategy.strategy import Strategy

AGGREGATES: Mapping[str, type[Aggregate]] = {
    kind.category: kind for kind in (Account, Client, Order, RiskLimits, Session, Strategy)
}


def empty_aggregate(stream: str) -> Aggregate:
    """The aggregate of a stream before its first event. Raises InvalidInput ``invalid_stream``."""
    category = category_of(stream)
    kind = AGGREGATES.get(category)
    aggregate_id = stream.removeprefix(f"{category}-")
    if kind is None or aggregate_id in {"", stream}:
        known = ", ".join(f"{each}-…" for each in AGGREGATES)
        raise InvalidInput("invalid_stream", f"{stream!r} is no stream like {known}", "stream")
    return kind.empty(aggregate_id)
