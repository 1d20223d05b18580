"""A decision on an order: what it reads, what the controls say, what it records of both."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import msgspec

from domain.account.account import Account
from domain.clock import Clock
from domain.command import DecisionInputs, PendingEvent, QuoteEvidence
from domain.controls.check import OrderCheck
from domain.controls.registry import run_controls
from domain.errors import InvalidInput
from domain.event import encode
from domain.instrument import Instrument, Instruments
from domain.instrument_digest import instrument_digest
from domain.market_data import Quote
from domain.order.worst_price import DEFAULT_COLLAR, worst_price
from domain.risk.risk_book import RiskBook
from domain.risk.risk_limits import RiskLimits
from domain.risk.verdict import Verdict
from domain.use_cases.proposal import Proposal

DEFAULT_QUOTE_AGE_MS = 5_000


class Circumstances(msgspec.Struct, frozen=True):
    """What a decision reads beside the order and its account; ``scopes`` widest first."""

    instrument: Instrument
    quote: Quote | None
    scopes: tuple[RiskLimits, ...]
    scopes_are_current: bool
    now: datetime
    max_quote_age_ms: int


class Decision(msgspec.Struct, frozen=True):
    """The verdicts on one order, the worst price they were measured at, and the inputs.

    ``terms_price`` is the worst price of the terms alone, whatever is reserved already.
    """

    worst_price: Decimal
    terms_price: Decimal
    verdicts: tuple[Verdict, ...]
    inputs: DecisionInputs
    decided_at: datetime

    @property
    def passed(self) -> bool:
        return all(verdict.passed for verdict in self.verdicts)

    @property
    def first_failure(self) -> Verdict:
        return next(verdict for verdict in self.verdicts if not verdict.passed)


def decide(proposal: Proposal, account: Account, circumstances: Circumstances) -> Decision:
    """Run every control on an order against the account as it is: nothing else is read."""
    terms, quote = proposal.terms, circumstances.quote
    terms_price = worst_price(terms, quote, _collar(circumstances.scopes))
    price = max(terms_price, proposal.at_least_price)
    check = OrderCheck(
        order_id=proposal.order_id,
        terms=terms,
        quantity=terms.quantity - proposal.filled,
        worst_price=price,
        instrument=circumstances.instrument,
        account=account,
        quote=quote,
        scopes=circumstances.scopes,
        scopes_are_current=circumstances.scopes_are_current,
        now=circumstances.now,
        max_quote_age_ms=circumstances.max_quote_age_ms,
    )
    return Decision(
        worst_price=price,
        terms_price=terms_price,
        verdicts=run_controls(check),
        inputs=_inputs(check),
        decided_at=circumstances.now,
    )


class DecisionMaker:
    """Gathers what a decision needs from the market, the limits and the clock, and decides."""

    def __init__(
        self,
        instruments: Instruments,
        quote: Callable[[str], Quote | None],
        risk_book: RiskBook,
        clock: Clock,
        max_quote_age_ms: int = DEFAULT_QUOTE_AGE_MS,
    ) -> None:
        self._instruments = instruments
        self._quote = quote
        self._risk_book = risk_book
        self._clock = clock
        self._max_quote_age_ms = max_quote_age_ms

    def instrument(self, symbol: str) -> Instrument:
        """Raises InvalidInput ``unknown_symbol``."""
        instrument = self._instruments.get(symbol)
        if instrument is None:
            raise InvalidInput("unknown_symbol", f"there is no instrument {symbol!r}", "symbol")
        return instrument

    def decide(self, proposal: Proposal, account: Account, strategy_id: str | None) -> Decision:
        """Decide on what the market and the limits are now. Raises as ``instrument``."""
        symbol = proposal.terms.symbol
        circumstances = Circumstances(
            instrument=self.instrument(symbol),
            quote=self._quote(symbol),
            scopes=self._risk_book.scopes_of(account.client_id, account.id, strategy_id),
            scopes_are_current=self._risk_book.is_current,
            now=self._clock.now(),
            max_quote_age_ms=self._max_quote_age_ms,
        )
        return decide(proposal, account, circumstances)


def _collar(scopes: tuple[RiskLimits, ...]) -> Decimal:
    set_here = [s.limits.price_collar for s in scopes if s.limits.price_collar is not None]
    return min(set_here, default=DEFAULT_COLLAR)


def _inputs(check: OrderCheck) -> DecisionInputs:
    account = check.account
    return DecisionInputs(
        streams={account.stream: account.version - len(account.pending)},
        limits={scope.id: scope.version for scope in check.scopes},
        quote=_evidence(check),
        limits_are_current=check.scopes_are_current,
        max_quote_age_ms=check.max_quote_age_ms,
        instrument=instrument_digest(check.instrument),
        pending=_pending(account),
    )


def _pending(account: Account) -> tuple[PendingEvent, ...]:
    return tuple(
        PendingEvent(type(event).__name__, event.schema_version, msgspec.Raw(encode(event)))
        for event in account.pending
    )


def _evidence(check: OrderCheck) -> QuoteEvidence | None:
    if check.quote is None or check.quote_age_ms is None:
        return None
    return QuoteEvidence(check.quote.bid, check.quote.ask, check.quote.at, check.quote_age_ms)
