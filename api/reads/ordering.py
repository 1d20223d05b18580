"""Where pages of each list end: the last row's ordering columns, in their order."""

import msgspec


class OrderKey(msgspec.Struct, frozen=True):
    placed_at: str
    order_id: str


class ExecutionKey(msgspec.Struct, frozen=True):
    executed_at: str
    order_id: str
    execution_number: int


class AccountKey(msgspec.Struct, frozen=True):
    opened_at: str
    account_id: str


class TimelineKey(msgspec.Struct, frozen=True):
    version: int


class CandleKey(msgspec.Struct, frozen=True):
    opened_at: str


class EventKey(msgspec.Struct, frozen=True):
    """``after`` is a position in the log, or a version in the stream it names."""

    after: int
    stream: str | None = None
