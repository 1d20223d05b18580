"""A decision as the log has it, ready to be taken again."""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from domain.account.account import Account
from domain.event import Event
from domain.risk.verdict import Verdict
from domain.use_cases.decision import Circumstances
from domain.use_cases.proposal import Proposal

PASSED = "passed"


class Identity(msgspec.Struct, frozen=True):
    """Which decision: ``type`` is its event's, ``code_version`` that of the code that took it.

    ``decided_at`` is RFC 3339, with microseconds.
    """

    order_id: str
    account_id: str
    type: str
    position: int
    decided_at: str
    code_version: str


class RecordedDecision(msgspec.Struct, frozen=True):
    """What was decided, and all that it was decided on but the account.

    ``outcome`` is what came of it, whatever the ``verdicts`` say: the code that the order was
    refused with, or PASSED where it was placed or its amendment asked for.
    ``account_version`` is the account's in the log, ``pending`` what was decided on top of it.
    ``proposed`` says of an account what order it was asked for. ``price`` is the recorded worst
    price: of the terms alone for an amendment, None where the verdicts are the linked order's.
    """

    identity: Identity
    verdicts: tuple[Verdict, ...]
    outcome: str
    price: Decimal | None
    account_version: int
    pending: tuple[Event, ...]
    proposed: Callable[[Account], Proposal]
    circumstances: Circumstances

    @property
    def passed(self) -> bool:
        return self.outcome == PASSED

    @property
    def is_amendment(self) -> bool:
        return self.identity.type == "OrderAmendRequested"
