"""Taking recorded decisions again."""

import copy
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing

from domain.account.account import Account
from domain.errors import NotFound
from domain.event import Event
from domain.instrument import Instruments
from domain.log import EventFilter, EventLog, RecordedEvent
from domain.order.order import Order
from domain.risk.limits import Limits
from domain.use_cases.decision import Decision, decide
from replay.decisions.account_histories import AccountHistories
from replay.decisions.account_history import Ready
from replay.decisions.decision_reader import DECISION_TYPES, DecisionReader
from replay.decisions.difference import difference, turned
from replay.decisions.not_replayable import NotReplayable
from replay.decisions.recorded_decision import RecordedDecision
from replay.decisions.report import Report
from replay.decisions.window import Window

_ACCOUNTS_AND_ORDERS = EventFilter(categories=frozenset({Account.category, Order.category}))


class ReplayFailed(Exception):
    """A decision that was taken then cannot be taken at all now: the code of today fails on it."""


class DecisionReplay:
    """With ``limits`` it answers which decisions would turn under them: each on its own, the
    account being what it was. Nothing is written.

    Its methods raise UnknownEventType, UndecodableEvent, ReplayFailed and what the log raises.
    """

    def __init__(
        self,
        log: EventLog,
        instruments: Instruments,
        limits: Mapping[str, Limits] | None = None,
        histories: Callable[[EventLog], AccountHistories] = AccountHistories,
    ) -> None:
        self._log = log
        self._histories = histories
        self._compare = difference if limits is None else turned
        self._reader = DecisionReader(log, instruments, limits or {})

    async def run(
        self, window: Window, on_position: Callable[[int], None] = lambda _: None
    ) -> Report:
        """All decisions of a window; the log before it is read for what it made of the accounts."""
        report, accounts = Report(), self._histories(self._log)
        pages = self._log.read_all(until=window.until, only=_ACCOUNTS_AND_ORDERS)
        async with aclosing(pages):
            async for page in pages:
                for recorded in page:
                    await self._take(recorded, window, accounts, report)
                on_position(page[-1].position)
        for ready in accounts.finish():
            self._judge(ready, report)
        return self._finished(report)

    async def of_order(self, order_id: str) -> Report:
        """The decisions on one order. Raises NotFound ``order_not_found``."""
        report, accounts = Report(), self._histories(self._log)
        exists = False
        async with aclosing(self._log.read_stream(Order.stream_of(order_id))) as pages:
            async for page in pages:
                exists = True
                for recorded in page:
                    if recorded.type in DECISION_TYPES:
                        await self._read(recorded, accounts, report)
        if not exists:
            raise NotFound("order_not_found", f"there is no order {order_id}")
        return self._finished(report)

    def _finished(self, report: Report) -> Report:
        report.unused_limits = sorted(self._reader.unused)
        report.sort()
        return report

    async def _take(
        self, recorded: RecordedEvent, window: Window, accounts: AccountHistories, report: Report
    ) -> None:
        if recorded.stream.startswith(f"{Account.category}-"):
            await self._judge_all(accounts.hear(recorded), report)
        elif recorded.type in DECISION_TYPES and window.holds(recorded):
            await self._read(recorded, accounts, report)

    async def _read(
        self, recorded: RecordedEvent, accounts: AccountHistories, report: Report
    ) -> None:
        read = await self._reader.read(recorded)
        if read is None:
            return
        report.decisions += 1
        identity, decision = read
        if isinstance(decision, str):
            report.give_up_on(identity, decision)
            return
        try:
            await self._judge_all(accounts.decide(decision), report)
        except NotReplayable as reason:
            report.give_up_on(identity, str(reason))

    async def _judge_all(self, ready: AsyncIterator[Ready], report: Report) -> None:
        async for each in ready:
            self._judge(each, report)

    def _judge(self, ready: Ready, report: Report) -> None:
        recorded, account = ready
        found = self._compare(recorded, _decide_again(recorded, account))
        report.replayed += 1
        if found is not None:
            report.tell_of(found)


def _decide_again(recorded: RecordedDecision, account: Account) -> Decision:
    try:
        if recorded.pending:
            account = _with(account, recorded.pending)
        return decide(recorded.proposed(account), account, recorded.circumstances)
    except Exception as error:
        position = recorded.identity.position
        raise ReplayFailed(f"{type(error).__name__} at position {position}: {error}") from error


def _with(account: Account, pending: tuple[Event, ...]) -> Account:
    account = copy.deepcopy(account)
    for event in pending:
        event.mutate(account)
    return account
