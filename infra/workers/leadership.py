"""One active worker a role: a lease with an expiry, and an epoch that counts its holders.

The lease is for liveness: it keeps two workers from getting in each other's way. What makes a stale
leader harmless is the log's expected versions, the epoch in every intent, and the last moment of
validity that every send carries.

A lock of the database would not do: a leader that is stopped keeps its connection, and with it the
lock, for as long as it is stopped.

A holder knows by itself when it may have lost the lease, however the machine's time is set: it
counts on the monotonic clock, from before the renewal was sent, and gives up ``MARGIN_SECONDS``
before the table does. A waiting instance takes the lease

- when it has expired or was given up, by the table's clock;
- when it has not changed for a whole lease by the waiter's own monotonic clock: then it has expired
  wherever the table's clock was set to;
- when its holder was a process of this very machine that has ended (ProcessIdentity.has_ended), or
  a lead of this very process that has. What has ended sends nothing, and an append that it left on
  its way meets the log's expected versions as if it came from a stale leader. So a core that was
  killed and started again need not wait, nor one whose last renewal was carried out late.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec
import structlog

from domain.cancellation import heed_cancellation
from domain.clock import Clock
from domain.execution.lease import Lease
from infra.workers.lease_table import LEASE_SECONDS, LeaseRow, LeaseTable, LeaseTableAway
from infra.workers.postgres_leases import PostgresLeases
from infra.workers.process_identity import ProcessIdentity

RENEW_SECONDS = 1.0
MARGIN_SECONDS = 1.0
"""For clocks that run at different speeds, and for the way from the question to the wire."""

LOOK_SECONDS = 0.5
"""How often a waiting instance looks, and how soon a renewal without an answer is tried again."""

_leads_here: set[tuple[str, int]] = set()
"""Role and epoch of every lead of this process that has not ended."""

_logger = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode


class LeadershipLost(Exception):
    """Another instance leads, or may lead by now."""


@asynccontextmanager
async def leadership(
    dsn: str, role: str, clock: Clock, *, above: int = 0
) -> AsyncGenerator["Leadership"]:
    """Wait until this instance leads, and hold on while the block runs.

    ``above`` is an epoch known from elsewhere: a log may be older than the table of leases.
    """
    me = ProcessIdentity.of_this_process()
    async with (
        PostgresLeases.open(dsn) as table,
        held(Candidate(table, role, clock, me, above)) as leading,
    ):
        yield leading


@asynccontextmanager
async def held(candidate: "Candidate") -> AsyncGenerator["Leadership"]:
    """Renewed while the block runs, given up after it: the next one need not wait."""
    leading = await candidate.elected()
    try:
        yield leading
    finally:
        await leading.end()


class Leadership:
    """Implements domain.execution.lease.Lease."""

    def __init__(
        self, table: LeaseTable, role: str, epoch: int, clock: Clock, asked_at: float
    ) -> None:
        """``asked_at``: on the monotonic clock, before the lease was asked for."""
        self.role = role
        self.epoch = epoch
        self._table = table
        self._clock = clock
        self._held_until = _end_of_lease(asked_at)
        _leads_here.add((role, epoch))
        self._renewals = asyncio.create_task(self._keep_renewing(), name=f"lease of {role}")

    def holds(self) -> bool:
        return self._clock.monotonic() < self._held_until

    async def watch(self) -> None:
        """Until cancelled. Raises LeadershipLost when another instance leads or may lead."""
        await asyncio.shield(self._renewals)

    async def end(self) -> None:
        """Give the lease up, unless it is lost."""
        self._held_until = float("-inf")
        is_ours = not self._renewals.done()
        self._renewals.cancel()
        try:
            await asyncio.gather(self._renewals, return_exceptions=True)
            if is_ours:
                await self._release()
        finally:
            _leads_here.discard((self.role, self.epoch))

    async def _keep_renewing(self) -> None:
        while True:
            await self._clock.sleep(RENEW_SECONDS)
            await self._renew()

    async def _renew(self) -> None:
        """Asks again until there is an answer. After a pause that outlasted the lease it is asked
        once more: it may be ours still."""
        while True:
            asked_at = self._clock.monotonic()
            try:
                renewed = await self._table.renew(self.role, self.epoch)
            except LeaseTableAway as error:
                heed_cancellation()
                if asked_at >= self._held_until:
                    raise LeadershipLost(f"{self.role}: {error}") from error
                await self._clock.sleep(LOOK_SECONDS)
            else:
                self._take_note(asked_at, renewed=renewed)
                return

    def _take_note(self, asked_at: float, *, renewed: bool) -> None:
        if not renewed:
            self._held_until = float("-inf")
            raise LeadershipLost(f"{self.role}: epoch {self.epoch} is over, another instance leads")
        self._held_until = _end_of_lease(asked_at)

    async def _release(self) -> None:
        """A lease that cannot be given back runs out by itself."""
        try:
            await self._table.release(self.role, self.epoch)
        except LeaseTableAway as error:
            _logger.warning("lease_not_released", role=self.role, error=str(error))


class Candidate:
    """Waits for the lease of a role. Says once who has it, and goes on waiting."""

    def __init__(
        self, table: LeaseTable, role: str, clock: Clock, me: ProcessIdentity, above: int = 0
    ) -> None:
        self._table = table
        self._role = role
        self._clock = clock
        self._me = me
        self._above = above
        self._seen: LeaseRow | None = None
        self._seen_since = 0.0
        self._told: int | str | None = None

    async def elected(self) -> Leadership:
        """Returns when this instance leads."""
        while True:
            try:
                leading = await self._try()
            except LeaseTableAway as error:
                heed_cancellation()
                self._tell_away(error)
            else:
                if leading is not None:
                    return leading
            await self._clock.sleep(LOOK_SECONDS)

    async def _try(self) -> Leadership | None:
        row = await self._table.read(self._role)
        if not self._is_free(row):
            self._tell_of(row)
            return None
        asked_at = self._clock.monotonic()
        holder = _encode(self._me).decode()
        epoch = await self._table.take(self._role, row, holder, self._above)
        if epoch is None:
            return None
        _logger.info("leading", role=self._role, epoch=epoch)
        return Leadership(self._table, self._role, epoch, self._clock, asked_at)

    def _is_free(self, row: LeaseRow) -> bool:
        if self._seen is None or self._seen.expires_at != row.expires_at:
            self._seen, self._seen_since = row, self._clock.monotonic()
        unchanged = self._clock.monotonic() - self._seen_since
        return row.has_expired or unchanged > LEASE_SECONDS or self._has_ended(row)

    def _has_ended(self, row: LeaseRow) -> bool:
        holder = _holder_of(row)
        if holder == self._me:
            return (self._role, row.epoch) not in _leads_here
        return holder.has_ended()

    def _tell_of(self, row: LeaseRow) -> None:
        if self._told != row.epoch:
            self._told = row.epoch
            _logger.info(
                "another instance leads, waiting",
                role=self._role,
                leader=str(_holder_of(row)),
                epoch=row.epoch,
                since=row.since.isoformat(),
                until=row.expires_at.isoformat(),
                note="renewed by the leader while it lives",
            )

    def _tell_away(self, error: LeaseTableAway) -> None:
        if self._told != "away":
            self._told = "away"
            _logger.warning("nobody can lead, waiting", role=self._role, reason=str(error))


def _end_of_lease(asked_at: float) -> float:
    return asked_at + LEASE_SECONDS - MARGIN_SECONDS


def _holder_of(row: LeaseRow) -> ProcessIdentity:
    """Nobody knows whether it has ended who cannot be told from the row."""
    try:
        return msgspec.json.decode(row.holder, type=ProcessIdentity)
    except msgspec.DecodeError:
        return ProcessIdentity()


def _conforms(leading: Leadership) -> Lease:
    return leading
