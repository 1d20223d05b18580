"""The accounts of a log, each folded once while the log is read in position order."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator

from domain.account.account import Account
from domain.event import UndecodableEvent, decode
from domain.log import EventLog, RecordedEvent
from replay.decisions.account_history import AccountHistory, Ready
from replay.decisions.not_replayable import NotReplayable
from replay.decisions.recorded_decision import RecordedDecision
from replay.decisions.versions import at_version

KEEP_EVENTS = 64
"""How far an account's fold stays behind: a decision that looks further back reads the stream."""

MAX_ACCOUNTS = 1_000

MAX_WAITING = 2_000
"""Decisions that wait for their accounts' folds, of all accounts together."""


class AccountHistories:
    """Everything is given in position order; what is ready comes out in the accounts' order."""

    def __init__(
        self,
        log: EventLog,
        keep: int = KEEP_EVENTS,
        max_accounts: int = MAX_ACCOUNTS,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._log = log
        self._keep = keep
        self._max_accounts = max_accounts
        self._max_waiting = max_waiting
        self._waiting = 0
        self._histories: OrderedDict[str, AccountHistory] = OrderedDict()

    async def hear(self, recorded: RecordedEvent) -> AsyncIterator[Ready]:
        """Take in an event of an account. Raises as ``decode``, also where one is missing."""
        event = decode(recorded)
        history = await self._history(event.originator_id, recorded.version - 1)
        if recorded.version != history.read + 1:
            raise UndecodableEvent(recorded, f"it comes after version {history.read}")
        history.hear(event)
        for ready in self._fold(history, self._keep):
            yield ready
        while len(self._histories) > self._max_accounts:
            _, oldest = self._histories.popitem(last=False)
            for ready in self._fold(oldest):
                yield ready

    async def decide(self, decision: RecordedDecision) -> AsyncIterator[Ready]:
        """Take in a decision. Raises NotReplayable."""
        history = self._histories.get(decision.identity.account_id)
        version = decision.account_version
        if history is None or version < history.folded:
            account = Account.empty(decision.identity.account_id)
            yield decision, await at_version(self._log, account, version)
        elif version > history.read:
            raise NotReplayable(f"it names version {version} of its account, which came later")
        else:
            history.wait(decision)
            self._waiting += 1
            if self._waiting > self._max_waiting:
                for ready in self.finish():
                    yield ready

    def finish(self) -> Iterator[Ready]:
        """What still waits."""
        for history in self._histories.values():
            yield from self._fold(history)

    def _fold(self, history: AccountHistory, keep: int = 0) -> Iterator[Ready]:
        for ready in history.fold(keep):
            self._waiting -= 1
            yield ready

    async def _history(self, account_id: str, version: int) -> AccountHistory:
        """Folded to a version already, where it was let go of or its beginning was not read."""
        history = self._histories.get(account_id)
        if history is None:
            account = await at_version(self._log, Account.empty(account_id), version)
            history = self._histories[account_id] = AccountHistory(account)
        self._histories.move_to_end(account_id)
        return history
