"""An account folded a little behind what is read of it, for decisions that look back a little."""

from collections import deque
from collections.abc import Iterator

from domain.account.account import Account
from domain.event import Event
from replay.decisions.recorded_decision import RecordedDecision

Ready = tuple[RecordedDecision, Account]
"""A decision and its account at the version it was taken on, to be used before going on."""


class AccountHistory:
    """A decision is written after the account it was taken on, and others may come between.

    So it waits for the fold, which comes by each version once.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._ahead: deque[Event] = deque()
        self._waiting: dict[int, list[RecordedDecision]] = {}

    @property
    def folded(self) -> int:
        """The version that decisions can still wait for."""
        return self._account.version

    @property
    def read(self) -> int:
        """The newest version that was read."""
        return self._account.version + len(self._ahead)

    def hear(self, event: Event) -> None:
        self._ahead.append(event)

    def wait(self, decision: RecordedDecision) -> None:
        self._waiting.setdefault(decision.account_version, []).append(decision)

    def fold(self, keep: int) -> Iterator[Ready]:
        """Fold all but the last ``keep`` events; what waited for the versions passed."""
        while len(self._ahead) > keep:
            yield from self._ready()
            self._ahead.popleft().mutate(self._account)
        if not self._ahead:
            yield from self._ready()

    def _ready(self) -> Iterator[Ready]:
        for decision in self._waiting.pop(self._account.version, ()):
            yield decision, self._account
