"""A decision on an order: what it reads, what the controls say, what it records of both."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import msgspec

from domain.account.account import Account
from domain.clock import Clock
from domain.command import DecisionInputs, QuoteEvidence
from domain.controls.check import OrderCheck
from domain.controls.registry import run_controls
from domain.errors import InvalidInput
from domain.instrument import Instrument, Instruments
from domain.market_data import Quote
from domain.order.terms import OrderTerms
from domain.order.worst_price import DEFAULT_COLLAR, worst_price
from domain.risk.risk_book import RiskBook
from domain.risk.risk_limits import RiskLimits
from domain.risk.verdict import Verdict

DEFAULT_QUOTE_AGE_MS = 5_000


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

    def decide(
        self,
        order_id: str,
        terms: OrderTerms,
        account: Account,
        *,
        strategy_id: str | None,
        filled: Decimal,
        at_least_price: Decimal,
    ) -> Decision:
        """Run every control on an order against the account as it is.

        ``filled`` is what an amended order has filled, ``at_least_price`` the worst price that is
        reserved for it already.
        """
        now = self._clock.now()
        quote = self._quote(terms.symbol)
        scopes = self._risk_book.scopes_of(account.client_id, account.id, strategy_id)
        terms_price = worst_price(terms, quote, _collar(scopes))
        price = max(terms_price, at_least_price)
        check = OrderCheck(
            order_id=order_id,
            terms=terms,
            quantity=terms.quantity - filled,
            worst_price=price,
            instrument=self.instrument(terms.symbol),
            account=account,
            quote=quote,
            scopes=scopes,
            scopes_are_current=self._risk_book.is_current,
            now=now,
            max_quote_age_ms=self._max_quote_age_ms,
        )
        return Decision(
            worst_price=price,
            terms_price=terms_price,
            verdicts=run_controls(check),
            inputs=_inputs(check),
            decided_at=now,
        )


def _collar(scopes: tuple[RiskLimits, ...]) -> Decimal:
    set_here = [s.limits.price_collar for s in scopes if s.limits.price_collar is not None]
    return min(set_here, default=DEFAULT_COLLAR)


def _inputs(check: OrderCheck) -> DecisionInputs:
    return DecisionInputs(
        streams={check.account.stream: check.account.version},
        limits={scope.id: scope.version for scope in check.scopes},
        quote=_evidence(check),
    )


def _evidence(check: OrderCheck) -> QuoteEvidence | None:
    if check.quote is None or check.quote_age_ms is None:
        return None
    return QuoteEvidence(check.quote.bid, check.quote.ask, check.quote.at, check.quote_age_ms)
