"""All tables that are folds of the log."""

from collections.abc import Sequence

from replay.verify.tables.accounts import AccountsFold
from replay.verify.tables.executions import ExecutionsFold
from replay.verify.tables.leaders import Leaders
from replay.verify.tables.order_timeline import OrderTimeline
from replay.verify.tables.orders import OrdersFold
from replay.verify.tables.problems import Problems
from replay.verify.tables.risk import RiskFold
from replay.verify.tables.table import Fold, RowPerEvent


def folds() -> Sequence[Fold]:
    """New and empty."""
    return (AccountsFold(), OrdersFold(), ExecutionsFold(), RiskFold())


def rows_per_event() -> Sequence[RowPerEvent]:
    return (OrderTimeline(), Problems(), Leaders())
