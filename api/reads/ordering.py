"""Where pages of each list end: the last row's ordering columns, in their order."""

from datetime import datetime
from uuid import UUID

import msgspec


class OrderKey(msgspec.Struct, frozen=True):
    placed_at: datetime
    order_id: UUID


class ExecutionKey(msgspec.Struct, frozen=True):
    executed_at: datetime
    order_id: UUID
    execution_number: int


class AccountKey(msgspec.Struct, frozen=True):
    opened_at: datetime
    account_id: UUID


class PositionKey(msgspec.Struct, frozen=True):
    position: int


class TimelineKey(msgspec.Struct, frozen=True):
    version: int


class CandleKey(msgspec.Struct, frozen=True):
    opened_at: datetime
