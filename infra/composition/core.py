"""The core: repository, limits and desks over one log."""

from collections.abc import Callable

from domain.clock import Clock
from domain.instrument import Instruments
from domain.log import EventLog
from domain.market_data import Quote
from domain.repository import Repository
from domain.risk.risk_book import RiskBook
from domain.use_cases.account_desk import AccountDesk
from domain.use_cases.decision import DecisionMaker
from domain.use_cases.order_desk import OrderDesk
from domain.use_cases.risk_desk import RiskDesk
from domain.use_cases.settlement_desk import SettlementDesk
from infra.version import code_version


class Core:
    """Everything that decides. ``risk_book.follow`` must run for orders to be admitted."""

    def __init__(
        self,
        *,
        log: EventLog,
        instruments: Instruments,
        quote: Callable[[str], Quote | None],
        clock: Clock,
        max_quote_age_ms: int,
    ) -> None:
        self.log = log
        self.clock = clock
        self.instruments = instruments
        self.quote = quote
        self.repository = Repository(log, code_version())
        self.risk_book = RiskBook()
        decisions = DecisionMaker(instruments, quote, self.risk_book, clock, max_quote_age_ms)
        self.accounts = AccountDesk(self.repository, clock)
        self.orders = OrderDesk(self.repository, decisions, clock)
        self.risk = RiskDesk(self.repository, self.risk_book, clock)
        self.settlement = SettlementDesk(self.repository, clock)
