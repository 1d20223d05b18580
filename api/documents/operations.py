"""What operators watch, as it is answered."""

from enum import StrEnum

from api.documents.fields import Document, Id, LogPosition, Time


class ProblemKind(StrEnum):
    """What is wrong."""

    VENUE_DATA = "venue_data"
    EXTERNAL_ORDER = "external_order"
    EXTERNAL_POSITION = "external_position"
    BALANCE_ADJUSTED = "balance_adjusted"
    RECONCILIATION_FAILED = "reconciliation_failed"
    OCO_BOTH_FILLED = "oco_both_filled"


class OperationalProblem(Document):
    """``raw`` is all that the venue said, where that is the problem."""

    position: LogPosition
    at: Time
    kind: ProblemKind
    stream: str
    account_id: Id | None
    code: str | None
    reason: str
    raw: str | None


class LeaderDocument(Document):
    """A worker took the lead of a venue's execution; the newest one has it."""

    venue: str
    epoch: int
    started_at: Time
    position: LogPosition
