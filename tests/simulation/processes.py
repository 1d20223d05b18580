"""The core's processes: each with its own clock, log connection and memory."""

from collections.abc import Awaitable, Callable
from functools import partial

from domain.execution.lease import LeaseLost
from domain.venue import Venue
from infra.composition.core import Core
from tests.simulation.api_process import ApiProcess
from tests.simulation.engine.simulation import Simulation
from tests.simulation.execution_process import run_execution
from tests.simulation.lease import HeldLease
from tests.simulation.policy_process import run_policies
from tests.simulation.projector_process import StoreUnavailable, run_projector
from tests.simulation.supervision import supervised
from tests.simulation.wire import WiredVenue
from tests.simulation.world import MAX_QUOTE_AGE_MS, World

APIS = ("api-1", "api-2")
EXECUTIONS = ("execution-1", "execution-2")
POLICIES = ("policies-1", "policies-2")

TWICE = 0.25
"""In so many of the seeds the policies run in two processes at once, as after a lost lease."""


class Processes:
    """``start`` them once; from then on they are the simulation's to kill and start again."""

    def __init__(self, simulation: Simulation, world: World) -> None:
        self._simulation = simulation
        self._world = world
        self._dice = simulation.dice_for("messages")
        self._lost = {"lease/lost": simulation.rate(0.6), "read_store/lost": simulation.rate(0.1)}
        self._slowest = {
            "lease/lost": self._dice.choice((0.01, 0.1, 1.0)),
            "read_store/lost": 0.02,
        }
        self.apis = tuple(ApiProcess(name) for name in APIS)

    def start(self) -> None:
        for api in self.apis:
            self._spawn(api.name, partial(self._run_api, api))
        for name in EXECUTIONS:
            self._spawn(name, partial(self._run_execution, name))
        for name in POLICIES if self._dice.random() < TWICE else POLICIES[:1]:
            self._spawn(name, partial(self._run_policies, name))
        self._spawn("projector", self._run_projector)

    def _spawn(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        clock = self._simulation.clock.view(name)

        def note(errors: BaseExceptionGroup[BaseException]) -> None:
            self._simulation.note(f"starts again after {errors!r}")
            if errors.subgroup(LeaseLost) is not None:
                self._simulation.reached("leader/deposed")

        self._simulation.spawn(name, lambda: supervised(run, clock, note))

    async def _run_api(self, api: ApiProcess) -> None:
        await api.run(self._core(api.name))

    async def _run_execution(self, name: str) -> None:
        clock = self._simulation.clock.view(name)
        await run_execution(
            log=self._simulation.log(name),
            clock=clock,
            lease=HeldLease(self._world.leases, name, clock, partial(self._reach, "lease/lost")),
            connect=self._connect,
            instruments=self._world.instruments,
            checkpoints=self._world.checkpoints,
        )

    async def _run_policies(self, name: str) -> None:
        await run_policies(
            self._core(name),
            self._world.checkpoints,
            self._simulation.clock.view(name),
            self._world.venue.capabilities,
            self._world.market.quote,
        )

    async def _run_projector(self) -> None:
        clock = self._simulation.clock.view("projector")
        log = self._simulation.log("projector")
        await run_projector(log, clock, self._world.store, self._reach_store)

    def _core(self, name: str) -> Core:
        return Core(
            log=self._simulation.log(name),
            instruments=self._world.instruments,
            quote=self._world.market.quote,
            clock=self._simulation.clock.view(name),
            max_quote_age_ms=MAX_QUOTE_AGE_MS,
        )

    def _connect(self, lease: HeldLease) -> Venue:
        def on_request(request: str, client_order_id: str) -> None:
            self._world.observer.on_request(lease.epoch, request, client_order_id)

        return WiredVenue(self._world.venue, self._world.server, on_request)

    async def _reach(self, fault: str) -> bool:
        """One message to a server other than the log: false if it, or its answer, is lost."""
        await self._simulation.alive_or_hang()
        await self._simulation.clock.sleep(self._dice.uniform(0.0, self._slowest[fault]))
        return not self._simulation.strikes(fault, self._lost[fault])

    async def _reach_store(self) -> None:
        if not await self._reach("read_store/lost"):
            raise StoreUnavailable("no answer")
