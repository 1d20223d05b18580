"""The roles of the core, each alone in a process of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum

from adapters.market.hub import MarketHub
from adapters.market.redis_market_data import RedisMarketData
from adapters.market.redis_publisher import RedisPublisher
from infra.composition.api import ApiServer
from infra.composition.candles import CandlePump
from infra.composition.database import prepare_database
from infra.composition.execution import ExecutionRole, from_market
from infra.composition.first_limits import ensure_system_limits
from infra.composition.limits import keep_limits_current
from infra.composition.machinery import Machinery
from infra.composition.market import frame_source, market_feed
from infra.composition.projector import run_projector
from infra.heartbeat import heartbeat
from projections.candles import CandleWriter
from projections.change_feed import RedisChangeFeed


class Role(StrEnum):
    API = "api"
    PROJECTOR = "projector"
    EXECUTION = "execution"
    MARKET = "market"


async def run_role(role: Role, machinery: Machinery) -> None:
    """One role, with the others in processes of their own. Until cancelled."""
    async with heartbeat(machinery.settings.data_dir, role, machinery.clock):
        await prepare_database(machinery)
        await _ROLES[role](machinery)


async def run_market(machinery: Machinery, hub: MarketHub) -> None:
    """Feed a hub, and keep its candles."""
    source = frame_source(machinery.settings, machinery.instruments, machinery.clock)
    feed = market_feed(source, hub, machinery.clock, machinery.market_metrics)
    changes = RedisChangeFeed(machinery.redis, machinery.projection_metrics)
    writer = CandleWriter(machinery.pool, changes)
    await writer.install()
    async with asyncio.TaskGroup() as group:
        group.create_task(CandlePump(hub, writer, machinery.clock).run())
        group.create_task(feed.run())


async def _run_api(machinery: Machinery) -> None:
    market = _remote_market(machinery)
    core = machinery.core(market)
    await ensure_system_limits(core.repository, core.risk)
    async with asyncio.TaskGroup() as group:
        group.create_task(market.run())
        group.create_task(keep_limits_current(core.risk_book, machinery.log, machinery.clock))
        group.create_task(ApiServer(machinery, core).run())


async def _run_execution(machinery: Machinery) -> None:
    market = _remote_market(machinery)
    core = machinery.core(market)
    role = ExecutionRole(
        machinery.settings,
        core,
        machinery.pool,
        machinery.servers.postgres_dsn,
        from_market(market),
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(market.run())
        group.create_task(keep_limits_current(core.risk_book, machinery.log, machinery.clock))
        group.create_task(role.run())


async def _run_market(machinery: Machinery) -> None:
    hub = MarketHub(machinery.market_metrics)
    publisher = RedisPublisher(machinery.redis, hub, machinery.clock, machinery.market_metrics)
    async with asyncio.TaskGroup() as group:
        group.create_task(publisher.run())
        group.create_task(run_market(machinery, hub))


def _remote_market(machinery: Machinery) -> RedisMarketData:
    return RedisMarketData(machinery.redis, machinery.clock, machinery.market_metrics)


_ROLES: dict[Role, Callable[[Machinery], Awaitable[None]]] = {
    Role.API: _run_api,
    Role.PROJECTOR: run_projector,
    Role.EXECUTION: _run_execution,
    Role.MARKET: _run_market,
}
