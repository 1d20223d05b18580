"""What operators watch beside the trading itself: problems, and who led when."""

from collections.abc import Sequence

from domain.account.account import Account
from domain.session.events import LeaderEpochStarted
from domain.session.session import Session
from projections.leaders import LEADERS, LeaderRow, leader_row
from projections.problems import PROBLEM_EVENTS, PROBLEMS, ProblemRow, problem_row
from projections.projection import Changes, Fact, Loaded, Projection, Wanted


class OperationsFold:
    """One row for each event; nothing is loaded and nothing ever changes."""

    def __init__(self) -> None:
        self._problems: list[ProblemRow] = []
        self._leaders: list[LeaderRow] = []

    @property
    def known(self) -> int:
        return 0

    def wanted(self, facts: Sequence[Fact]) -> Sequence[Wanted]:
        return ()

    def take(self, loaded: Loaded) -> None:
        """Nothing."""

    def apply(self, fact: Fact) -> None:
        if isinstance(fact.event, LeaderEpochStarted):
            self._leaders.append(leader_row(fact.event, fact.recorded.position))
        else:
            self._problems.append(problem_row(fact))

    def changes(self) -> Sequence[Changes]:
        problems, leaders = self._problems, self._leaders
        self._problems, self._leaders = [], []
        return [Changes(PROBLEMS, problems), Changes(LEADERS, leaders)]


OPERATIONS_PROJECTION = Projection(
    name="operations",
    version=1,
    categories=frozenset({Session.category, Account.category}),
    types=frozenset(event.__name__ for event in PROBLEM_EVENTS | {LeaderEpochStarted}),
    tables=(PROBLEMS, LEADERS),
    fold=OperationsFold,
    file="operations.sql",
)
