"""What the API is given: it makes none of it itself."""

from collections.abc import Callable

import msgspec
from prometheus_client import REGISTRY, CollectorRegistry

from api.reads.past import Past
from api.reads.pool import Pool
from api.stream.changes import Feed
from domain.clock import Clock, Ids
from domain.fees import FeeSchedule
from domain.instrument import Instruments
from domain.log import EventLog
from domain.risk.risk_book import RiskBook
from domain.use_cases.account_desk import AccountDesk
from domain.use_cases.order_desk import OrderDesk
from domain.use_cases.risk_desk import RiskDesk

DEFAULT_MAX_BODY_BYTES = 64 * 1024


def never_halted() -> str | None:
    return None


class ApiDependencies(msgspec.Struct, frozen=True, kw_only=True):
    """``pool`` is made by ``api.reads.pool.read_pool`` and open; ``changes`` starts a new
    subscription to the read models' changes each time it is called.

    ``log_halted`` says why the log takes no more appends, None while it does. ``token_secret``
    signs and verifies bearer tokens; ``registry`` is what /metrics shows.
    """

    accounts: AccountDesk
    orders: OrderDesk
    risk: RiskDesk
    risk_book: RiskBook
    log: EventLog
    log_halted: Callable[[], str | None] = never_halted
    instruments: Instruments
    fees: FeeSchedule
    venues: frozenset[str]
    clock: Clock
    ids: Ids
    pool: Pool
    past: Past
    changes: Callable[[], Feed]
    token_secret: bytes
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES
    docs_enabled: bool = False
    registry: CollectorRegistry = REGISTRY
    read_wait_seconds: float = 5.0
    halt_wait_seconds: float = 1.0
    heartbeat_seconds: float = 15.0
    version: str = "0.1.0"
