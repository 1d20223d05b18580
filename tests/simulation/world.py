"""The simulated world outside the core's processes: venue, market, lease, accounts, observers."""

import asyncio
from decimal import Decimal

from adapters.venues.paper.venue import PaperVenue
from domain.account.events import FundsDeposited, FundsWithdrawn
from domain.fees import FeeSchedule
from domain.risk.limits import Limits
from domain.risk.risk_limits import SYSTEM_SCOPE
from domain.use_cases.account_desk import OpenAccount, Transfer
from domain.use_cases.risk_desk import SetLimits
from domain.venue import Capabilities
from infra.composition.core import Core
from projections.projection import Fact
from tests.domain.checkpoints import MemoryCheckpoints
from tests.doubles.memory_log import MemoryEventLog
from tests.doubles.unreliable_venue import Faults, UnreliableVenue
from tests.simulation.client import context_for
from tests.simulation.engine.simulation import Simulation
from tests.simulation.lease import LeaseStore
from tests.simulation.market import LISTED, TRADED, Market, SimulatedInstruments
from tests.simulation.observer import Observer
from tests.simulation.read_store import ReadStore
from tests.simulation.story import Story
from tests.simulation.venue_journal import ObservedJournal
from tests.simulation.venue_story import SETTLEMENT_ASSET
from tests.simulation.wire import VenueServer

FEES = FeeSchedule(maker=Decimal("0.0002"), taker=Decimal("0.0005"))
MARGIN_RATE = Decimal("0.2")
MAX_QUOTE_AGE_MS = 5_000
FIRST_DEPOSIT = 150
ACCOUNTS = 2


class World:
    """What no fault of a process can touch. ``open`` it before anything else, then keep ``run``."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.clock = simulation.clock.view("venue")
        self.story = Story()
        self.store = ReadStore()
        self.checkpoints = MemoryCheckpoints()
        self.instruments = SimulatedInstruments(TRADED)
        self.listed = SimulatedInstruments(LISTED)
        self.market = Market(self.listed, simulation.dice_for("market"))
        self.leases = LeaseStore(simulation.clock)
        self.observer = Observer(self.story, self.leases, simulation.reached)
        self.journal = ObservedJournal(self.observer.on_entry)
        self.server = VenueServer()
        self.accounts: tuple[str, ...] = ()
        self._transfers: asyncio.Queue[FundsDeposited | FundsWithdrawn] = asyncio.Queue()
        self.observer.listen(self._note_transfer)
        simulation.log_store.observe(self.observer.on_append)

    async def open(self) -> None:
        simulation = self.simulation
        self.paper = await PaperVenue.open(
            self.journal, self.listed, FEES, self.clock, self._capabilities()
        )
        self.venue = UnreliableVenue(
            self.paper, self._faults(), simulation.dice_for("venue"), simulation.clock
        )
        self.market.move(self.clock, self.paper.on_market)
        simulation.on_heal(self._heal)
        await self._open_accounts()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.paper.run())
            group.create_task(self.venue.run())
            group.create_task(self.server.run())
            group.create_task(self.market.run(self.clock, self.paper.on_market))
            group.create_task(self._transfer())

    async def _open_accounts(self) -> None:
        core = Core(
            log=MemoryEventLog(self.simulation.log_store),
            instruments=self.instruments,
            quote=self.market.quote,
            clock=self.simulation.clock,
            max_quote_age_ms=MAX_QUOTE_AGE_MS,
        )
        limits = SetLimits(SYSTEM_SCOPE, "first", Limits(price_collar=Decimal("0.2")), "begin")
        await core.risk.set_limits(limits, context_for("limits"))
        opened = []
        for number in range(1, ACCOUNTS + 1):
            request = OpenAccount(f"client-{number}", self.paper.name, MARGIN_RATE, FEES)
            account = await core.accounts.open(request, context_for("open", str(number)))
            transfer = Transfer(account.id, "first", SETTLEMENT_ASSET, Decimal(FIRST_DEPOSIT))
            await core.accounts.deposit(transfer, context_for("first", str(number)))
            opened.append(account.id)
        self.accounts = tuple(opened)

    def _note_transfer(self, fact: Fact) -> None:
        if isinstance(fact.event, FundsDeposited | FundsWithdrawn):
            self._transfers.put_nowait(fact.event)

    async def _transfer(self) -> None:
        """The bank: money that the log says has moved moves at the venue as well."""
        while True:
            event = await self._transfers.get()
            amount = event.amount if isinstance(event, FundsDeposited) else -event.amount
            await self.paper.transfer(event.originator_id, event.transfer_id, event.asset, amount)

    def _capabilities(self) -> Capabilities:
        dice = self.simulation.dice_for("capabilities")
        return Capabilities(
            linked_orders=dice.random() < 0.5,
            good_till_date=dice.random() < 0.6,
            trailing_stops=dice.random() < 0.6,
        )

    def _faults(self) -> Faults:
        rate = self.simulation.rate
        dice = self.simulation.dice_for("venue faults")
        return Faults(
            lost_request=rate(0.6),
            late_request=rate(0.6),
            lost_answer=rate(0.6),
            corrupt_answer=rate(0.3),
            unavailable=rate(0.5),
            duplicate_report=rate(0.6),
            reordered_report=rate(1.0),
            gap=rate(0.5),
            lost_report=rate(0.3),
            outage=rate(0.05),
            delay=dice.choice((0.001, 0.02, 0.3)),
            late_by=dice.choice((1.0, 10.0)),
            out_for=dice.choice((5.0, 60.0)),
            report_late_by=dice.choice((0.5, 3.0)),
        )

    def _heal(self) -> None:
        self.venue.faults = Faults(delay=self.venue.faults.delay)
        for fault, times in sorted(self.venue.happened.items()):
            if times:
                self.simulation.hit(f"venue/{fault}")
